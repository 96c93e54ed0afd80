"""The training examples in textbook orientation, and their mini-batches.

The table X of shape (m, n[0]) enters as the view A[0] = X.T, which copies nothing: the package changes the orientation
only here. The table is read and converted batch by batch, never copied as a whole, and never written to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.network.rows import mix, row_keys
from chainrule.network.types import Array

CHUNK = 4096  # examples evaluated at a time, so that Z and A of a large table are never in memory as a whole


@dataclass(frozen=True)
class Examples:
    """Inputs, targets and weights; columns are examples.

    Attributes
    ----------
    X : array of shape (n[0], m), dense or CSC
    Y : ndarray of shape (n[L], m)
    weights : ndarray of shape (m,), optional
        Positive; None: all examples have the same weight.
    rows : ndarray of int, optional
        The columns that are used (a training or validation part); None: all.
    unit : float, optional
        The weight that counts as 1; by default the mean weight of the examples that are used.
    numbers : ndarray of shape (m,), uint64, optional
        The number of each example that is used, from which its dropout masks are drawn; None: counted from 0.
    """

    X: Any
    Y: Array
    weights: Array | None = None
    rows: Array | None = None
    unit: float | None = None
    numbers: Array | None = None

    @property
    def m(self) -> int:
        """The number of examples."""
        return int(self.X.shape[1]) if self.rows is None else len(self.rows)

    @cached_property
    def keys(self) -> Array:
        """The number of every column of X among those that are used; its dropout mask is drawn from it."""
        numbers = np.arange(self.m, dtype=np.uint64) if self.numbers is None else self.numbers
        if self.rows is None:
            return numbers
        keys = np.zeros(self.X.shape[1], np.uint64)
        keys[self.rows] = numbers
        return keys

    @cached_property
    def mean_weight(self) -> float:
        """The weight that counts as 1: `unit`, or the mean weight of the examples that are used."""
        if self.unit is not None:
            return self.unit
        return 1.0 if self.weights is None else float(np.mean(self.weights[self._columns(slice(None))]))

    def batch(self, places: Array | slice, dtype: np.dtype[Any]) -> tuple[Any, Array, Array | None]:
        """Return X, Y and the relative weights (mean 1 over all examples) of the examples at the given places."""
        columns = self._columns(places)
        X = self.X.T[columns].T  # rows of the table are contiguous in memory
        Y = self.Y.T[columns].T
        weights = None if self.weights is None else (self.weights[columns] / self.mean_weight).astype(dtype)
        return X.astype(dtype, copy=False), Y.astype(dtype, copy=False), weights

    def keys_of(self, places: Array | slice) -> Array:
        """Return the keys of the examples at the given places."""
        keys: Array = self.keys[self._columns(places)]
        return keys

    def merged(self) -> Examples:
        """Replace copies of an example by one with their total weight, in an order that depends on content alone.

        For training on all examples at once without dropout. The cost is the same, and a row of weight k gives the same
        bits as k copies of it.
        """
        columns = np.arange(self.X.shape[1]) if self.rows is None else self.rows
        keys = mix(row_keys(self.X.T) + row_keys(self.Y.T))[columns]
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        weights = np.zeros(self.X.shape[1])
        weights[columns[first]] = np.bincount(group, None if self.weights is None else self.weights[columns])
        return replace(self, weights=weights, rows=columns[first])

    def chunks(self, dtype: np.dtype[Any], size: int = CHUNK) -> Iterator[tuple[Any, Array, Array | None]]:
        """Yield all examples in order, `size` at a time."""
        for start in range(0, self.m, size):
            yield self.batch(slice(start, start + size), dtype)

    def _columns(self, places: Array | slice) -> Array | slice:
        return places if self.rows is None else self.rows[places]
