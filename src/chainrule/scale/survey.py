"""One pass over a table in pieces: everything that the encoder, the target and the network's start are made from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TypeVar

import numpy as np

from chainrule._errors import TargetError
from chainrule.network.types import Array
from chainrule.scale.parts import Places, Shares, border, row_keys, with_target
from chainrule.table.columns import Column, Table
from chainrule.table.facts import Facts
from chainrule.table.merged_features import Measured, moments, parts_of
from chainrule.table.moments import Moments
from chainrule.table.pieces import Pieces

Summand = TypeVar("Summand", Facts, Moments, int)

_SAMPLE_VALUES, _SAMPLE_ROWS = 4_000_000, 200_000  # of the sample that medians are taken from, at most


@dataclass(frozen=True)
class Survey:
    """What some rows of a table say; surveys of pieces are added up in their order.

    Attributes
    ----------
    facts : dict of str to Facts
        Of every column, over all rows: what decides its role.
    training : dict of str to Facts
        Of every column, over the training rows.
    moments : dict of str to dict of str to Moments
        Of the parts of every column, over the training rows.
    sample : Table
        Some training rows.
    rows : dict of str to int
        How many rows belong to each part; those that lack a target value belong to none.
    """

    facts: dict[str, Facts]
    training: dict[str, Facts]
    moments: dict[str, dict[str, Moments]]
    sample: Table
    rows: dict[str, int]

    def __add__(self, other: Survey) -> Survey:
        parts = {name: _sum(own, other.moments[name]) for name, own in self.moments.items()}
        return Survey(
            _sum(self.facts, other.facts),
            _sum(self.training, other.training),
            parts,
            _joined(self.sample, other.sample),
            _sum(self.rows, other.rows),
        )

    def measured(self, name: str) -> Measured:
        """What the training rows of a column say."""
        return Measured(self.training[name], self.moments[name], self.sample[name])


def survey(pieces: Pieces, targets: tuple[str, ...], shares: Shares, *, tallied: Collection[str] = ()) -> Survey:
    """Measure a table in one pass.

    Parameters
    ----------
    pieces : Pieces
    targets : tuple of str
        Names of the columns to predict; rows that lack one belong to no part.
    shares : Shares
    tallied : collection of str
        Names of columns whose different values are to be counted, whatever their kind.

    Raises
    ------
    TargetError
        If no row is left to train on, or none is held out though some should be.
    """
    share = min(1.0, _SAMPLE_ROWS / pieces.n_rows, _SAMPLE_VALUES / (pieces.n_rows * len(pieces.names)))
    found = reduce(add, (_surveyed(piece, targets, shares, tallied, share) for piece in pieces))
    if not found.rows["training"]:
        raise TargetError(
            f"no row of {pieces.source} is left to train on: {found.rows['without target']:,} of {pieces.n_rows:,} "
            f"lack a value of {', '.join(targets)}, the others are held out."
        )
    for part, wanted in (("validation", shares.validation), ("test", shares.test)):
        if wanted and not found.rows[part]:
            raise TargetError(
                f"{pieces.n_rows:,} rows are too few, or too alike, to hold {wanted:.0%} of them out for {part}: none "
                "was drawn. Ask for a larger share, or for none."
            )
    return found


def _surveyed(piece: Table, targets: tuple[str, ...], shares: Shares, tallied: Collection[str], share: float) -> Survey:
    counted = {*targets, *tallied}
    keys, rows = row_keys(piece), with_target(piece, targets)
    places = shares.of(keys, rows)
    inside = places.training
    sample = inside if share >= 1 else inside[keys[inside] < border(share)]
    measured = {column.name: _moments(column, inside, tallied=column.name in tallied) for column in piece.columns}
    return Survey(
        {column.name: Facts.of(column, tally=column.name in counted) for column in piece.columns},
        {column.name: Facts.of(column.take(inside), tally=column.name in counted) for column in piece.columns},
        measured,
        piece.take(sample),
        _counts(places) | {"without target": piece.n_rows - len(rows)},
    )


def _moments(column: Column, rows: Array, *, tallied: bool) -> dict[str, Moments]:
    return {part: moments(column, rows, part) for part in parts_of(column, tallied=tallied)}


def _counts(places: Places) -> dict[str, int]:
    return {name: len(rows) for name, rows in places._asdict().items()}


def _sum(one: dict[str, Summand], other: dict[str, Summand]) -> dict[str, Summand]:
    return {name: value + other[name] for name, value in one.items()}


def _joined(one: Table, other: Table) -> Table:
    """Put rows below rows at once: small arrays left from every piece would keep the heap from shrinking."""
    pairs = zip(one.columns, other.columns, strict=True)
    columns = (replace(above, values=np.concatenate([above.values, below.values])) for above, below in pairs)
    return replace(one, columns=tuple(columns))
