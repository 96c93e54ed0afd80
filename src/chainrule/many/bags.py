"""Bootstrap samples (bags) as weights: how often each row was drawn. The table is never copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse

from chainrule._errors import TargetError, warn
from chainrule.network.rows import row_keys
from chainrule.network.sparse import canonical
from chainrule.network.types import Array
from chainrule.table import from_frame
from chainrule.table.holdout import units

_IN_NO_BAG = np.exp(-1)  # the share of rows that a bag lacks


def drawn(seed: int, m: int, sample_weight: Array | None = None, keys: Array | None = None) -> Array:
    """Return how often each of m rows is in the bag of a seed: as many draws with replacement as there are rows.

    Parameters
    ----------
    seed, m : int
    sample_weight : ndarray of shape (m,), optional
        Rows of weight 0 are not drawn.
    keys : ndarray of shape (m,), uint64, optional
        Copies of a row are drawn as one where they stay together (`chainrule.table.holdout.units`), so that no member
        is scored on a row that it was trained on.

    Examples
    --------
    >>> int(drawn(0, 100).sum()), drawn(0, 3, np.array([1.0, 0.0, 0.0])).tolist()
    (100, [1, 0, 0])
    """
    rows = np.arange(m) if sample_weight is None else np.flatnonzero(sample_weight)
    unit, _ = units(len(rows), None if keys is None else keys[rows], _IN_NO_BAG)
    leaders = np.flatnonzero(unit == np.arange(len(rows)))
    times = np.bincount(np.random.default_rng(seed).choice(leaders, len(leaders)), minlength=len(rows))
    counts = np.zeros(m, np.int64)
    counts[rows] = times[unit]
    return counts


def keys_of(X: Any) -> Array | None:
    """Hash the rows of a table of any kind; return None for anything else, which the members' `fit` will refuse."""
    if issparse(X):
        return row_keys(canonical(X.tocsr()))
    if hasattr(X, "columns"):
        return row_keys(from_frame(X))
    rows = np.asarray(X)
    if rows.ndim != 2:
        return None
    return row_keys(rows if rows.dtype.kind in "biuf" else from_frame(dict(enumerate(rows.T.tolist()))))


def out_of_bag_mean(counts: Array, predict: Callable[[int, Array], Array]) -> tuple[Array, Array]:
    """Average the members' predictions for the rows that their bags lack.

    Parameters
    ----------
    counts : ndarray of shape (n_members, n_samples)
        How often each row is in each bag.
    predict : callable (number of a member, rows) -> ndarray of shape (n_rows, ...)

    Returns
    -------
    mean : ndarray of shape (n_samples, ...)
        NaN, with a ChainruleWarning, for rows that are in every bag.
    judged : ndarray of int
        The other rows.

    Raises
    ------
    TargetError
        If every bag has every row.

    Examples
    --------
    >>> counts = np.array([[0, 1, 2], [0, 0, 0]])
    >>> mean, judged = out_of_bag_mean(counts, lambda member, rows: 10.0 * rows + member)
    >>> mean.tolist(), judged.tolist()
    ([0.5, 11.0, 21.0], [0, 1, 2])
    """
    total, times = None, (counts == 0).sum(axis=0)
    for number, out in enumerate(map(np.flatnonzero, counts == 0)):
        if len(out):
            A = predict(number, out)
            total = np.zeros((len(times), *A.shape[1:])) if total is None else total
            total[out] += A
    if total is None:
        raise TargetError(
            f"every bag has every row (n_samples = {len(times)}): set oob_score=False, or give more rows."
        )
    if not times.all():
        warn(
            f"{(times == 0).sum()} of {len(times)} rows are in every bag and have no out-of-bag prediction (NaN); the "
            "score leaves them out. More members leave fewer such rows."
        )
    divisor = np.where(times, times, np.nan).reshape(-1, *[1] * (total.ndim - 1))
    return total / divisor, np.flatnonzero(times)
