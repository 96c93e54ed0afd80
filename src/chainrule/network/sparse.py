"""Sparse matrices as the rest of the package takes them: every entry once, in order, at a place nobody can change."""

from __future__ import annotations

from typing import Any


def canonical(matrix: Any) -> Any:
    """Return the same CSR or CSC matrix with its entries in order, and those that share a place added up.

    The matrix itself is never changed, and what it remembers of its order is not believed: its arrays may have been
    written to since. Its data are shared where nothing is added up; where they belong is copied, since an index that a
    callback changes while the matrix is in use would lead out of the memory.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> twice = csr_array((np.array([1.0, 2.0, 4.0]), np.array([1, 0, 1]), np.array([0, 3])), shape=(1, 2))
    >>> canonical(twice).data.tolist(), twice.data.tolist()
    ([2.0, 5.0], [1.0, 2.0, 4.0])
    """
    indices, starts = matrix.indices.copy(), matrix.indptr.copy()
    own = type(matrix)((matrix.data, indices, starts), shape=matrix.shape)
    if not own.has_canonical_format:
        own = own.copy()
        own.sum_duplicates()
    return own
