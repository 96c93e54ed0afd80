"""Split a table into training, validation and test rows, chapter by chapter, so that it may have any size.

A draw depends only on the seed, the row's number, its stratum and its copies, not on how the table is read. A table of
up to 2^20 rows is one chapter, and the shares are exact; each further chapter is drawn by itself, which bounds the
memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule._errors import InvalidParameterError, TargetError
from chainrule.network.types import Array
from chainrule.table import Table, Target
from chainrule.table.batches import Batches
from chainrule.table.holdout import CHAPTER, at, of_chapter

PARTS = ("training", "validation", "test")
_NO_TARGET, _TRAINING, _VALIDATION, _TEST = range(4)


@dataclass(frozen=True)
class Shares:
    """The shares of a split.

    Parameters
    ----------
    test : float, default 0.2
        The share of test rows among the rows with a target value.
    validation : float, default 0.1
        The share of validation rows among the others.
    seed : int, default 0

    Raises
    ------
    InvalidParameterError
        If a share is not from 0 to below 1.
    """

    test: float = 0.2
    validation: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, share in (("test", self.test), ("validation", self.validation)):
            if not 0 <= share < 1:
                raise InvalidParameterError(f"the share of {name} rows must be from 0 to below 1, got {share!r}.")


@dataclass(frozen=True, eq=False)
class Split:
    """The part that each row of a table belongs to; rows without a target value belong to none.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,), uint8
    """

    codes: Array

    def rows(self, part: str) -> Array:
        """Return the row numbers of "training", "validation" or "test", ascending."""
        return np.flatnonzero(self.codes == 1 + PARTS.index(part))

    def of(self, batches: Batches) -> Iterator[tuple[int, Table, Split]]:
        """Read a table: yield the first row number of each batch, the batch, and its part of the split."""
        start = 0
        for batch in batches:
            yield start, batch, Split(self.codes[start : start + batch.n_rows])
            start += batch.n_rows

    @property
    def untested(self) -> Array:
        """The numbers of the training and validation rows."""
        return np.flatnonzero((self.codes == _TRAINING) | (self.codes == _VALIDATION))

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows of each part, and of those in none."""
        counted = np.bincount(self.codes, minlength=4).tolist()
        return dict(zip(("without target", *PARTS), counted, strict=True))


def split_table(batches: Batches, target: Target, features: Sequence[str], shares: Shares) -> Split:
    """Split a table in one pass over it.

    Parameters
    ----------
    batches : Batches
    target : Target
        Its classes, or the tenths of its range, keep their shares in every part.
    features : sequence of str
        The columns by whose values copies of a row are recognised.
    shares : Shares

    Raises
    ------
    TargetError
        If no row is left to train on, or no row is held out although a share is requested.
    """
    codes = np.full(batches.n_rows, _NO_TARGET, np.uint8)
    for chapter, (rows, y, keys) in enumerate(_chapters(batches, target, features)):
        codes[rows] = _drawn(chapter, shares, target.strata(y), keys, several=batches.n_rows > CHAPTER)
    split = Split(codes)
    _check(split.counts, shares, target, batches)
    return split


def _check(counts: Mapping[str, int], shares: Shares, target: Target, batches: Batches) -> None:
    missing = counts["without target"]
    if missing == batches.n_rows:
        raise TargetError(f"every row of {batches.source} lacks a value of {', '.join(target.names)}.")
    for part, wanted in (("validation", shares.validation), ("test", shares.test)):
        if wanted and not (counts[part] and counts["training"]):
            raise TargetError(
                f"{batches.n_rows - missing:,} rows are too few, or too alike, to hold {wanted:.0%} of them out for "
                f"{part}: one side would be empty. Ask for another share, or for none."
            )


def with_target(batch: Table, target: Target) -> Array:
    """Return the rows of a batch that have a value of every target."""
    return np.flatnonzero(~target.missing(batch))


def _drawn(chapter: int, shares: Shares, strata: Mapping[str, Array], keys: Array, *, several: bool) -> Array:
    """Draw the test rows, then the validation rows from the others."""
    codes = np.full(len(keys), _TRAINING, np.uint8)
    for purpose, share, code in (("test", shares.test, _TEST), ("validation", shares.validation, _VALIDATION)):
        left = np.flatnonzero(codes == _TRAINING)
        if share and len(left):
            held_out = of_chapter(
                chapter,
                len(left),
                share,
                seed=shares.seed,
                purpose=purpose,
                classes=at(strata.get("classes"), left),
                values=at(strata.get("values"), left),
                keys=keys[left],
                several=several,
            )
            codes[left[held_out]] = code
    return codes


def _chapters(batches: Batches, target: Target, features: Sequence[str]) -> Iterator[list[Array]]:
    """Yield the rows with a target value, `CHAPTER` of them at a time: their numbers, targets and keys."""
    done, waiting = 0, list[list[Array]]()
    for batch in batches.select([*features, *target.names]):
        rows = with_target(batch, target)
        waiting.append([done + rows, target.encode(batch, rows), _keys(batch.select(features))[rows]])
        done += batch.n_rows
        while sum(len(part[0]) for part in waiting) >= CHAPTER:
            whole = [np.concatenate(of) for of in zip(*waiting, strict=True)]
            yield [of[:CHAPTER] for of in whole]
            waiting = [[of[CHAPTER:].copy() for of in whole]]
    if waiting:
        last = [np.concatenate(of) for of in zip(*waiting, strict=True)]
        if len(last[0]):
            yield last


def _keys(features: Table) -> Array:
    """Hash the rows of a batch, without text columns whose codes mean nothing outside it."""
    nameless = (column.name for column in features.columns if column.kind == "text" and not column.levels)
    return features.without(nameless).row_keys()
