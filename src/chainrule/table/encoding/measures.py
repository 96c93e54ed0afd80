"""Statistics of the training rows of each column, from which feature blocks are fitted; added up batch by batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from chainrule.network.types import Array
from chainrule.table.column_summary import Tally, added
from chainrule.table.columns import Column, Table
from chainrule.table.encoding.blocks import reader
from chainrule.table.encoding.dates import DATE_PARTS
from chainrule.table.encoding.moments import Moments, RunningMoments


class Rows(NamedTuple):
    """A batch, which of its rows are measured, and which of these are in the sample for medians."""

    batch: Table
    measured: Array | slice
    sampled: Array | slice


@dataclass
class ColumnMeasures:
    """Statistics of the measured rows of a column.

    Attributes
    ----------
    header : Column
        Its name, kind and categories, without rows.
    rows, missing : int
    tally : Tally, optional
        For texts, truth values and other categorical columns; None if there are too many values.
    parts : dict of str to RunningMoments
        Moments of "value" for a number, of each part for a date, without missing values.
    """

    header: Column
    is_tallied: bool
    rows: int = 0
    missing: int = 0
    tally: Tally | None = None
    parts: dict[str, RunningMoments] = field(default_factory=dict)
    _sample: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.is_tallied:
            self.tally = Tally.of(self.header.values[:0], self.header.kind)
        elif self.header.kind != "pixel":
            names = DATE_PARTS if self.header.kind == "date" else ("value",)
            self.parts = {part: RunningMoments() for part in names}

    def add(self, column: Column, measured: Array | slice, sampled: Array | slice) -> None:
        """Add the rows of a batch."""
        taken = column.take(measured)
        absent = taken.missing
        self.rows += len(absent)
        self.missing += int(absent.sum())
        if self.is_tallied:
            self.tally = added(self.tally, Tally.of(taken.values[~absent], column.kind))
        for part, moments in self.parts.items():
            moments.add(_present(reader(part, column, ())(measured)))
        if self.parts:
            self._sample.append(column.values[sampled])

    def moments(self, part: str) -> Moments:
        """Return the moments of a part of the column."""
        return self.parts[part].total()

    def median(self, part: str) -> float:
        """Return the median of a part of the column over the sampled rows; its mean if all of these are missing."""
        present = self.sampled(part)
        return float(np.median(present)) if len(present) else self.moments(part).mean

    def sampled(self, part: str) -> Array:
        """Return a part of the column in the sampled rows, without missing values."""
        sample = Column(self.header.name, self.header.kind, np.concatenate(self._sample))
        return _present(reader(part, sample, ())(slice(None)))


def _present(x: Array) -> Array:
    return np.asarray(x[~np.isnan(x)])


def measure(header: Table, rows: Iterable[Rows], categorical: Collection[str]) -> dict[str, ColumnMeasures]:
    """Measure every column in one pass.

    Parameters
    ----------
    header : Table
        The columns, without rows.
    rows : iterable of Rows
    categorical : collection of str
        Names of columns to take as categorical, whatever their kind.
    """
    measures = [
        ColumnMeasures(column, column.kind in ("text", "boolean") or column.name in categorical)
        for column in header.columns
    ]
    for batch, measured, sampled in rows:
        for each, column in zip(measures, batch.columns, strict=True):
            each.add(column, measured, sampled)
    return {each.header.name: each for each in measures}
