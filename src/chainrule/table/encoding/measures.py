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
from chainrule.table.encoding.date_parts import DATE_PARTS
from chainrule.table.encoding.moments import Moments, RunningMoments
from chainrule.table.encoding.statistics import median, merged


class Rows(NamedTuple):
    """A batch, which of its rows are measured, which of these are in the sample for medians, and all rows' weights."""

    batch: Table
    measured: Array | slice
    sampled: Array | slice
    weights: Array | None = None


@dataclass
class ColumnMeasures:
    """Statistics of the measured rows of a column.

    Attributes
    ----------
    header : Column
        Its name, kind and categories, without rows.
    rows, missing : float
        Their number, or their total weight.
    tally : Tally, optional
        For texts, truth values and other categorical columns; None if there are too many values.
    parts : dict of str to RunningMoments
        Moments of "value" for a number, of each part for a date, without missing values.
    """

    header: Column
    is_tallied: bool
    rows: float = 0
    missing: float = 0
    tally: Tally | None = None
    parts: dict[str, RunningMoments] = field(default_factory=dict)
    _sample: list[Array] = field(default_factory=list)
    _sample_weights: list[Array] = field(default_factory=list)
    _rows: ColumnMeasures | None = None

    def __post_init__(self) -> None:
        if self.is_tallied:
            self.tally = Tally.of(self.header.values[:0], self.header.kind)
        elif self.header.kind != "pixel":
            names = DATE_PARTS if self.header.kind == "date" else ("value",)
            self.parts = {part: RunningMoments() for part in names}

    def add(
        self, column: Column, measured: Array | slice, sampled: Array | slice, weights: Array | None = None
    ) -> None:
        """Add the rows of a batch; each counts once, or as often as its weight says."""
        if weights is not None:
            self._rows = self._rows or ColumnMeasures(self.header, self.is_tallied)
            self._rows.add(column, measured, sampled)
        taken = column.take(measured)
        absent, counts = taken.missing, None if weights is None else weights[measured]
        self.rows += len(absent) if counts is None else float(counts.sum())
        self.missing += int(absent.sum()) if counts is None else float(counts[absent].sum())
        if self.is_tallied:
            present = None if counts is None else counts[~absent]
            self.tally = added(self.tally, Tally.of(taken.values[~absent], column.kind, present))
        for part, moments in self.parts.items():
            x = reader(part, column, ())(measured)
            moments.add(_present(x), None if counts is None else counts[~np.isnan(x)])
        if self.parts:
            self._sample.append(column.values[sampled])
            if weights is not None:
                self._sample_weights.append(weights[sampled])

    def moments(self, part: str) -> Moments:
        """Return the moments of a part of the column."""
        return self.parts[part].total()

    def median(self, part: str) -> float:
        """Return the median of a part of the column over the sampled rows; its mean if all of these are missing."""
        x, counts = self.sampled(part)
        return median(x, counts) if len(x) else self.moments(part).mean

    def sampled(self, part: str) -> tuple[Array, Array]:
        """Return the values of a part of the column in the sampled rows, ascending, and the weight of each."""
        sample = Column(self.header.name, self.header.kind, np.concatenate(self._sample))
        x = reader(part, sample, ())(slice(None))
        weights = np.concatenate(self._sample_weights) if self._sample_weights else np.ones(len(x))
        return merged(_present(x), weights[~np.isnan(x)])

    @property
    def as_rows(self) -> ColumnMeasures:
        """The statistics of the same rows, each of which counts once."""
        return self._rows or self


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
    for batch, measured, sampled, weights in rows:
        for each, column in zip(measures, batch.columns, strict=True):
            each.add(column, measured, sampled, weights)
    return {each.header.name: each for each in measures}
