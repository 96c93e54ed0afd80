"""From spooled rows to a `TableModel`: training on what is read as it is needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.distributed.distribution import Distribution
from chainrule.fit.build_training import build_training
from chainrule.fit.fit_network import run_training
from chainrule.fit.parameters import Settings, check_parameters
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.fit.unused_parameters import warn_of_unused_parameters
from chainrule.metrics.summed import sums_of
from chainrule.network.embeddings import Embedding
from chainrule.network.training.feed import Feed
from chainrule.network.training.history import StopReason
from chainrule.network.training.hooks import Hook
from chainrule.network.training.runner import Runner
from chainrule.network.training.setup import Validation
from chainrule.network.types import Array
from chainrule.outofcore.memory import Budget
from chainrule.outofcore.row_files import SpooledRows
from chainrule.outofcore.shuffle import ShuffledRows
from chainrule.outofcore.stream_feed import StreamFeed
from chainrule.table import Target
from chainrule.tabular.model import TableModel
from chainrule.tabular.prepare import PreparedPieces
from chainrule.tabular.task import Trained, linear_settings, loss_of, table_model, training_record


def train_batches(
    prepared: PreparedPieces,
    settings: Settings,
    budget: Budget,
    *,
    seed: int = 0,
    on_segment: Hook | None = None,
    on_epoch: Hook | None = None,
    on_compare: Callable[[], None] | None = None,
    checkpoint: CheckpointFile | None = None,
    distribution: Distribution | None = None,
) -> Trained:
    """Train the network on spooled rows, and compare it on the test rows as `table_training.train` does.

    Parameters
    ----------
    prepared : PreparedPieces
    settings : Settings
    budget : Budget
        The memory for it.
    seed : int, default 0
    on_segment, on_epoch : callable, optional
        Called with the progress of the network's training.
    on_compare : callable, optional
        Called before the linear model is trained, which it is unless Ctrl-C ended the network's training.
    checkpoint : CheckpointFile, optional
        Where training is taken up from, if there is a checkpoint, and where it leaves some.
    distribution : Distribution, optional
        Where to train the network, if not here. Who does not lead the training judges nothing.

    Raises
    ------
    ClusterError, DivergenceError, InvalidParameterError, CheckpointError
    """
    check_parameters(settings, list(vars(settings)))
    warn_of_unused_parameters(settings, validated=prepared.rows["validation"].m > 0)
    began = time.perf_counter()
    fitted = _fit(prepared, settings, budget, seed, on_segment, on_epoch, checkpoint, distribution)
    seconds = time.perf_counter() - began
    figures = {}
    if prepared.m_test and (distribution is None or distribution.is_root):
        figures["network"] = _figures(prepared, table_model(prepared, fitted, {}), budget)
        if fitted.history.stop_reason != StopReason.INTERRUPTED:
            if on_compare is not None:
                on_compare()
            linear = _fit(prepared, linear_settings(settings, fitted.history), budget, seed)
            figures["linear model"] = _figures(prepared, table_model(prepared, linear, {}), budget)
        figures["trivial answer"] = _trivial_figures(prepared, budget)
    block, window = window_of(prepared, budget)
    record = training_record(prepared, settings, seed, seconds, fitted.history)
    record |= {"figures": figures, "order": {"block": block, "window": window}}
    return Trained(table_model(prepared, fitted, record), fitted, figures)


def window_of(prepared: PreparedPieces, budget: Budget) -> tuple[int, int]:
    """Return how many rows make a block and how many blocks a window: they decide the order, and so the result."""
    rows = prepared.rows["training"]
    return budget.window(rows.row_bytes)


def _fit(
    prepared: PreparedPieces,
    settings: Settings,
    budget: Budget,
    seed: int,
    on_segment: Hook | None = None,
    on_epoch: Hook | None = None,
    checkpoint: CheckpointFile | None = None,
    distribution: Distribution | None = None,
) -> TrainedNetwork:
    block, window = window_of(prepared, budget)
    rows, held_out = prepared.rows["training"], prepared.rows["validation"]
    with closing(ShuffledRows(rows, seed, block=block, window=window, shuffle=settings.shuffle)) as shuffled:
        share, mean = partial(_to_share, prepared, budget), np.array(prepared.mean)[None]
        dataset = _Dataset(rows.m, rows.n_inputs, rows.n_targets, mean, shuffled, share)
        loss = loss_of(prepared.target)
        training, state = build_training(settings, dataset, loss, seed=seed, distribution=distribution)
        if held_out.m:
            looked_at = ShuffledRows(held_out, seed, block=block, window=window, shuffle=False)
            training = replace(training, validation=Validation(StreamFeed(looked_at, training.feed.runner)))
        training = replace(training, on_segment=on_segment, on_epoch=on_epoch)
        state, history = run_training(training, state, settings, checkpoint, drawn=True)
    return TrainedNetwork.of(training, state, history, rows.m)


@dataclass(frozen=True)
class _Dataset:
    """The spooled rows to train on, for `fit`; of the targets only the mean is in memory."""

    m: int
    n_inputs: int
    n_outputs: int
    Y: Array
    shuffled: ShuffledRows
    share: Callable[[], SpooledRows]
    embeddings: tuple[Embedding, ...] = ()

    @property
    def targets(self) -> tuple[Array, Array | None]:
        return self.Y.T, None

    @property
    def examples(self) -> SpooledRows:
        return self.share()

    def dtype(self, settings: Settings) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def feed(self, runner: Runner, seed: int = 0, *, shuffle: bool = False) -> Feed:
        return StreamFeed(self.shuffled, runner)

    def merged(self) -> _Dataset:
        return self


def _to_share(prepared: PreparedPieces, budget: Budget) -> SpooledRows:
    """Return the training rows, unless sending them would fill the memory."""
    rows = prepared.to_share(budget.reader)
    if rows.remote is None and rows.m * rows.row_bytes > budget.rows:
        raise InvalidParameterError(
            f"{prepared.about.source} is no Parquet file that each worker could read its rows from, and to send them, "
            f"{rows.m * rows.row_bytes / 1e9:,.1f} GB, takes more than the memory allowed. Write the table as Parquet, "
            "where all workers can read it."
        )
    return rows


def _figures(prepared: PreparedPieces, model: TableModel, budget: Budget) -> dict[str, float]:
    sums = sums_of(prepared.target.task)
    for X, y in _tested(prepared, budget):
        sums.add(y, model.answers(X))
    return sums.figures()


def _trivial_figures(prepared: PreparedPieces, budget: Budget) -> dict[str, float]:
    """Always say what the training rows say on average: the classes' shares, or the mean."""
    target, mean = prepared.target, np.array(prepared.mean)
    answer = np.array(target.centre) if target.task == "regression" else mean
    if target.task == "classification" and len(mean) == 1:
        answer = np.array([1 - mean[0], mean[0]])
    sums = sums_of(target.task)
    for _, y in _tested(prepared, budget):
        sums.add(y, np.tile(answer, (len(y), 1)))
    return sums.figures()


def _tested(prepared: PreparedPieces, budget: Budget) -> Iterator[tuple[Array, Array]]:
    """Give the test rows in blocks: inputs, and class codes (m,) or numbers (m, k) in the table's units."""
    rows, (block, window) = prepared.rows["test"], window_of(prepared, budget)
    size = block * -(-window // 4)
    for start in range(0, rows.m, size):
        part = rows.read(start, min(start + size, rows.m))
        yield part.X, _untargeted(prepared.target, part.Y)


def _untargeted(target: Target, Y: Array) -> Array:
    """Turn what the network learns back into class codes or numbers."""
    if target.task == "regression":
        return target.to_units(Y)
    return Y[:, 0].astype(np.int64) if Y.shape[1] == 1 else Y.argmax(axis=1)
