"""The figures of predicted numbers that come in batches."""

from __future__ import annotations

import math

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.metrics.catalogue import Figures
from chainrule.metrics.distributions import Distributions, median
from chainrule.metrics.totals import RunningTotal
from chainrule.metrics.weights import weighed
from chainrule.network.types import Array
from chainrule.table.encoding.moments import Moments


class RegressionFigures:
    """The figures of `regression_figures` for rows that come in batches.

    Up to a million rows (and four million numbers) the median is exact. Beyond, it is right to 1 part in 8192, of 3 to
    16 targets to 1 part in 1024, of more less so.

    Examples
    --------
    >>> running = RegressionFigures()
    >>> running.add(np.array([[1.0]]), np.array([[1.0]]))
    >>> running.add(np.array([[3.0]]), np.array([[2.0]]))
    >>> running.figures()
    {'rmse': 0.7071067811865476, 'mae': 0.5, 'r2': 0.5, 'median_absolute_error': 0.5}
    """

    def __init__(self) -> None:
        self._sums = RunningTotal(_sums)
        self._targets: list[RunningTotal[Moments]] = []
        self._sizes = Distributions(1, highest=math.inf)

    def add(self, y: Array, predicted: Array, weights: Array | None = None) -> None:
        """Add rows: numbers and their predictions, both (m, k), and weights (m,); a weight of 0 leaves a row out."""
        y, predicted, weights = weighed(y, predicted, weights)
        if not len(y):
            return
        if not self._targets:
            self._targets = [RunningTotal(Moments.of) for _ in range(y.shape[1])]
            self._sizes = Distributions(y.shape[1], highest=math.inf)
        error = predicted.astype(np.float64) - y
        self._sums.add(error, weights)
        for target, column in zip(self._targets, y.T, strict=True):
            target.add(column, weights)
        self._sizes.add(np.abs(error), weights, np.zeros(error.shape, bool))

    def by_class(self) -> None:
        """Return None: numbers have no classes."""

    def figures(self) -> Figures:
        """Return the figures of all rows so far.

        Raises
        ------
        InvalidParameterError
            If there is no row, or no row of a weight above 0.
        """
        if not self._targets:
            raise InvalidParameterError("figures need at least one row with a weight above 0, but none came.")
        square, size, rows = self._sums.value()
        targets = [target.value() for target in self._targets]
        spread = np.array([target.squares if target.low < target.high else 0.0 for target in targets])
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = np.where(spread > 0, 1 - square / spread, np.where(square > 0, -np.inf, 1.0))
        distributions = map(self._sizes.of, range(len(square)))
        return {
            "rmse": float(np.mean(np.sqrt(square / rows))),
            "mae": float(np.mean(size / rows)),
            "r2": float(np.mean(r2)),
            "median_absolute_error": float(np.mean([median(values, counts[0]) for values, counts in distributions])),
        }


def _sums(error: Array, weights: Array) -> Array:
    """Return the sums of squares, sizes and weights, (3, k)."""
    weight = weights[:, None]
    return np.array([(kind * weight).sum(axis=0) for kind in (np.square(error), np.abs(error), np.ones_like(error))])
