"""Split-conformal intervals: the margin that held-out rows need, and the interval that it makes.

The score of a held-out row is the distance of its target outside [low(x), high(x)], negative if inside; for a single
prediction low = high, and the score is the absolute residual (Vovk, Gammerman and Shafer, 2005; Lei et al., 2018). The
margin Q is the score of rank ceil((n + 1) coverage) among the n scores: every rank is equally likely for a new row's
score. The interval [low - Q, high + Q] is closed, and repeated targets lie exactly on its ends, which are therefore
moved outward by the possible rounding error.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from chainrule.network.types import Array

_ROUNDED = 2 * np.finfo(np.float64).eps  # relative to prediction and score: bounds the rounding error of their sum
_SUMMED = 1e-9  # relative: what sums of weights may be off by rounding


def least_rows(coverage: float) -> int:
    """Return how many held-out rows a finite margin needs.

    Examples
    --------
    >>> least_rows(0.9), least_rows(0.5)
    (9, 1)
    """
    share = _as_written(coverage)
    return math.ceil(share / (1 - share))


def score_of_rank(scores: Array, coverage: float, weights: Array | None = None) -> Array:
    """Return the margin of each column of scores: that of rank ceil((n + 1) coverage), infinity if n is too small.

    Parameters
    ----------
    scores : ndarray of shape (n, k)
    coverage : float
    weights : ndarray of shape (n,), optional
        How often each row counts; scaled to a mean of 1.

    Examples
    --------
    >>> scores = np.array([[1.0], [3.0], [2.0], [0.5]])
    >>> score_of_rank(scores, 0.6), score_of_rank(scores, 0.6, np.array([1.0, 5.0, 1.0, 1.0]))
    (array([2.]), array([3.]))
    """
    n, least = len(scores), (len(scores) + 1) * _as_written(coverage)
    if least > n:
        return np.full(scores.shape[1], np.inf)
    if weights is None:
        rank = math.ceil(least)
        found: Array = np.partition(scores, rank - 1, axis=0)[rank - 1]
        return found
    return np.array([_weighted(column, float(least), weights / weights.mean()) for column in scores.T])


def _weighted(scores: Array, least: float, weights: Array) -> float:
    order = np.argsort(scores, kind="stable")
    place = int(np.searchsorted(np.cumsum(weights[order]), least * (1 - _SUMMED)))
    return float(scores[order[min(place, len(scores) - 1)]])


def widened(low: Array, high: Array, margin: Array) -> Array:
    """Return the lower and upper ends of [low - margin, high + margin], of shape (m, k, 2), from (m, k) and (k,).

    A negative margin can shrink an interval to its centre, but not further.

    Examples
    --------
    >>> widened(np.array([[10.0]]), np.array([[10.0]]), np.array([2.0])).round(9).tolist()
    [[[8.0, 12.0]]]
    """
    centre = (low + high) / 2
    below, above = (_ROUNDED * (np.abs(end) + np.abs(margin)) for end in (low, high))
    return np.stack([np.minimum(low - margin - below, centre), np.maximum(high + margin + above, centre)], axis=-1)


class RunningCoverage:
    """The share of rows inside their intervals, for rows that come in batches.

    Examples
    --------
    >>> coverage = RunningCoverage()
    >>> coverage.add(np.array([[1.0], [5.0]]), np.array([[0.0], [0.0]]), np.array([[2.0], [2.0]]))
    >>> coverage.shares()
    (0.5,)
    """

    def __init__(self) -> None:
        self._inside: Array | float = 0.0
        self._total = 0.0

    def add(self, y: Array, low: Array, high: Array, weights: Array | None = None) -> None:
        """Add rows: numbers and the ends of their intervals, all (m, k), and, if rows count differently, weights."""
        w = np.ones(len(y)) if weights is None else weights
        self._inside = self._inside + w @ ((low <= y) & (y <= high))
        self._total += float(w.sum())

    def shares(self) -> tuple[float, ...]:
        """Return the share of each column; nothing without rows."""
        return tuple((np.asarray(self._inside) / self._total).tolist()) if self._total else ()


def _as_written(coverage: float) -> Fraction:
    return Fraction(str(float(coverage)))  # the decimal as written: (n + 1) 0.55 may be whole
