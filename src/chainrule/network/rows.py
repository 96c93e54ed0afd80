"""Row keys: a hash of each row's content.

Keys find copies of a row, and tell one table from another. No random draw depends on them, except that copies of a row
may stay together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.network.draws import generator
from chainrule.network.types import Array

_CHUNK = 1 << 15  # elements hashed at a time: few enough for the cache


def mix(keys: Array) -> Array:
    """Scramble 64-bit keys so that every input bit reaches every output bit (the finaliser of SplitMix64)."""
    keys = keys.astype(np.uint64)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def row_keys(X: Any) -> Array:
    """Hash every row of a table to 64 bits: equal rows, equal keys.

    Parameters
    ----------
    X : array or CSR matrix of shape (m, n), or a table with a method `row_keys`
        Values are compared as float64; a sparse table and its dense copy have the same keys. A table of columns hashes
        its own rows.

    Returns
    -------
    ndarray of shape (m,), uint64

    Examples
    --------
    >>> keys = row_keys(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]))
    >>> bool(keys[0] == keys[2]), bool(keys[0] == keys[1])
    (True, False)
    """
    if hasattr(X, "row_keys"):
        own: Array = X.row_keys()
        return own
    m, n = X.shape
    odd = generator(0, "row keys").integers(0, 2**64, size=n, dtype=np.uint64) | np.uint64(1)
    keys = np.zeros(m, np.uint64)
    rows = max(1, _CHUNK // max(n, 1))
    for start in range(0, m, rows):
        part = X[start : start + rows]
        if hasattr(part, "indptr"):
            keys[start : start + rows] = _sparse_sums(part, _bits(part.data) * odd[part.indices])
        else:
            keys[start : start + rows] = _bits(part) @ odd
    return mix(keys)


def _bits(values: Array) -> Array:
    """Return the scrambled bit patterns of the values: 0 for both zeros, no trailing zeros in common."""
    numbers = np.add(np.asarray(values).astype(np.float64), 0)
    bits: Array = np.ascontiguousarray(numbers).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return bits ^ (bits >> np.uint64(32))


def _sparse_sums(part: Any, products: Array) -> Array:
    """Sum over the stored values of each row; the bits of a zero are 0, so nothing else counts."""
    running = np.concatenate([[np.uint64(0)], np.cumsum(products, dtype=np.uint64)])
    return running[part.indptr[1:]] - running[part.indptr[:-1]]
