"""Distributions of scores and errors that come in batches, with ROC AUC, average precision and median.

Each value is kept while there are few; beyond, they are counted in bins, which bounds the memory.
"""

from __future__ import annotations

import numpy as np

from chainrule.network.types import Array

_EXACT_ROWS, _EXACT_VALUES = 1 << 20, 1 << 22  # up to which each value is kept
_BINS = 1 << 22  # of all columns and groups together: 32 MB
_MANTISSA, _BITS = 23, 12  # bits of a float32's precision, and most of them that tell bins apart


class Distributions:
    """The weights of the values of several columns, for two groups of rows each.

    Up to a million rows and four million values they are exact. Beyond, values are rounded to 12 binary digits (1 part
    in 4096); with many columns to fewer, as `bits` says.

    Parameters
    ----------
    columns : int
    highest : float
        The largest value; the smallest is 0.

    Examples
    --------
    >>> scores = Distributions(1, highest=1.0)
    >>> scores.add(np.array([[0.1], [0.9], [0.1]]), np.ones(3), np.array([[False], [True], [True]]))
    >>> values, weights = scores.of(0)
    >>> values.tolist(), weights.tolist()
    ([0.1, 0.9], [[1.0, 0.0], [1.0, 1.0]])
    """

    def __init__(self, columns: int, highest: float) -> None:
        top = int(np.float32(highest).view(np.uint32))
        most = _BINS // (2 * columns)
        self.bits = next((bits for bits in range(_BITS, 0, -1) if (top >> (_MANTISSA - bits)) < most), 0)
        self._last = top >> (_MANTISSA - self.bits)
        self._columns, self._rows = columns, 0
        self._kept: list[tuple[Array, Array, Array]] = []  # values, weights and groups, while there are few
        self._counts: Array | None = None  # (columns, 2, bins)

    def add(self, values: Array, weights: Array, groups: Array) -> None:
        """Add rows: values (m, columns) of at least 0, weights (m,), and the group of each value, bool."""
        self._rows += len(values)
        exact = self._rows <= _EXACT_ROWS and self._rows * self._columns <= _EXACT_VALUES
        if self._counts is None and exact:
            self._kept.append((values.copy(), weights, groups))  # of a view, the whole would stay in memory
            return
        if self._counts is None:
            self._counts = np.zeros((self._columns, 2, self._last + 1))
        for batch in (*self._kept, (values, weights, groups)):
            self._count(*batch)
        self._kept = []

    def of(self, column: int) -> tuple[Array, Array]:
        """Return the different values of a column, ascending, and the weight of each in both groups, (2, n)."""
        if self._counts is not None:
            found = np.flatnonzero(self._counts[column].any(axis=0))
            return self._middle(found), self._counts[column][:, found]
        values, weights, groups = (np.concatenate(part) for part in zip(*self._kept, strict=True))
        different, place = np.unique(values[:, column], return_inverse=True)
        group = groups[:, column]
        counts = [np.bincount(place[group == g], weights[group == g], len(different)) for g in (False, True)]
        return different, np.array(counts)

    def _count(self, values: Array, weights: Array, groups: Array) -> None:
        assert self._counts is not None
        for counts, value, group in zip(self._counts, values.T, groups.T, strict=True):
            with np.errstate(over="ignore"):  # beyond a float32 it counts as infinite
                bits = np.ascontiguousarray(value, np.float32).view(np.uint32)
            bins = np.minimum(bits >> np.uint32(_MANTISSA - self.bits), self._last)
            np.add.at(counts.reshape(-1), group * (self._last + 1) + bins, weights)

    def _middle(self, bins: Array) -> Array:
        low, high = (
            (side.astype(np.uint32) << np.uint32(_MANTISSA - self.bits)).view(np.float32).astype(np.float64)
            for side in (bins, np.minimum(bins + 1, self._last))
        )
        return np.where(np.isinf(high), low, (low + high) / 2)


def roc_auc(weights: Array) -> float | None:
    """Return the share of pairs, one row of each group, in which the second group's is higher; ties count half.

    Parameters
    ----------
    weights : ndarray of shape (2, n)
        The weight of each value in ascending order, of the first and the second group.

    Returns
    -------
    float or None
        None if a group is empty.

    Examples
    --------
    >>> roc_auc(np.array([[1, 1, 0], [0, 1, 1]]))  # of the values 0.1, 0.4 and 0.9
    0.875
    """
    first, second = weights
    pairs = float(first.sum()) * float(second.sum())
    below = np.cumsum(first) - first / 2
    return float(below @ second) / pairs if pairs else None


def average_precision(weights: Array) -> float | None:
    """Return the mean precision of taking rows from the highest value down, over the rows of the second group.

    It is the area under the curve of precision and recall, in steps, as in scikit-learn. Parameters and None as in
    `roc_auc`.

    Examples
    --------
    >>> round(average_precision(np.array([[1, 1, 0], [0, 1, 1]])), 4)  # (1/1 + 2/3) / 2
    0.8333
    """
    first, second = weights[:, ::-1]
    if not (first.sum() and second.sum()):
        return None
    found = np.cumsum(second)
    precision = found / (found + np.cumsum(first))
    return float(precision @ second) / float(second.sum())


def median(values: Array, weights: Array) -> float:
    """Return the median of ascending values, each repeated as often as its weight says.

    Examples
    --------
    >>> median(np.array([1.0, 2.0, 5.0]), np.array([1, 1, 2]))
    3.5
    """
    reached, half = np.cumsum(weights), weights.sum() / 2
    last = len(values) - 1
    low, high = (min(int(np.searchsorted(reached, half, side=side)), last) for side in ("left", "right"))
    return float(values[low] + values[high]) / 2
