"""Weights of rows: checked, and rows of weight 0 left out."""

from __future__ import annotations

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.types import Array


def weighed(y: Array, predicted: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    """Return the rows whose weight is not 0, with their weights; without weights, each row weighs 1."""
    if weights is None:
        return y, predicted, np.ones(len(y))
    weights = np.asarray(weights, np.float64)
    if weights.shape != (len(y),) or not (np.isfinite(weights) & (weights >= 0)).all():
        raise InvalidParameterError(f"weights must be {len(y):,} finite numbers of at least 0, one for each row.")
    chosen = weights > 0
    return y[chosen], predicted[chosen], weights[chosen]
