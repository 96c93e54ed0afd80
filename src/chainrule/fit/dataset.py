"""Training data: the `Dataset` protocol, rows with their targets, and the validation split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from chainrule._errors import TargetError
from chainrule.fit.build_network import training_dtype
from chainrule.fit.parameters import Settings
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.rows import row_keys
from chainrule.network.training.feed import Feed, InMemory
from chainrule.network.training.runner import Runner
from chainrule.network.types import Array
from chainrule.outofcore.rows import DivisibleRows
from chainrule.outofcore.shuffle import ShuffledRows
from chainrule.outofcore.stored_matrix import StoredMatrix, StoredRows
from chainrule.outofcore.stream_feed import StreamFeed
from chainrule.table.holdout import holdout

_MANY_ROWS = 10_000  # with more, early_stopping="auto" is True, as in scikit-learn's gradient boosting


class Dataset(Protocol):
    """Training examples, in memory or on disk."""

    @property
    def m(self) -> int:
        """The number of rows that count."""

    @property
    def n_inputs(self) -> int:
        """The number of input columns."""

    @property
    def n_outputs(self) -> int:
        """The number of target columns."""

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """The embeddings of the code columns."""

    @property
    def Y(self) -> Array:  # noqa: N802 - the letter of the equations
        """Targets (k, n[L]) to check before training; for rows on disk some of them, or their mean."""

    @property
    def targets(self) -> tuple[Array, Array | None]:
        """Targets (n[L], k) and relative weights, if any; their mean, which initialises the last bias, is exact."""

    @property
    def examples(self) -> Examples | DivisibleRows:
        """The rows that count, to be cut into shards or sampled."""

    def dtype(self, settings: Settings) -> np.dtype[Any]:
        """Return the dtype of training."""

    def feed(self, runner: Runner, seed: int = 0, *, shuffle: bool = False) -> Feed:
        """Return the feed of the rows for a runner; without shuffling they are in order."""

    def merged(self) -> Dataset:
        """Merge copies of a row, if possible: for full-batch training without dropout."""


@dataclass(frozen=True)
class TrainingSet:
    """A `Dataset`, once its columns are encoded; its rows are examples, as in scikit-learn and in files.

    Attributes
    ----------
    X : array, CSR or stored matrix of shape (m, n[0]), or a Table whose columns are still to be encoded
    Y : ndarray of shape (m, n[L])
    weights : ndarray of shape (m,), optional
        Rows of weight 0 do not count.
    strata : ndarray of shape (m,), optional
        Class codes, whose shares a validation split keeps.
    rows : ndarray of int, optional
        The rows that belong to it; None for all.
    embeddings : tuple of Embedding
        The embeddings of the code columns of X.
    """

    X: Any
    Y: Array
    weights: Array | None = None
    strata: Array | None = None
    rows: Array | None = None
    embeddings: tuple[Embedding, ...] = ()

    def __repr__(self) -> str:
        return f"TrainingSet({self.m:,} rows, {self.n_outputs:,} outputs)"

    @property
    def m(self) -> int:
        """The number of rows that count."""
        return len(self.Y) if self.counted is None else len(self.counted)

    @cached_property
    def counted(self) -> Array | None:
        """The rows that belong to it and have a weight; None for all."""
        if self.weights is None or self.weights.all():
            return self.rows
        return np.flatnonzero(self.weights) if self.rows is None else self.rows[self.weights[self.rows] > 0]

    @property
    def n_inputs(self) -> int:
        """The number of input columns."""
        return int(self.X.shape[1])

    @property
    def n_outputs(self) -> int:
        """The number of target columns."""
        return self.Y.shape[1]

    @property
    def targets(self) -> tuple[Array, Array | None]:
        """Targets (n[L], m) and relative weights of the rows that count."""
        rows = slice(None) if self.counted is None else self.counted
        weights = None if self.weights is None else self.weights[rows] / self.examples.mean_weight
        return self.Y[rows].T.astype(np.float64, copy=False), weights

    @cached_property
    def examples(self) -> Examples | StoredRows:
        """The rows that count: in textbook orientation, or on disk."""
        if isinstance(self.X, StoredMatrix):
            return StoredRows(self.X, self.Y, self.weights, self.counted)
        return Examples(self.X.T, self.Y.T, self.weights, self.counted)

    def dtype(self, settings: Settings) -> np.dtype[Any]:
        """Return the dtype of training."""
        return training_dtype(settings, self.X, self.Y)

    def feed(self, runner: Runner, seed: int = 0, *, shuffle: bool = False) -> Feed:
        """Return the feed of the rows for a runner; without shuffling they are in order."""
        if isinstance(self.examples, Examples):
            return InMemory(self.examples, runner, shuffle)
        block, window = self.X.order
        return StreamFeed(ShuffledRows(self.examples, seed, block=block, window=window, shuffle=shuffle), runner)

    def merged(self) -> TrainingSet:
        """Merge copies of a row in memory into one with their total weight."""
        if isinstance(self.examples, StoredRows):
            return self
        merged = self.examples.merged()
        return replace(self, weights=merged.weights, rows=merged.rows)

    def digest(self) -> str:
        """Hash the training data, in order."""
        found = hashlib.sha256(row_keys(self.X).tobytes() + np.ascontiguousarray(self.Y).tobytes())
        if self.weights is not None:
            found.update(self.weights.tobytes())
        return found.hexdigest()


def stops_early(settings: Settings, m: int) -> bool:
    """Say whether training on m rows stops early: always, never, or with "auto" if there are many rows."""
    return m > _MANY_ROWS if settings.early_stopping == "auto" else bool(settings.early_stopping)


def split(settings: Settings, table: TrainingSet, seed: int) -> tuple[TrainingSet, TrainingSet | None]:
    """Return the training part, and the validation part if the settings ask for early stopping.

    Rows are drawn by their number among those that count. The shares of classes, or of tenths of the first output's
    range, are kept.

    Raises
    ------
    TargetError
        If there are too few rows to hold any out.
    """
    rows = np.arange(len(table.Y)) if table.counted is None else table.counted
    m = len(rows)
    if not stops_early(settings, m):
        return table, None
    asked = settings.validation_fraction
    held_out = holdout(
        m,
        asked if asked < 1 else asked / m,
        seed=seed,
        classes=None if table.strata is None else table.strata[rows],
        values=table.Y[rows, 0].astype(np.float64) if table.strata is None else None,
        keys=row_keys(table.X)[rows],
    )
    if held_out.sum() < 1 or held_out.all() or asked >= m:
        raise TargetError(
            f"The validation set is too small: n_samples = {m} cannot be split by validation_fraction="
            f"{asked}. Increase 'validation_fraction' or the size of your dataset."
        )
    return replace(table, rows=rows[~held_out]), replace(table, rows=rows[held_out])
