"""What a network is trained on: the protocol, rows with their targets, and the part held out to validate."""

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

_MANY_ROWS = 10_000  # more of them, and early_stopping="auto" stops early, as in scikit-learn's gradient boosting


class Dataset(Protocol):
    """Examples to train on, wherever they are."""

    @property
    def m(self) -> int:
        """How many rows count."""

    @property
    def n_inputs(self) -> int:
        """How many columns the network reads."""

    @property
    def n_outputs(self) -> int:
        """How many columns the network learns."""

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """Of the columns that are codes."""

    @property
    def Y(self) -> Array:  # noqa: N802 - the letter of the equations
        """Targets (k, n[L]) that are held against the loss before training; of rows on disk some, or their mean."""

    @property
    def targets(self) -> tuple[Array, Array | None]:
        """Targets (n[L], k) and relative weights, if any: their mean, where the last bias starts, is that of all."""

    @property
    def examples(self) -> Examples | DivisibleRows:
        """The rows that count, for who cuts them into shards or looks at some."""

    def dtype(self, settings: Settings) -> np.dtype[Any]:
        """The type to train in."""

    def feed(self, runner: Runner, seed: int = 0, *, shuffle: bool = False) -> Feed:
        """Give the rows to who computes on them; without shuffling in their order."""

    def merged(self) -> Dataset:
        """Put copies of a row together, if that can be: for training on all rows at once without dropout."""


@dataclass(frozen=True)
class TrainingSet:
    """Rows are examples, as scikit-learn and files have them: a `Dataset`, once its columns are encoded.

    Attributes
    ----------
    X : array, CSR or stored matrix of shape (m, n[0]), or a Table whose columns are still to be encoded
    Y : ndarray of shape (m, n[L])
    weights : ndarray of shape (m,), optional
        Rows of weight 0 are as if they were not there.
    strata : ndarray of shape (m,), optional
        Class codes that a validation split keeps in proportion.
    rows : ndarray of int, optional
        The rows that belong to it; None for all.
    embeddings : tuple of Embedding
        Of the columns of X that are codes.
    """

    X: Any
    Y: Array
    weights: Array | None = None
    strata: Array | None = None
    rows: Array | None = None
    embeddings: tuple[Embedding, ...] = ()

    @property
    def m(self) -> int:
        """How many rows count."""
        return len(self.Y) if self.counted is None else len(self.counted)

    @cached_property
    def counted(self) -> Array | None:
        """The rows that belong to it and have a weight; None for all."""
        if self.weights is None or self.weights.all():
            return self.rows
        return np.flatnonzero(self.weights) if self.rows is None else self.rows[self.weights[self.rows] > 0]

    @property
    def n_inputs(self) -> int:
        """How many columns the network reads."""
        return int(self.X.shape[1])

    @property
    def n_outputs(self) -> int:
        """How many columns the network learns."""
        return self.Y.shape[1]

    @property
    def targets(self) -> tuple[Array, Array | None]:
        """Targets (n[L], m) and relative weights of the rows that count."""
        rows = slice(None) if self.counted is None else self.counted
        weights = None if self.weights is None else self.weights[rows] / self.examples.mean_weight
        return self.Y[rows].T.astype(np.float64), weights

    @cached_property
    def examples(self) -> Examples | StoredRows:
        """The rows that count: in textbook orientation, or on disk."""
        if isinstance(self.X, StoredMatrix):
            return StoredRows(self.X, self.Y, self.weights, self.counted)
        return Examples(self.X.T, self.Y.T, self.weights, self.counted)

    def dtype(self, settings: Settings) -> np.dtype[Any]:
        """The type to train in."""
        return training_dtype(settings, self.X, self.Y)

    def feed(self, runner: Runner, seed: int = 0, *, shuffle: bool = False) -> Feed:
        """Give the rows to who computes on them; without shuffling in their order."""
        if isinstance(self.examples, Examples):
            return InMemory(self.examples, runner, shuffle)
        block, window = self.X.order
        return StreamFeed(ShuffledRows(self.examples, seed, block=block, window=window, shuffle=shuffle), runner)

    def merged(self) -> TrainingSet:
        """Put copies of a row in memory together as one of their total weight."""
        if isinstance(self.examples, StoredRows):
            return self
        merged = self.examples.merged()
        return replace(self, weights=merged.weights, rows=merged.rows)

    def digest(self) -> str:
        """Hash all that is trained on, in its order."""
        found = hashlib.sha256(row_keys(self.X).tobytes() + np.ascontiguousarray(self.Y).tobytes())
        if self.weights is not None:
            found.update(self.weights.tobytes())
        return found.hexdigest()


def stops_early(settings: Settings, m: int) -> bool:
    """Say whether training on m rows is to stop by a validation: always, never, or "auto" with many rows."""
    return m > _MANY_ROWS if settings.early_stopping == "auto" else bool(settings.early_stopping)


def split(settings: Settings, table: TrainingSet, seed: int) -> tuple[TrainingSet, TrainingSet | None]:
    """Return the part to train on, and the one held out if the settings ask for early stopping.

    Rows are drawn by their number among those that count. The classes, or the tenths of the first output's range, keep
    their shares.

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
