"""Weighted mean, deviation and median of training rows: a weight of k means k copies of a row."""

from __future__ import annotations

import numpy as np

from chainrule.network.types import Array


def merged(x: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Return the distinct values, ascending, and the total weight of each.

    Statistics computed from these do not depend on the order of the rows, and are the same to the bit for a row of
    weight k and for k copies of it.

    Examples
    --------
    >>> merged(np.array([3.0, 1.0, 3.0]), np.array([1.0, 2.0, 1.0]))
    (array([1., 3.]), array([2., 2.]))
    """
    values, place = np.unique(x, return_inverse=True)
    return values, np.bincount(place.ravel(), weights, minlength=len(values)).astype(np.float64)


def mean_and_deviation(x: Array, weights: Array | None = None) -> tuple[float, float]:
    """Return the mean and the standard deviation, which is 1 if all values are the same.

    Neither is finite if their sums overflow.

    Examples
    --------
    >>> mean_and_deviation(np.array([1.0, 3.0])), mean_and_deviation(np.array([0.1, 0.1, 0.1]))[1]
    ((2.0, 1.0), 1.0)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        centre = np.average(x, weights=weights)
        deviation = float(np.sqrt(np.average(np.square(x - centre), weights=weights)))  # stable far from zero
    return float(centre), deviation if x.min() < x.max() and deviation else 1.0


def median(values: Array, weights: Array) -> float:
    """Return the weighted median of ascending values: the middle of two if exactly half the weight is on either side.

    Examples
    --------
    >>> median(np.array([1.0, 2.0, 5.0]), np.array([1.0, 1.0, 2.0])), median(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    (3.5, 2.0)
    """
    below = np.cumsum(weights)
    half = np.array([1 - 1e-12, 1 + 1e-12]) * below[-1] / 2  # tolerates rounding in sums of fractional weights
    low, high = np.searchsorted(below, half)
    return float((values[low] + values[min(high, len(values) - 1)]) / 2)
