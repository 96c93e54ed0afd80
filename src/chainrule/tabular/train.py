"""Train a network on prepared rows, and compare it with the baselines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule._json import plain
from chainrule._version import __version__
from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.distributed.distribution import Distribution
from chainrule.fit.build_network import architecture_of, batch_size_of
from chainrule.fit.dataset import Dataset, TrainingSet
from chainrule.fit.fit_network import ValidationSet, fit_network
from chainrule.fit.parameters import Settings, check_parameters
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.metrics import ByClass, Figures, running_figures
from chainrule.metrics.figures import RunningFigures
from chainrule.network.architecture import Architecture
from chainrule.network.embeddings import Embedding
from chainrule.network.training.feed import Feed
from chainrule.network.training.history import History, StopReason
from chainrule.network.training.hooks import Hook
from chainrule.network.training.runner import Runner
from chainrule.network.types import Array
from chainrule.outofcore.memory import Budget
from chainrule.outofcore.row_files import RowFiles, weights_of
from chainrule.outofcore.rows import ArrayRows
from chainrule.outofcore.shuffle import ShuffledRows
from chainrule.outofcore.stream_feed import StreamFeed
from chainrule.table import Target
from chainrule.tabular.baselines import LINEAR, baseline_name, constant_answers, linear_settings
from chainrule.tabular.encode import EncodedRows
from chainrule.tabular.intervals import Intervals, require_enough
from chainrule.tabular.model import TableModel
from chainrule.tabular.prepare import PreparedTable
from chainrule.tabular.thresholds import Thresholds
from chainrule.tabular.uncertainty import SMALL, standard_error


@dataclass(frozen=True)
class Trained:
    """The model, with its figures and those of the baselines on the test rows.

    Attributes
    ----------
    model : TableModel
    figures : dict of str to dict
        By the names of the network and the baselines.
    by_class : ByClass, optional
        The network's figures of each class.
    covered : tuple of float
        With intervals, the share of the test rows inside, for each target.
    is_whole : bool
        Whether neither training nor comparison was ended by Ctrl-C.
    """

    model: TableModel
    figures: dict[str, Figures] = field(default_factory=dict)
    by_class: ByClass | None = None
    covered: tuple[float, ...] = ()
    is_whole: bool = True

    def __repr__(self) -> str:
        return f"Trained({self.model!r}, figures of {', '.join(self.figures) or 'none'})"


def train(
    prepared: PreparedTable,
    settings: Settings,
    *,
    seed: int = 0,
    budget: Budget | None = None,
    compare_on: str = "test",
    intervals: float | None = None,
    on_segment: Hook | None = None,
    on_epoch: Hook | None = None,
    on_compare: Callable[[], None] | None = None,
    checkpoint: CheckpointFile | None = None,
    distribution: Distribution | None = None,
) -> Trained:
    """Train the network, and compare it with the baselines on held-out rows.

    Parameters
    ----------
    prepared : PreparedTable
    settings : Settings
    seed : int, default 0
    budget : Budget, optional
        The memory for reading rows on disk; a quarter of the machine's by default.
    compare_on : {"test", "validation"}, default "test"
        Which rows. The validation rows decide when training stops, so the figures on them are a little too good.
    intervals : float, optional
        The share that intervals around predicted numbers are to cover, measured on the validation rows.
    on_segment, on_epoch : callable, optional
        Called with the progress of the network's training.
    on_compare : callable, optional
        Called before the linear model is trained; not called after Ctrl-C, when no linear model is trained. Ctrl-C
        after the training ends the comparison only: figures that are not computed yet are left out.
    checkpoint : CheckpointFile, optional
        For rows on disk: the file that training resumes from, if it exists, and writes checkpoints to.
    distribution : Distribution, optional
        Where to train the network, if not on this machine. Only the root rank computes figures.

    Raises
    ------
    ClusterError, DivergenceError, InvalidParameterError, CheckpointError, TargetError
    """
    check_parameters(settings, list(vars(settings)))
    budget = budget or Budget.asked(None)
    if intervals is not None:
        require_enough(intervals, prepared.target, prepared.rows["validation"].m)
    began = time.perf_counter()
    network = _fit(prepared, settings, seed, budget, on_segment, on_epoch, checkpoint, distribution)
    seconds = time.perf_counter() - began
    found = _Measured()
    if distribution is None or distribution.is_root:
        size, linear = (
            _rows_at_once(prepared, budget),
            partial(_linear_model, prepared, settings, seed, budget, on_compare),
        )
        with suppress(KeyboardInterrupt):  # Ctrl-C ends the comparison; the network is kept
            found.measure(prepared, network, compare_on, intervals, size, linear)
    record = _record(prepared, settings, seed, seconds, network.history) | found.record
    if isinstance(prepared.rows["training"], RowFiles):
        record["order"] = dict(zip(("block", "window"), window_of(prepared, budget), strict=True))
    model = replace(_model(prepared, network, record), intervals=found.intervals, thresholds=found.thresholds)
    return Trained(model, found.figures, found.by_class, found.covered, is_whole=found.is_whole)


@dataclass
class _Measured:
    """What is measured of a trained network on held-out rows, as far as Ctrl-C lets it come."""

    intervals: Intervals | None = None
    covered: tuple[float, ...] = ()
    thresholds: Thresholds | None = None
    figures: dict[str, Figures] = field(default_factory=dict)
    by_class: ByClass | None = None
    standard_error: dict[str, float] = field(default_factory=dict)
    is_whole: bool = False

    def measure(
        self,
        prepared: PreparedTable,
        network: TrainedNetwork,
        compare_on: str,
        coverage: float | None,
        size: int,
        linear: Callable[[], TrainedNetwork],
    ) -> None:
        """Measure intervals and thresholds, then figures beside those of a linear model and the constant baseline."""
        model, tested = _model(prepared, network), prepared.rows[compare_on]
        self.intervals, self.covered = _intervals(prepared, network, coverage, size)
        self.thresholds = _thresholds(model, prepared.rows["validation"], size)
        stopped = network.history.stop_reason == StopReason.INTERRUPTED
        if tested.m:
            judged = partial(_figures, tested, prepared.target, size)
            found = judged(model.answers)
            self.figures["network"], self.by_class = found.figures(), found.by_class()
            if prepared.about.n_rows < SMALL:
                self.standard_error = standard_error(tested, prepared.target, model.answers)
            if not stopped and not (stopped := (other := linear()).history.stop_reason == StopReason.INTERRUPTED):
                self.figures[LINEAR] = judged(_model(prepared, other).answers).figures()
            self.figures[baseline_name(prepared.target)] = judged(constant_answers(prepared)).figures()
        self.is_whole = not stopped

    @property
    def record(self) -> dict[str, Any]:
        """What the model file keeps of it."""
        found: dict[str, Any] = {"figures": self.figures}
        if self.standard_error:
            found["standard_error"] = self.standard_error
        if self.covered:
            found["covered"] = list(self.covered)
        return found


def _linear_model(
    prepared: PreparedTable, settings: Settings, seed: int, budget: Budget, on_compare: Callable[[], None] | None
) -> TrainedNetwork:
    if on_compare is not None:
        on_compare()
    return _fit(prepared, linear_settings(settings), seed, budget)


def network_of(prepared: PreparedTable, settings: Settings) -> Architecture:
    """Return the architecture of the network that `train` would train."""
    target, batch_size = prepared.target, batch_size_of(settings, prepared.m)
    encoder, loss = prepared.encoder, prepared.objective.loss_for(target)
    return architecture_of(settings, len(encoder.feature_names), target.n_outputs, loss, batch_size, encoder.embeddings)


def _model(prepared: PreparedTable, network: TrainedNetwork, record: dict[str, Any] | None = None) -> TableModel:
    return TableModel(prepared.encoder, prepared.target, network, record or {}, prepared.format)


def _record(prepared: PreparedTable, settings: Settings, seed: int, seconds: float, history: History) -> dict[str, Any]:
    """Return the model file's record of its training."""
    return {
        "chainrule": __version__,
        "rows": prepared.m,
        "test_rows": prepared.m_test,
        "seed": seed,
        "seconds": seconds,
        "settings": {name: value for name, value in vars(settings).items() if value != getattr(Settings(), name)},
        "history": history.to_dict(),
        "findings": [finding.to_dict() for finding in prepared.findings],
        "profiles": [profile.to_dict() for profile in prepared.profiles],
        "schema": [plan.to_dict() for plan in prepared.schema.plans],
        "columns": plain(asdict(prepared.asked)),
        "objective": prepared.objective.to_dict(),
        "test_size": prepared.shares.test,
        "split": {"by": prepared.shares.by, "time": prepared.shares.time, "notes": list(prepared.split_notes)},
    }


def _figures(rows: EncodedRows, target: Target, size: int, answers: Callable[[Array], Array]) -> RunningFigures:
    """Compute the figures of predictions, some rows at a time."""
    figures = running_figures(target.task)
    unit = rows.mean_weight if isinstance(rows, RowFiles) else 1.0  # as which a weight on disk is read
    for start in range(0, rows.m, size):
        part = rows.read(start, min(start + size, rows.m))
        weights = None if part.weights is None else part.weights * unit
        figures.add(target.from_network(part.Y), answers(part.X), weights)
    return figures


def _outputs(network: TrainedNetwork, rows: EncodedRows, size: int) -> Iterator[tuple[Array, Array, Array | None]]:
    """Yield targets and outputs in the network's units, and weights, some rows at a time."""
    for start in range(0, rows.m, size):
        part = rows.read(start, min(start + size, rows.m))
        yield part.Y, network.outputs(part.X), part.weights


def _intervals(
    prepared: PreparedTable, network: TrainedNetwork, coverage: float | None, size: int
) -> tuple[Intervals | None, tuple[float, ...]]:
    """Return intervals from the validation rows, if they are wanted, and the share of the test rows inside."""
    if coverage is None:
        return None, ()
    outputs = partial(_outputs, network, size=size)
    measured = Intervals.measured(coverage, outputs(prepared.rows["validation"]))
    return measured, measured.covered(outputs(prepared.rows["test"]), prepared.target, network.architecture.loss)


def _thresholds(model: TableModel, rows: EncodedRows, size: int) -> Thresholds | None:
    """Measure thresholds of two classes on rows, if there are any."""
    if len(model.target.classes) != 2 or not rows.m:
        return None
    parts = (rows.read(start, min(start + size, rows.m)) for start in range(0, rows.m, size))
    return Thresholds.measured((part.Y[:, 0], model.answers(part.X)[:, 1], part.weights) for part in parts)


@dataclass(frozen=True)
class _RowsOnDisk:
    """A `Dataset` of rows on disk that are read in windows; only the mean of the targets is in memory."""

    rows: RowFiles
    mean: tuple[float, ...]
    block: int
    window: int
    embeddings: tuple[Embedding, ...] = ()
    _opened: list[ShuffledRows] = field(default_factory=list)

    @property
    def m(self) -> int:
        return self.rows.m

    @property
    def n_inputs(self) -> int:
        return self.rows.n_inputs

    @property
    def n_outputs(self) -> int:
        return self.rows.n_targets

    @property
    def Y(self) -> Array:  # noqa: N802 - the letter of the equations
        return np.array(self.mean)[None]

    @property
    def targets(self) -> tuple[Array, Array | None]:
        return self.Y.T, None

    @property
    def examples(self) -> RowFiles:
        return self.rows

    def dtype(self, settings: Settings) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def feed(self, runner: Runner, seed: int = 0, *, shuffle: bool = False) -> Feed:
        self._opened.append(ShuffledRows(self.rows, seed, block=self.block, window=self.window, shuffle=shuffle))
        return StreamFeed(self._opened[-1], runner)

    def merged(self) -> _RowsOnDisk:
        return self

    def close(self) -> None:
        for shuffled in self._opened:
            shuffled.close()


def _fit(
    prepared: PreparedTable,
    settings: Settings,
    seed: int,
    budget: Budget,
    on_segment: Hook | None = None,
    on_epoch: Hook | None = None,
    checkpoint: CheckpointFile | None = None,
    distribution: Distribution | None = None,
) -> TrainedNetwork:
    with (
        _dataset(prepared, "training", budget, shares=distribution is not None) as training,
        _dataset(prepared, "validation", budget) as held_out,
    ):
        return fit_network(
            settings,
            training,
            prepared.objective.loss_for(prepared.target),
            seed=seed,
            validation=ValidationSet(held_out) if held_out.m else None,
            attach=lambda training, _: replace(training, on_segment=on_segment, on_epoch=on_epoch),
            distribution=distribution,
            checkpoint=checkpoint,
        )


@contextmanager
def _dataset(prepared: PreparedTable, part: str, budget: Budget, *, shares: bool = False) -> Iterator[Dataset]:
    """Open the rows of a part as a dataset: rows in memory as they are, rows on disk in windows."""
    rows = prepared.rows[part]
    if isinstance(rows, ArrayRows):
        X, Y = rows.block.X, rows.block.Y
        weights = weights_of(Y, prepared.class_weights, rows.block.weights)
        yield TrainingSet(X, Y, weights, embeddings=prepared.encoder.embeddings)
        return
    rows = _to_share(prepared, budget) if shares else rows
    rows, order = replace(rows, class_weights=prepared.class_weights), window_of(prepared, budget)
    with closing(_RowsOnDisk(rows, prepared.weighted_mean, *order, prepared.encoder.embeddings)) as dataset:
        yield dataset


def _to_share(prepared: PreparedTable, budget: Budget) -> RowFiles:
    """Return the training rows for other machines, unless sending them would exceed the memory."""
    rows = prepared.to_share(budget.reader)
    if rows.remote is None and rows.m * rows.row_bytes > budget.rows:
        raise InvalidParameterError(
            f"{prepared.about.source} is no Parquet file that each worker could read its rows from, and sending "
            f"them, {rows.m * rows.row_bytes / 1e9:,.1f} GB, takes more than the memory allowed. Write the table as "
            "Parquet, where all workers can read it."
        )
    return rows


def window_of(prepared: PreparedTable, budget: Budget) -> tuple[int, int]:
    """Return how many rows on disk make a block and how many blocks a window: they decide the order of an epoch."""
    rows = prepared.rows["training"]
    assert isinstance(rows, RowFiles)
    return budget.window(rows.row_bytes)


def _rows_at_once(prepared: PreparedTable, budget: Budget) -> int:
    """Return how many rows to evaluate at a time."""
    if isinstance(prepared.rows["training"], ArrayRows):
        return max(1, prepared.m, prepared.m_test)
    block, window = window_of(prepared, budget)
    return block * -(-window // 4)
