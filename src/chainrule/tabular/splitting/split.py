"""Split a table into training, validation and test rows: at random, by the groups of a column, or in order of time.

A draw depends only on the seed, the row's number, its stratum and its copies or group, not on how the table is read.
Without groups or times, rows are drawn chapter by chapter, so that a table may have any size: up to 2^20 rows are one
chapter, and the shares are exact; each further chapter is drawn by itself, which bounds the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule._errors import TargetError
from chainrule.network.types import Array
from chainrule.table import Table, Target
from chainrule.table.batches import Batches
from chainrule.table.holdout import CHAPTER, at, folds_of_chapter, of_chapter
from chainrule.tabular.splitting.shares import NO_TARGET, PARTS, TEST, TRAINING, VALIDATION, Shares
from chainrule.tabular.splitting.split_by_column import by_groups, by_time
from chainrule.tabular.splitting.time_order import RowOrder


@dataclass(frozen=True, eq=False)
class Split:
    """The part that each row of a table belongs to; rows without a target value belong to none.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,), uint8
    notes : tuple of str
        What a split by groups or by time did, in words.
    in_order_of : tuple of str
        The date columns in whose order the rows are, if they were split at random.
    """

    codes: Array
    notes: tuple[str, ...] = ()
    in_order_of: tuple[str, ...] = ()

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
        return np.flatnonzero((self.codes == TRAINING) | (self.codes == VALIDATION))

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows of each part, and of those in none: without target, or later than the test rows."""
        counted = np.bincount(self.codes, minlength=5).tolist()
        return dict(zip(("without target", *PARTS, "unused"), counted, strict=True))


def split_table(
    batches: Batches, target: Target, features: Sequence[str], shares: Shares, dates: Sequence[str] = ()
) -> Split:
    """Split a table in one pass over it.

    Parameters
    ----------
    batches : Batches
    target : Target
        Its classes, or the tenths of its range, keep their shares in every part, as far as groups allow.
    features : sequence of str
        The columns by whose values copies of a row are recognised.
    shares : Shares
    dates : sequence of str, default ()
        Those of the features that may tell the order of the rows.

    Raises
    ------
    TargetError
        If no row is left to train on, or no row is held out although a share is requested.
    TableError
        If there are too few groups or times, or a time is missing.
    """
    if shares.by is not None:
        split = Split(*by_groups(batches, target, batches.header[shares.by].name, shares))
    elif shares.time is not None:
        split = Split(*by_time(batches, target, batches.header[shares.time].name, shares))
    else:
        split = _at_random(batches, target, features, shares, RowOrder(dates))
    _check(split.counts, shares, target, batches)
    return split


def _at_random(batches: Batches, target: Target, features: Sequence[str], shares: Shares, row_order: RowOrder) -> Split:
    codes = np.full(batches.n_rows, NO_TARGET, np.uint8)
    for chapter, (rows, y, keys) in enumerate(_chapters(batches, target, features, row_order)):
        codes[rows] = _drawn(chapter, shares, target.strata(y), keys, several=batches.n_rows > CHAPTER)
    return Split(codes, in_order_of=row_order.columns)


def _check(counts: Mapping[str, int], shares: Shares, target: Target, batches: Batches) -> None:
    missing = counts["without target"]
    if missing == batches.n_rows:
        raise TargetError(f"every row of {batches.source} lacks a value of {', '.join(target.names)}.")
    test = 1 / shares.fold[1] if shares.fold else shares.test
    for part, wanted in (("validation", shares.validation), ("test", test)):
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
    codes = np.full(len(keys), TRAINING, np.uint8)
    if shares.fold is not None:
        fold, k = shares.fold
        folds = folds_of_chapter(chapter, len(keys), k, seed=shares.seed, keys=keys, several=several, **strata)
        codes[folds == fold] = TEST
    for purpose, share, code in shares.drawn:
        left = np.flatnonzero(codes == TRAINING)
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


def _chapters(batches: Batches, target: Target, features: Sequence[str], row_order: RowOrder) -> Iterator[list[Array]]:
    """Yield the rows with a target value, `CHAPTER` of them at a time: their numbers, targets and keys."""
    done, waiting = 0, list[list[Array]]()
    for batch in batches.select([*features, *target.names]):
        row_order.add(batch)
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
