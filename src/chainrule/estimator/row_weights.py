"""Sample weights: they are not negative, and rows of weight 0 do not count."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.validation import _check_sample_weight

from chainrule._errors import InvalidParameterError, TargetError
from chainrule.estimator.target_values import present
from chainrule.network.types import Array


def checked_weights(sample_weight: Any, rows: Any) -> Array | None:
    """Return one weight for each row, or None without weights; at least one must be positive, and none negative."""
    if sample_weight is None:
        return None
    if np.asarray(sample_weight).dtype.kind in "mM":
        raise InvalidParameterError("sample_weight must be numbers, its weights are durations or dates: make numbers.")
    weights: Array = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise TargetError("All values of sample_weight are zero: give at least one row a positive weight.")
    return weights


def scored_rows(y: Any, A: Array, sample_weight: Any) -> tuple[Any, Array, Array | None]:
    """Return target, predictions and weights of the rows with a positive weight, which are scored.

    Examples
    --------
    >>> scored_rows([1.0, 1e300], np.array([1.5, 2.0]), [1, 0])
    (array([1.]), array([1.5]), array([1.]))
    """
    y, weights = present(y), checked_weights(sample_weight, A)
    check_consistent_length(y, A)
    if weights is None or weights.all():
        return y, A, weights
    rows = np.flatnonzero(weights)
    return _safe_indexing(y, rows), A[rows], weights[rows]
