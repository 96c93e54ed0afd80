"""What a network is trained on, and the part of it that is held out to validate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule._errors import TargetError
from chainrule.fit.parameters import Settings
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.rows import row_keys
from chainrule.network.types import Array
from chainrule.outofcore.stored_matrix import StoredMatrix, StoredRows
from chainrule.table.columns import Table
from chainrule.table.holdout import holdout

_MANY_ROWS = 10_000  # more of them, and early_stopping="auto" stops early, as in scikit-learn's gradient boosting


@dataclass(frozen=True)
class TrainingSet:
    """Rows are examples, as scikit-learn and files have them.

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
    def examples(self) -> Examples | StoredRows:
        """The rows that count: in textbook orientation, or on disk."""
        if isinstance(self.X, StoredMatrix):
            return StoredRows(self.X, self.Y, self.weights, self.counted)
        return Examples(self.X.T, self.Y.T, self.weights, self.counted)


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
    keys = table.X.row_keys() if isinstance(table.X, Table) else row_keys(table.X)
    held_out = holdout(
        m,
        asked if asked < 1 else asked / m,
        seed=seed,
        classes=None if table.strata is None else table.strata[rows],
        values=table.Y[rows, 0].astype(np.float64) if table.strata is None else None,
        keys=keys[rows],
    )
    if held_out.sum() < 1 or held_out.all() or asked >= m:
        raise TargetError(
            f"The validation set is too small: n_samples = {m} cannot be split by validation_fraction="
            f"{asked}. Increase 'validation_fraction' or the size of your dataset."
        )
    return replace(table, rows=rows[~held_out]), replace(table, rows=rows[held_out])
