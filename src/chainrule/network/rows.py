"""A row is known by its content, not by its place.

Two draws belong to a row rather than to a position: whether it is held out, and which units dropout removes
for it. Both are keyed by a hash of the row's values, so they stay the same when rows are reordered, batched
differently or sent to another machine, and copies of a row always travel together: a held-out row has no twin of its
class among the training rows, and a row of weight k is trained exactly as k copies of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.network.draws import generator
from chainrule.network.types import Array

_CHUNK = 1 << 15  # elements hashed at a time: what is made of them stays in the cache


def mix(keys: Array) -> Array:
    """Scramble 64-bit keys so that every input bit reaches every output bit (the finaliser of SplitMix64)."""
    keys = keys.astype(np.uint64)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def row_keys(X: Any, *, exact: bool = False) -> Array:
    """Hash every row of a table to 64 bits: equal rows, equal keys.

    Parameters
    ----------
    X : array or CSR matrix of shape (m, n)
    exact : bool, default False
        Compare values as float64, so that different rows have different keys. Otherwise as float32, so that a table
        and its float32 copy have the same keys. A sparse table and its dense copy always have.

    Returns
    -------
    ndarray of shape (m,), uint64

    Examples
    --------
    >>> keys = row_keys(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]))
    >>> bool(keys[0] == keys[2]), bool(keys[0] == keys[1])
    (True, False)
    """
    m, n = X.shape
    odd = generator(0, "row keys").integers(0, 2**64, size=n, dtype=np.uint64) | np.uint64(1)
    keys = np.zeros(m, np.uint64)
    rows = max(1, _CHUNK // max(n, 1))
    for start in range(0, m, rows):
        part = X[start : start + rows]
        if hasattr(part, "indptr"):
            keys[start : start + rows] = _sparse_sums(part, _bits(part.data, exact) * odd[part.indices])
        else:
            keys[start : start + rows] = _bits(part, exact) @ odd
    return mix(keys)


def _bits(values: Array, exact: bool) -> Array:
    """Return the scrambled bit patterns of the values: 0 for both zeros, no trailing zeros in common."""
    with np.errstate(over="ignore", under="ignore"):
        rounded = np.add(np.asarray(values).astype(np.float64 if exact else np.float32), 0)
    bits: Array = np.ascontiguousarray(rounded).view(np.uint64 if exact else np.uint32).astype(np.uint64)
    bits *= np.uint64(0x9E3779B97F4A7C15)
    return bits ^ (bits >> np.uint64(32))


def _sparse_sums(part: Any, products: Array) -> Array:
    """Sum over the stored values of each row; the bits of a zero are 0, so nothing else counts."""
    running = np.concatenate([[np.uint64(0)], np.cumsum(products, dtype=np.uint64)])
    return running[part.indptr[1:]] - running[part.indptr[:-1]]


def holdout(
    keys: Array, fraction: float, *, seed: int, strata: Array | None = None, weights: Array | None = None
) -> Array:
    """Choose the rows to hold out: the given fraction of every stratum's weight, copies together.

    Within a stratum, rows are put in the order of their seeded keys; a row's position is the share of the
    stratum's weight up to its middle. The rows with the lowest positions are held out until `fraction` of the
    whole weight is reached, at least two different ones. A stratum of one row is never held out.

    Parameters
    ----------
    keys : ndarray of shape (m,)
        From `row_keys`.
    fraction : float
        Between 0 and 1.
    seed : int
    strata : ndarray of shape (m,), optional
        Class codes; None for one stratum.
    weights : ndarray of shape (m,), optional
        Positive; None counts every row once.

    Returns
    -------
    ndarray of shape (m,), bool
        True for the rows held out.

    Examples
    --------
    >>> X = np.arange(20.0).reshape(10, 2)
    >>> int(holdout(row_keys(X), 0.3, seed=0).sum())
    3
    """
    m = len(keys)
    strata = np.zeros(m, np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    weights = np.ones(m) if weights is None else np.asarray(weights, np.float64)
    seeded = mix(keys + mix(np.array([seed], np.uint64)))

    order = np.lexsort((seeded, strata))
    starts = np.flatnonzero(_changes(seeded[order]) | _changes(strata[order]))
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=m))  # of each ordered row
    group_weight = np.bincount(group, weights[order], minlength=len(starts))
    group_stratum = strata[order][starts]

    position = _positions(group_weight, group_stratum)
    ranking = np.lexsort((seeded[order][starts], position))
    reached = np.cumsum(group_weight[ranking])
    wanted = int(np.searchsorted(reached, fraction * reached[-1] * (1 - 1e-12))) + 1
    chosen = ranking[: max(2, wanted)]
    chosen = chosen[np.isfinite(position[chosen])]

    held_out = np.zeros(m, bool)
    held_out[order] = np.isin(group, chosen)
    return held_out


def _changes(values: Array) -> Array:
    """Tell which entries differ from the one before; the first one does."""
    return np.concatenate([np.ones(1, bool), values[1:] != values[:-1]])


def _positions(group_weight: Array, group_stratum: Array) -> Array:
    """Return the share of its stratum's weight up to each group's middle; infinite for a group alone in its stratum."""
    totals = np.bincount(group_stratum, group_weight)
    before_stratum = np.concatenate([[0.0], np.cumsum(totals)])[group_stratum]
    middle = np.cumsum(group_weight) - before_stratum - group_weight / 2
    alone = (np.bincount(group_stratum) == 1)[group_stratum]
    return np.where(alone, np.inf, middle / totals[group_stratum])
