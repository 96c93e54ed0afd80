"""Write the numbers of a worksheet: exact if few decimals are enough, else rounded."""

from __future__ import annotations

import numpy as np

from chainrule.derivation.document.matrix_window import digits
from chainrule.network.types import Array

_EXACT = 1e-9


def places(array: Array, decimals: int) -> int:
    """Return the number of decimals of every entry: as few as are exact, or else `decimals`.

    Examples
    --------
    >>> places(np.array([0.5, -1.25]), 4), places(np.array([1 / 3, 2.0]), 4), places(np.array([3.0]), 4)
    (2, 4, 0)
    """
    exact = (d for d in range(decimals) if np.abs(array - np.round(array, d)).max(initial=0.0) <= _EXACT)
    return next(exact, decimals)


def is_exact(array: Array, decimals: int) -> bool:
    """Say whether all entries are exact with the given decimals."""
    return bool(np.abs(array - np.round(array, decimals)).max(initial=0.0) <= _EXACT)


def entries(array: Array, decimals: int) -> tuple[tuple[str, ...], ...]:
    """Return every entry as text.

    Examples
    --------
    >>> entries(np.array([[0.5, -1.0]]), 4)
    (('0.5', '−1.0'),)
    """
    shown = places(array, decimals)
    rounded = np.round(array, decimals)
    return tuple(tuple(digits(value, shown) for value in row) for row in rounded)
