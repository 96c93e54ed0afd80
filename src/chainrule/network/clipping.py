"""Gradient clipping: bound the gradient's entries, or its L2 norm (Pascanu et al., 2013)."""

from __future__ import annotations

import numpy as np

from chainrule.network.types import Array


def norm(d: Array) -> float:
    """Return the L2 norm of the gradient, summed in float64.

    BLAS is not used, since its sum depends on its threads: machines that train together must agree to the bit.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.sum(np.square(d, dtype=np.float64))))


def clip(d: Array, length: float, clip_value: float | None, clip_norm: float | None) -> Array:
    """Clip every entry to [-clip_value, clip_value], then scale d so that its L2 norm is at most clip_norm.

    Examples
    --------
    >>> clip(np.array([3.0, 4.0]), 5.0, None, 1.0).tolist()
    [0.6000000000000001, 0.8]
    """
    if clip_value is not None:
        d = np.clip(d, -clip_value, clip_value)
        length = norm(d)
    if clip_norm is not None and length > clip_norm:
        d = d * (clip_norm / length)
    return d
