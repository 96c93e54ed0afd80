"""Inverted dropout: A[l] := A[l] * mask / (1 - rate) keeps the mean, so prediction needs no change.

The mask of a unit for an example is a pure function of (seed, step, layer, the example's number, unit), by
Philox-4x32-10. The backward step multiplies dA[l] by the same factor. (Srivastava et al., 2014.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.network.draws import random_words
from chainrule.network.types import Array

Masks = list[Array | None]  # indexed by layer 0 to L-1; None keeps every unit


def dropout_masks(
    rates: Sequence[float], widths: Sequence[int], keys: Array, *, seed: int, step: int, dtype: np.dtype[Any]
) -> Masks:
    """Draw the factors of every layer for one step: 0 for a removed unit, 1 / (1 - rate) for a kept one.

    Parameters
    ----------
    rates : sequence of float
        The share of units removed from A[0] to A[L-1]; 0 <= rate < 1.
    widths : sequence of int
        n[0] to n[L].
    keys : ndarray of shape (m,), uint64
        The examples' numbers.
    seed, step : int
    dtype : dtype of the factors

    Returns
    -------
    list of ndarray of shape (n[l], m), or None where the rate is 0

    Examples
    --------
    >>> keys = np.arange(1000, dtype=np.uint64)
    >>> (mask,) = dropout_masks([0.2], [50], keys, seed=0, step=0, dtype=np.dtype("float64"))
    >>> mask.shape, round(float(mask.mean()), 2), float(mask.max())
    ((50, 1000), 1.0, 1.25)
    """
    masks: Masks = []
    for layer, rate in enumerate(rates):
        if rate == 0:
            masks.append(None)
            continue
        kept = random_words(seed, step, layer, keys, widths[layer]) >= round(rate * 2**32)
        masks.append(kept * np.asarray(1 / (1 - rate), dtype))
    return masks


def drop(A: Any, mask: Array | None) -> Any:
    """A * mask; a sparse A stays sparse."""
    if mask is None:
        return A
    return A.multiply(mask).tocsc() if hasattr(A, "multiply") else A * mask
