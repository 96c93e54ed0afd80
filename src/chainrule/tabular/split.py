"""Which part of a table in batches a row belongs to: drawn chapter by chapter, as for a table in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.types import Array
from chainrule.table.columns import Table
from chainrule.table.holdout import CHAPTER, at, of_chapter
from chainrule.table.reading.batches import Batches
from chainrule.table.target import Target

_NO_TARGET, _TRAINING, _VALIDATION, _TEST = range(4)


class SplitRows(NamedTuple):
    """The rows of a batch that belong to each part: row numbers, ascending."""

    training: Array
    validation: Array
    test: Array

    @property
    def untested(self) -> Array:
        """Those that are not for the test."""
        return np.sort(np.concatenate([self.training, self.validation]))


@dataclass(frozen=True)
class Shares:
    """How a table is split.

    Parameters
    ----------
    test : float, default 0.2
        Of the rows that have a target value.
    validation : float, default 0.1
        Of those that are not for the test.
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
class Parts:
    """The part that each row of a table belongs to, a byte for each; rows that lack a target value belong to none."""

    codes: Array

    def of(self, batches: Batches) -> Iterator[tuple[int, Table, SplitRows]]:
        """Read a table: where each batch begins, the batch, and which of its rows belong to each part."""
        start = 0
        for batch in batches:
            codes = self.codes[start : start + batch.n_rows]
            yield start, batch, SplitRows(*(np.flatnonzero(codes == code) for code in (_TRAINING, _VALIDATION, _TEST)))
            start += batch.n_rows

    @property
    def counts(self) -> dict[str, int]:
        """How many rows belong to each part, and how many to none."""
        return dict(
            zip(("without target", *SplitRows._fields), np.bincount(self.codes, minlength=4).tolist(), strict=True)
        )


def draw_parts(batches: Batches, target: Target, features: Sequence[str], shares: Shares) -> Parts:
    """Split a table in one pass over it.

    Parameters
    ----------
    batches : Batches
    target : Target
        Its classes, or the tenths of its range, keep their shares in every part.
    features : sequence of str
        The columns whose values tell copies of a row.
    shares : Shares
    """
    codes = np.full(batches.n_rows, _NO_TARGET, np.uint8)
    for chapter, (rows, y, keys) in enumerate(_chapters(batches, target, features)):
        codes[rows] = _drawn(chapter, shares, target.strata(y), keys, several=batches.n_rows > CHAPTER)
    return Parts(codes)


def _drawn(chapter: int, shares: Shares, strata: Mapping[str, Array], keys: Array, *, several: bool) -> Array:
    """Draw the rows for the test, then from the others those for validation."""
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
    """Give the rows that have a target value, `CHAPTER` of them at a time: their numbers, targets and keys."""
    done, waiting = 0, list[list[Array]]()
    for batch in batches.select([*features, *target.names]):
        rows = with_target(batch, target.names)
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
    """Hash the rows of a batch; texts too many to keep do not count, since their codes mean nothing outside it."""
    nameless = (column.name for column in features.columns if column.kind == "text" and not column.levels)
    return features.without(nameless).row_keys()


def with_target(batch: Table, targets: tuple[str, ...]) -> Array:
    """Return the rows of a batch that have a value of every target."""
    return np.flatnonzero(~np.logical_or.reduce([batch[name].missing for name in targets]))
