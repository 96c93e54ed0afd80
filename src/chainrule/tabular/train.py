"""From prepared rows to a network, tested beside two baselines: a linear model, and the class shares or the mean."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule._json import plain
from chainrule._version import __version__
from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.distributed.distribution import Distribution
from chainrule.fit.build_network import architecture_of, batch_size_of
from chainrule.fit.build_training import Shape, build_training, in_shards
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.fit_network import Fitted, ValidationSet, fit_network, run_training, writable_copy
from chainrule.fit.parameters import Settings, check_parameters
from chainrule.fit.unused_parameters import warn_of_unused_parameters
from chainrule.metrics import running_figures
from chainrule.network.architecture import Architecture
from chainrule.network.losses import Loss, loss
from chainrule.network.training.history import History, StopReason
from chainrule.network.training.hooks import Hook
from chainrule.network.training.segment import State
from chainrule.network.training.setup import Training, Validation
from chainrule.network.types import Array
from chainrule.outofcore.memory import Budget
from chainrule.outofcore.row_files import RowFiles
from chainrule.outofcore.rows import ArrayRows
from chainrule.outofcore.shuffle import ShuffledRows
from chainrule.outofcore.stream_feed import StreamFeed, check_batch
from chainrule.table import Target
from chainrule.tabular.encode import EncodedRows
from chainrule.tabular.model import TableModel
from chainrule.tabular.prepare import PreparedTable

Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Trained:
    """The model, and its figures on the test rows beside those of the baselines."""

    model: TableModel
    fitted: Fitted
    figures: Figures = field(default_factory=dict)


def train(
    prepared: PreparedTable,
    settings: Settings,
    *,
    seed: int = 0,
    budget: Budget | None = None,
    compare_on: str = "test",
    on_segment: Hook | None = None,
    on_epoch: Hook | None = None,
    on_compare: Callable[[], None] | None = None,
    checkpoint: CheckpointFile | None = None,
    distribution: Distribution | None = None,
) -> Trained:
    """Train the network, and compare it with the baselines on rows that it was not trained on.

    Parameters
    ----------
    prepared : PreparedTable
    settings : Settings
    seed : int, default 0
    budget : Budget, optional
        The memory that rows on disk are read with; a quarter of the machine's by default.
    compare_on : {"test", "validation"}, default "test"
        Those rows. The validation rows decide when the network stops: its figures on them are a little too good.
    on_segment, on_epoch : callable, optional
        Called with the progress of the network's training.
    on_compare : callable, optional
        Called before the linear model is trained, which it is unless Ctrl-C ended the network's training.
    checkpoint : CheckpointFile, optional
        Of rows on disk: where training is taken up from, if there is a checkpoint, and where it leaves some.
    distribution : Distribution, optional
        Where to train the network, if not here. Only the root rank computes figures.

    Raises
    ------
    ClusterError, DivergenceError, InvalidParameterError, CheckpointError, TargetError
    """
    check_parameters(settings, list(vars(settings)))
    fit = _fitter(prepared, seed, budget or Budget.asked(None))
    began = time.perf_counter()
    fitted = fit(settings, on_segment, on_epoch, checkpoint, distribution)
    seconds = time.perf_counter() - began
    figures: Figures = {}
    tested = prepared.rows[compare_on]
    if tested.m and (distribution is None or distribution.is_root):
        figures["network"] = _figures(tested, prepared.target, _model(prepared, fitted).answers, fit.rows_at_once)
        if fitted.history.stop_reason != StopReason.INTERRUPTED:
            if on_compare is not None:
                on_compare()
            linear = _model(prepared, fit(_linear(settings)))
            figures["linear model"] = _figures(tested, prepared.target, linear.answers, fit.rows_at_once)
        figures[baseline_name(prepared.target)] = _figures(
            tested, prepared.target, _constant(prepared), fit.rows_at_once
        )
    record = _record(prepared, settings, seed, seconds, fitted.history) | {"figures": figures} | fit.record
    return Trained(_model(prepared, fitted, record), fitted, figures)


def baseline_name(target: Target) -> str:
    """Name the baseline that says the same of every row."""
    return "baseline: mean" if target.task == "regression" else "baseline: most frequent class"


def loss_of(target: Target) -> Loss:
    """Return the loss that fits the target."""
    if target.task == "regression":
        return loss("squared_error")
    return loss("binary_cross_entropy" if len(target.classes) == 2 else "categorical_cross_entropy")


def network_of(prepared: PreparedTable, settings: Settings) -> Architecture:
    """Return the network that `train` would train."""
    target, batch_size = prepared.target, batch_size_of(settings, prepared.m)
    inputs = len(prepared.encoder.feature_names)
    return architecture_of(settings, inputs, target.n_outputs, loss_of(target), batch_size)


def _model(prepared: PreparedTable, fitted: Fitted, record: dict[str, Any] | None = None) -> TableModel:
    parameters = fitted.state.parameters
    return TableModel(prepared.encoder, prepared.target, fitted.architecture, parameters, record or {})


def _record(prepared: PreparedTable, settings: Settings, seed: int, seconds: float, history: History) -> dict[str, Any]:
    """What a model file says about its training."""
    return {
        "chainrule": __version__,
        "rows": prepared.m,
        "test_rows": prepared.m_test,
        "seed": seed,
        "seconds": seconds,
        "settings": {name: value for name, value in vars(settings).items() if value != getattr(Settings(), name)},
        "history": history.to_dict(),
        "schema": [asdict(plan) for plan in prepared.schema.plans],
        "columns": plain(asdict(prepared.asked)),
    }


def _linear(settings: Settings) -> Settings:
    """The same training without hidden layers: f(x) = wᵀx + b. A divergence ends it with a warning."""
    changed = {"hidden_layer_sizes": (), "activation": "relu", "dropout": 0.0, "dropout_input": 0.0, "verbose": False}
    changed |= {"kernel_initializer": "zeros", "on_divergence": "warn"}
    return Settings(**(vars(settings) | changed))


def _constant(prepared: PreparedTable) -> Callable[[Array], Array]:
    """Always predict what the training rows say on average: the classes' shares, or the mean."""
    target, mean = prepared.target, np.array(prepared.mean)
    answer = np.array(target.centre) if target.task == "regression" else mean
    if target.task == "classification" and len(mean) == 1:
        answer = np.array([1 - mean[0], mean[0]])
    return lambda X: np.tile(answer, (len(X), 1))


def _figures(rows: EncodedRows, target: Target, answers: Callable[[Array], Array], size: int) -> dict[str, float]:
    """Judge answers on rows, some at a time."""
    figures = running_figures(target.task)
    for start in range(0, rows.m, size):
        part = rows.read(start, min(start + size, rows.m))
        figures.add(target.from_network(part.Y), answers(part.X))
    return figures.figures()


class _InMemory:
    """Trains on rows in memory."""

    def __init__(self, prepared: PreparedTable, seed: int) -> None:
        self.prepared, self.seed = prepared, seed
        self.rows_at_once = max(1, prepared.m, prepared.m_test)
        self.record: dict[str, Any] = {}

    def __call__(
        self,
        settings: Settings,
        on_segment: Hook | None = None,
        on_epoch: Hook | None = None,
        checkpoint: CheckpointFile | None = None,
        distribution: Distribution | None = None,
    ) -> Fitted:
        training, validation = (_dataset(self.prepared.rows[part]) for part in ("training", "validation"))
        return fit_network(
            settings,
            training,
            loss_of(self.prepared.target),
            seed=self.seed,
            validation=ValidationSet(validation) if validation.m else None,
            attach=lambda posed, _: replace(posed, on_segment=on_segment, on_epoch=on_epoch),
            distribution=distribution,
            checkpoint=checkpoint,
        )


def _dataset(rows: EncodedRows) -> TrainingSet:
    block = rows.read(0, rows.m)
    return TrainingSet(block.X, block.Y)


class _OnDisk:
    """Trains on rows that are read in windows."""

    def __init__(self, prepared: PreparedTable, seed: int, budget: Budget) -> None:
        self.prepared, self.seed, self.budget = prepared, seed, budget
        self.block, self.window = window_of(prepared, budget)
        self.rows_at_once = self.block * -(-self.window // 4)
        self.record = {"order": {"block": self.block, "window": self.window}}

    def __call__(
        self,
        settings: Settings,
        on_segment: Hook | None = None,
        on_epoch: Hook | None = None,
        checkpoint: CheckpointFile | None = None,
        distribution: Distribution | None = None,
    ) -> Fitted:
        rows = self.prepared.rows["training"]
        warn_of_unused_parameters(settings, validated=self.prepared.rows["validation"].m > 0)
        with closing(self._shuffled(rows, shuffle=settings.shuffle)) as shuffled:
            training, state = self._built(settings, shuffled)
            training = replace(training, on_segment=on_segment, on_epoch=on_epoch)
            if distribution is not None:
                training = in_shards(training, settings, distribution, self._to_share(), np.dtype(np.float32))
            elif settings.solver != "lbfgs":
                check_batch(shuffled, training.plan.batch_size)
            state, history = run_training(training, state, settings, checkpoint, drawn=True)
        return Fitted(training.architecture, writable_copy(state), history, training.plan.optimizer.name, rows.m)

    def _shuffled(self, rows: EncodedRows, *, shuffle: bool) -> ShuffledRows:
        return ShuffledRows(rows, self.seed, block=self.block, window=self.window, shuffle=shuffle)

    def _built(self, settings: Settings, shuffled: ShuffledRows) -> tuple[Training, State]:
        prepared = self.prepared
        target, held_out = prepared.target, prepared.rows["validation"]
        training, state = build_training(
            settings,
            Shape(shuffled.m, len(prepared.encoder.feature_names), target.n_outputs, np.dtype(np.float32)),
            loss_of(target),
            lambda runner: StreamFeed(shuffled, runner),
            lambda: (np.array(prepared.mean)[:, None], None),
            seed=self.seed,
        )
        if held_out.m:
            feed = StreamFeed(self._shuffled(held_out, shuffle=False), training.feed.runner)
            training = replace(training, validation=Validation(feed))
        return training, state

    def _to_share(self) -> RowFiles:
        """Return the training rows, unless sending them would fill the memory."""
        rows = self.prepared.to_share(self.budget.reader)
        assert isinstance(rows, RowFiles)
        if rows.remote is None and rows.m * rows.row_bytes > self.budget.rows:
            raise InvalidParameterError(
                f"{self.prepared.about.source} is no Parquet file that each worker could read its rows from, and to "
                f"send them, {rows.m * rows.row_bytes / 1e9:,.1f} GB, takes more than the memory allowed. Write the "
                "table as Parquet, where all workers can read it."
            )
        return rows


def window_of(prepared: PreparedTable, budget: Budget) -> tuple[int, int]:
    """Return how many rows make a block and how many blocks a window: they decide the order, and so the result."""
    rows = prepared.rows["training"]
    assert isinstance(rows, RowFiles)
    return budget.window(rows.row_bytes)


def _fitter(prepared: PreparedTable, seed: int, budget: Budget) -> _InMemory | _OnDisk:
    if isinstance(prepared.rows["training"], ArrayRows):
        return _InMemory(prepared, seed)
    return _OnDisk(prepared, seed, budget)
