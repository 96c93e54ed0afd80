"""Sparse matrices in canonical form: every entry once, in order, with index arrays that nobody else can change."""

from __future__ import annotations

from typing import Any

from chainrule._errors import ShapeError


def check_indices(matrix: Any) -> None:
    """Raise ShapeError if the index arrays of a matrix lead out of it, which SciPy itself would follow.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> check_indices(csr_array([[0, 1], [2, 0]]))
    """
    if matrix.format not in ("csr", "csc", "bsr"):
        return
    height, width = matrix.blocksize if matrix.format == "bsr" else (1, 1)
    sizes = matrix.shape[0] // height, matrix.shape[1] // width
    lines, within = sizes[::-1] if matrix.format == "csc" else sizes
    starts, places = matrix.indptr, matrix.indices
    in_order = len(starts) == lines + 1 and starts[0] == 0 and (starts[1:] >= starts[:-1]).all()
    entries = min(len(places), len(matrix.data))
    if not in_order or starts[-1] > entries or not ((places >= 0) & (places < within)).all():
        raise ShapeError("X is no valid sparse matrix: its index arrays lead out of it. Were they changed?")


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
