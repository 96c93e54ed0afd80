"""Prediction intervals with a given coverage: split-conformal, or between two learned quantiles.

Calibration rows, which are not used in training, measure the error on new rows, as `metrics/conformal.py` says. With
quantiles the interval is that of conformalised quantile regression (Romano, Patterson and Candès, 2019).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.metrics import d2_pinball_score

from chainrule._errors import InvalidParameterError, warn
from chainrule.fit.parameters import FRACTION
from chainrule.metrics.conformal import least_rows, score_of_rank, widened
from chainrule.network.types import Array

_EQUAL = 1e-9  # 0.95 - 0.05 is not 0.9 to the last bit


def interval(A: Array, residuals: Array | None, quantiles: Sequence[float], coverage: float) -> Array:
    """Return the lower and upper end for each row and output.

    Parameters
    ----------
    A : ndarray of shape (m, n[L])
        Predictions.
    residuals : ndarray of shape (n, n[L]), optional
        Target minus prediction of the calibration rows.
    quantiles : sequence of float
        The quantiles that the columns of A predict; empty if they are no quantiles.
    coverage : float

    Returns
    -------
    ndarray of shape (m, 2), or (m, n[L], 2) for several targets

    Examples
    --------
    >>> interval(np.array([[10.0]]), np.array([[1.0], [-3.0], [2.0], [0.5]]), (), 0.6).round(9).tolist()
    [[8.0, 12.0]]
    """
    holds, words = FRACTION
    if not holds(coverage):
        raise InvalidParameterError(f"coverage must be {words}, got {coverage!r}.")
    low, high = _sides(quantiles, coverage)
    if residuals is None:
        _check_learned(quantiles, coverage)
        both = np.stack([A[:, low], A[:, high]], axis=-1)
    else:
        margin = score_of_rank(np.maximum(-residuals[:, low], residuals[:, high]), coverage)
        _warn_of_too_few(len(residuals), coverage)
        both = widened(A[:, low], A[:, high], margin)
    return both[:, 0] if both.shape[1] == 1 else both


def _sides(quantiles: Sequence[float], coverage: float) -> tuple[Any, Any]:
    """Return the columns of low(x) and high(x): the two quantiles nearest to the coverage, with the most even tails."""
    if len(quantiles) < 2:
        return slice(None), slice(None)

    def miss(pair: tuple[int, int]) -> tuple[float, float]:
        low, high = (quantiles[k] for k in pair)
        return round(abs(high - low - coverage) / _EQUAL), abs(high + low - 1)

    low, high = min(combinations(range(len(quantiles)), 2), key=miss)
    return [low], [high]


def _check_learned(quantiles: Sequence[float], coverage: float) -> None:
    """Raise unless two of the quantiles have the coverage, as is needed without calibration rows."""
    if any(abs(high - low - coverage) < _EQUAL for low, high in combinations(quantiles, 2)):
        return
    tail = (1 - coverage) / 2
    has = f"the quantiles are {list(quantiles)}" if quantiles else "there are no quantiles"
    raise InvalidParameterError(
        f"an interval needs calibration rows, or two quantiles that are {coverage} apart: fit was given no X_cal and "
        f"y_cal, and {has}. Give those, or use loss='quantile' with quantile=[{tail:.6g}, {1 - tail:.6g}]."
    )


def _warn_of_too_few(n: int, coverage: float) -> None:
    if n < least_rows(coverage):
        warn(
            f"{n} calibration rows are too few for a coverage of {coverage}: every interval is infinite. "
            f"At least {least_rows(coverage)} are needed."
        )


def d2_of_quantiles(y: Array, A: Array, quantiles: Sequence[float], sample_weight: Array | None) -> float:
    """Return the mean of D² over the quantiles (`sklearn.metrics.d2_pinball_score`); NaN if it is not defined."""
    if len(y) < 2 or not np.isfinite(A).all():
        return math.nan
    return float(
        np.mean([d2_pinball_score(y, A[:, k], sample_weight=sample_weight, alpha=q) for k, q in enumerate(quantiles)])
    )
