"""Sparse matrices in canonical form: every entry once, in order, with index arrays that nobody else can change."""

from __future__ import annotations

from typing import Any


def canonical(matrix: Any) -> Any:
    """Return the same CSR or CSC matrix with its entries in order, and duplicate entries added up.

    The matrix itself is never changed, and its own flags are not trusted: its arrays may have been written to since
    they were set. The data are shared unless entries are added up. The indices are copied: if a callback changed one
    while the matrix is in use, memory outside it would be read.

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
