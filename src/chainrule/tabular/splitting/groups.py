"""Draw whole groups of rows, such as the visits of a patient: at random, with shares as near as groups allow.

Groups are drawn from the largest to the smallest. A group is held out with the probability that is asked for, more
where too little has been held out so far and less where too much: the smaller groups make up for the larger ones. What
is counted are rows, and the rows of each stratum.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from chainrule.network.types import Array

_MOST_COUNTS = 1 << 26  # groups times strata beyond which only rows are counted
_TOO_LARGE = 1.5  # a group of more than this multiple of the rows wanted, or of the smallest group's, is not held out


def group_counts(groups: Array, strata: Array) -> Array:
    """Count the rows of each group in each stratum.

    Parameters
    ----------
    groups, strata : ndarray of shape (m,), int
        Numbers from 0.

    Returns
    -------
    ndarray of shape (n_groups, n_strata), int
        With one stratum for all, if there were too many counts.

    Examples
    --------
    >>> group_counts(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1])).tolist()
    [[1, 0], [1, 2]]
    """
    n, k = int(groups.max()) + 1, int(strata.max()) + 1
    if n * k > _MOST_COUNTS:
        return np.bincount(groups, minlength=n)[:, None]
    return np.bincount(groups * k + strata, minlength=n * k).reshape(n, k)


class HeldOut(NamedTuple):
    """Masks of the groups chosen, and of those too large to be chosen."""

    chosen: Array
    too_large: Array


def held_out_groups(counts: Array, fraction: float, draw: np.random.Generator, leave: int = 1) -> HeldOut:
    """Choose groups that hold about a fraction of the rows, and of each stratum; at least one.

    A group of more than one and a half times the rows wanted, or those of the smallest group, is not chosen.

    Parameters
    ----------
    counts : ndarray of shape (n_groups, n_strata)
        More than `leave` groups.
    fraction : float
        Above 0 and below 1.
    draw : Generator
    leave : int, default 1
        The number of groups that must not be chosen.

    Returns
    -------
    HeldOut
        Both of shape (n_groups,), bool.

    Examples
    --------
    >>> chosen, _ = held_out_groups(np.full((10, 1), 7), 0.3, np.random.default_rng(0))
    >>> int(chosen.sum())
    3
    """
    sizes = counts.sum(axis=1)
    wanted = fraction * sizes.sum()
    too_large = sizes > _TOO_LARGE * max(wanted, sizes.min())
    candidates = np.flatnonzero(~too_large)
    of_these = sizes[candidates].sum()
    share = max(min(wanted / of_these, 0.5), sizes.min() / of_these)
    weights = _weights(counts[candidates])
    lag = np.zeros(counts.shape[1])  # rows of each stratum that should have been held out, but are not
    chosen = np.zeros(len(counts), bool)
    for alike in _alike(counts, candidates, draw):
        count, n = counts[alike[0]], len(alike)
        probability = share + (lag @ weights @ count) / (n * (count @ weights @ count))
        k = min(n, int(n * np.clip(probability, 0, 1) + draw.random()))
        lag += share * n * count - k * count
        chosen[alike[:k]] = True
    if not chosen.any():
        chosen[np.argmin(sizes)] = True
    held = np.flatnonzero(chosen)
    spare = max(0, len(held) - (len(counts) - leave))
    chosen[held[np.argsort(sizes[held], kind="stable")[:spare]]] = False
    return HeldOut(chosen, too_large)


def group_folds(counts: Array, k: int, draw: np.random.Generator) -> Array:
    """Assign each group to one of k folds, so that folds have about the same rows, and rows of each stratum.

    Parameters
    ----------
    counts : ndarray of shape (n_groups, n_strata)
        At least k groups.
    k : int
    draw : Generator

    Returns
    -------
    ndarray of shape (n_groups,), int

    Examples
    --------
    >>> np.bincount(group_folds(np.full((10, 1), 7), 5, np.random.default_rng(0))).tolist()
    [2, 2, 2, 2, 2]
    """
    folds, filled = np.zeros(len(counts), np.int64), np.zeros((k, counts.shape[1]))
    weights = _weights(counts)
    for alike in _alike(counts, np.arange(len(counts)), draw):
        count = counts[alike[0]]
        dealt = _poured(filled @ weights @ count / (count @ weights @ count), len(alike), draw)
        folds[alike] = np.repeat(np.arange(k), dealt)
        filled += dealt[:, None] * count
    return folds


def _poured(levels: Array, n: int, draw: np.random.Generator) -> Array:
    """Deal n units to folds with these levels, each to the lowest, as water finds its level; ties at random."""
    ascending = np.sort(levels)
    surfaces = (n + np.cumsum(ascending)) / np.arange(1, len(levels) + 1)  # if only the lowest folds get any
    surface = surfaces[np.argmax(surfaces <= np.append(ascending[1:], np.inf))]
    dealt = np.maximum(0, np.floor(surface - levels - 1e-9)).astype(np.int64)
    order = draw.permutation(len(levels))
    rest = order[np.argsort((levels + dealt)[order], kind="stable")]
    dealt[rest[: n - dealt.sum()]] += 1
    return dealt


def _alike(counts: Array, groups: Array, draw: np.random.Generator) -> Iterator[Array]:
    """Yield groups with the same counts: large ones first, those within a factor of two in random order."""
    groups = groups[draw.permutation(len(groups))]
    _, first, kind = np.unique(counts[groups], axis=0, return_index=True, return_inverse=True)
    kind = kind.ravel()
    octave = np.floor(np.log2(counts[groups].sum(axis=1)) + draw.random())
    groups = groups[np.lexsort((first[kind], -octave))]
    changes = np.any(counts[groups[1:]] != counts[groups[:-1]], axis=1)
    yield from np.split(groups, 1 + np.flatnonzero(changes))


def _weights(counts: Array) -> Array:
    """Return the matrix that weighs a lag: a stratum's by its rarity, that of all rows as much as all strata."""
    of_strata = counts.sum(axis=0).astype(np.float64)
    return np.diag(1 / np.maximum(of_strata, 1)) + counts.shape[1] / of_strata.sum()
