"""Choose the rows to hold out: at random, the same share of every class or of every tenth of the target's range.

A draw is a pure function of seed and row number. Identical rows stay on the same side of the split only in a table
whose rows are nearly all distinct, where they are repeated measurements of one thing. Elsewhere, as with a few discrete
features, they are different things that look alike, and keeping them together would distort their distribution.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from chainrule.network.draws import generator
from chainrule.network.rows import mix
from chainrule.network.types import Array

CHAPTER = 1 << 20  # rows that are split together, which bounds the memory for a table of any size
_DISTINCT = 0.75  # copies stay together where at least this share of the rows is distinct
_TENTHS = np.arange(1, 10) / 10


def holdout(
    m: int,
    fraction: float,
    *,
    seed: int,
    purpose: str = "validation",
    classes: Array | None = None,
    values: Array | None = None,
    keys: Array | None = None,
) -> Array:
    """Choose the rows to hold out, at least two.

    Parameters
    ----------
    m : int
        The number of rows.
    fraction : float
        The share of rows to hold out, above 0 and below 1.
    seed : int
    purpose : str, default "validation"
        Draws for different purposes are independent.
    classes : ndarray of shape (m,), optional
        Labels: the share is held out of each class, and each class keeps a row to train on.
    values : ndarray of shape (m,), optional
        Numbers: the share is held out of each tenth of their range, by quantiles.
    keys : ndarray of shape (m,), uint64, optional
        From `rows.row_keys` of the features: copies of a row stay together if three quarters of the rows are
        distinct, unless they are more than a tenth of the rows held out.

    Returns
    -------
    ndarray of shape (m,), bool
        True for the rows held out.

    Examples
    --------
    >>> held_out = holdout(1000, 0.3, seed=0, classes=np.arange(1000) % 4)
    >>> int(held_out.sum()), np.bincount(np.flatnonzero(held_out) % 4).tolist()
    (300, [75, 75, 75, 75])
    """
    held_out = np.zeros(m, bool)
    for chapter, start in enumerate(range(0, m, CHAPTER)):
        rows = slice(start, min(start + CHAPTER, m))
        held_out[rows] = of_chapter(
            chapter,
            rows.stop - start,
            fraction,
            seed=seed,
            purpose=purpose,
            classes=at(classes, rows),
            values=at(values, rows),
            keys=at(keys, rows),
            several=m > CHAPTER,
        )
    return held_out


def at(values: Array | None, rows: Array | slice) -> Array | None:
    """Return the values at some rows, or None without values."""
    return None if values is None else values[rows]


def of_chapter(
    chapter: int,
    n: int,
    fraction: float,
    *,
    seed: int,
    purpose: str,
    classes: Array | None = None,
    values: Array | None = None,
    keys: Array | None = None,
    several: bool = False,
) -> Array:
    """Choose the rows to hold out of one chapter of the table; `holdout` explains the parameters.

    The rows of a stratum are sorted by their draws. All strata lie one after the other along one ruler, which decides
    how many rows of each are held out, so that the shares add up. A random start decides how a share is rounded.
    """
    if chapter == 0:
        fraction = max(fraction, min(1.0, 2 / n))
    line = _Line.of(chapter, n, fraction, seed, purpose, classes, values, keys, several=several)
    ruler = np.floor(np.arange(len(line.order) + 1) * fraction + line.start)
    counts = np.diff(line.begins, append=len(line.order))
    wanted = ruler[line.begins + counts] - ruler[line.begins]
    chosen = np.arange(len(line.order)) - np.repeat(line.begins, counts) < np.repeat(wanted, counts)
    if classes is not None:
        _keep_one(chosen, line.strata[line.order])
    held_out = np.zeros(n, bool)
    held_out[line.order] = chosen
    return held_out[line.unit]


def folds_of_chapter(
    chapter: int,
    n: int,
    k: int,
    *,
    seed: int,
    classes: Array | None = None,
    values: Array | None = None,
    keys: Array | None = None,
    several: bool = False,
) -> Array:
    """Cut one chapter of the table into k folds, each with the same share of every stratum.

    Parameters
    ----------
    k : int
        The number of folds; `holdout` explains the others.

    Returns
    -------
    ndarray of shape (n,), int
        The fold of each row, from 0.

    Examples
    --------
    >>> folds = folds_of_chapter(0, 20, 5, seed=0, classes=np.arange(20) % 2)
    >>> [np.bincount(np.flatnonzero(folds == fold) % 2).tolist() for fold in range(5)]
    [[2, 2], [2, 2], [2, 2], [2, 2], [2, 2]]
    """
    line = _Line.of(chapter, n, 1 / k, seed, "fold", classes, values, keys, several=several)
    dealt = (np.arange(len(line.order)) + int(k * line.start)) % k
    counts = np.diff(line.begins, append=len(line.order))
    cells = np.repeat(np.arange(len(counts)), counts)
    folds = np.zeros(n, np.int64)
    folds[line.order] = dealt[np.lexsort((dealt, cells))]  # by draws, so that copies in other chapters agree
    return folds[line.unit]


@dataclass(frozen=True)
class _Line:
    """The rows of a chapter along one ruler: by stratum, by the size of the unit, by their draws."""

    unit: Array  # for each row, the first row of those that are drawn with it
    strata: Array
    order: Array  # the first rows of all units
    begins: Array  # where in `order` a stratum or another size begins
    start: float  # a random start of the ruler

    @classmethod
    def of(
        cls,
        chapter: int,
        n: int,
        fraction: float,
        seed: int,
        purpose: str,
        classes: Array | None,
        values: Array | None,
        keys: Array | None,
        *,
        several: bool,
    ) -> _Line:
        draw = generator(seed, f"{purpose} rows", chapter)
        start, draws = draw.random(), draw.random(n)
        strata = strata_of(n, classes, values)
        unit, sizes = units(n, keys, fraction)
        if several and keys is not None and sizes.any():  # a row has the draw of its copies in other chapters
            draws = np.where(sizes > 0, _draws_of(keys, seed, purpose), draws)
        leaders = np.flatnonzero(unit == np.arange(n))
        order = leaders[np.lexsort((draws[leaders], sizes[leaders], strata[leaders]))]
        begins = np.flatnonzero(_changes(strata[order]) | _changes(sizes[order]))
        return cls(unit, strata, order, begins, start)


def strata_of(n: int, classes: Array | None, values: Array | None) -> Array:
    """Number the strata of n rows: their classes, the tenths of their values, or one for all.

    Examples
    --------
    >>> strata_of(3, np.array(["b", "a", "b"]), None).tolist(), strata_of(2, None, None).tolist()
    ([1, 0, 1], [0, 0])
    """
    if classes is not None:
        return np.unique(classes, return_inverse=True)[1]
    if values is not None:
        borders = np.unique(np.quantile(values, _TENTHS, method="lower"))
        return np.searchsorted(borders, values, side="right")
    return np.zeros(n, np.int64)


def units(n: int, keys: Array | None, fraction: float) -> tuple[Array, Array]:
    """Group the rows that are drawn together when a fraction of the rows is drawn.

    Parameters
    ----------
    n : int
        The number of rows.
    keys : ndarray of shape (n,), uint64, optional
        Without keys every row is drawn by itself.
    fraction : float

    Returns
    -------
    unit : ndarray of shape (n,)
        For each row, the first row of its group.
    sizes : ndarray of shape (n,)
        The size of its group; 0 for a row that is drawn without its copies.

    Examples
    --------
    >>> units(5, np.array([7, 8, 9, 7, 6], np.uint64), 0.5)[0].tolist()
    [0, 1, 2, 0, 4]
    """
    alone = np.arange(n), np.zeros(n, np.int64)
    if keys is None:
        return alone
    _, first, group, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    if len(first) < _DISTINCT * n:
        return alone
    together = counts[group] <= max(2.0, fraction * n / 10)
    return np.where(together, first[group], alone[0]), np.where(together, counts[group], 0)


def _draws_of(keys: Array, seed: int, purpose: str) -> Array:
    """Return a uniform draw from 0 to 1 for each key."""
    secret = mix(np.array([seed % 2**64], np.uint64)) + np.uint64(zlib.crc32(purpose.encode()))
    return mix(keys + mix(secret)) / 2.0**64


def _changes(values: Array) -> Array:
    """Return a mask of the entries that differ from the one before; the first always does."""
    return np.concatenate([np.ones(min(1, len(values)), bool), values[1:] != values[:-1]])


def _keep_one(chosen: Array, strata: Array) -> None:
    """If all rows of a stratum are chosen, leave out the last one."""
    begins = np.flatnonzero(_changes(strata))
    ends = np.append(begins[1:], len(strata))
    chosen[ends[np.logical_and.reduceat(chosen, begins)] - 1] = False
