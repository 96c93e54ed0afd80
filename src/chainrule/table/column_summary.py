"""A summary of a column, from which its role is inferred: of the whole column, or added up over batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from chainrule.network.rows import mix
from chainrule.network.types import Array
from chainrule.table.columns import Column, Kind, spell

MAX_DIFFERENT = 100_000  # no tally is kept of more different values
_EXACT = 2.0**53  # whole numbers up to here are exact as float64
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Tally:
    """The distinct values of a column, ascending, and how often each occurs."""

    values: Array
    counts: Array

    @classmethod
    def of(cls, present: Array, kind: Kind, weights: Array | None = None) -> Tally:
        """Count the values of a column of the given kind, each once or as often as its weight says."""
        if kind != "text":
            values, place, counts = np.unique(present, return_inverse=True, return_counts=True)
            return cls(values, counts if weights is None else np.bincount(place, weights, minlength=len(values)))
        counts = np.bincount(present, weights)  # of codes: faster than sorting
        values = np.flatnonzero(counts)
        return cls(values, counts[values])


def added(one: Tally | None, other: Tally | None) -> Tally | None:
    """Add the tallies of two parts of a column; None if one is unknown or there are too many values."""
    if one is None or other is None:
        return None
    values, place = np.unique(np.concatenate([one.values, other.values]), return_inverse=True)
    counts = np.zeros(len(values), np.result_type(one.counts, other.counts))
    np.add.at(counts, place, np.concatenate([one.counts, other.counts]))
    return Tally(values, counts) if len(values) <= MAX_DIFFERENT else None


class _Series(NamedTuple):
    """For whole numbers without a repetition so far: whether they are consecutive, and the sum of their hashes."""

    in_order: bool
    total: np.uint64


@dataclass(frozen=True, eq=False)
class ColumnSummary:
    """Summary of a column, or of some of its rows.

    Summaries of batches are added in row order; the sum does not depend on where the batches are cut.

    Parameters
    ----------
    column : Column
        Its name, kind, categories and note; without rows.
    rows, missing : int
    first, low, high : scalar or None
        The first value, the smallest and the largest; None if all are missing.
    tally : Tally or None
        None if it was not requested, or has more than 100,000 different values.
    series : optional
        None if the values cannot be a range of whole numbers, each occurring once.

    Examples
    --------
    >>> one, other = (Column("x", "number", np.array(values)) for values in ([3, 1], [2]))
    >>> summary = ColumnSummary.of(one) + ColumnSummary.of(other)
    >>> summary.rows, int(summary.low), int(summary.high), summary.fills_range
    (3, 1, 3, True)
    """

    column: Column
    rows: int
    missing: int
    first: Any = None
    low: Any = None
    high: Any = None
    tally: Tally | None = None
    series: _Series | None = None

    @classmethod
    def of(cls, column: Column, *, tally: bool = False) -> ColumnSummary:
        """Summarise a column; texts and truth values are always tallied, other values on request."""
        missing = column.missing
        present = column.values[~missing]
        n_missing = len(missing) - len(present)
        header = replace(column, values=column.values[:0].copy())  # a view would keep the batch in memory
        summary = cls(header, len(missing), n_missing)
        if len(present):
            summary = replace(summary, first=present[0], low=present.min(), high=present.max())
        if tally or column.kind in ("text", "boolean"):
            summary = replace(summary, tally=Tally.of(present, column.kind))
        if column.kind == "number" and len(present) == len(missing) > 0:
            summary = replace(summary, series=_series(present, float(summary.low), float(summary.high)))
        return summary

    def __add__(self, other: ColumnSummary) -> ColumnSummary:
        tally = None if self.is_nameless else added(self.tally, other.tally)
        return ColumnSummary(
            self.column,
            self.rows + other.rows,
            self.missing + other.missing,
            other.first if self.first is None else self.first,
            _either(min, self.low, other.low),
            _either(max, self.high, other.high),
            tally,
            _continued(self, other),
        )

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name

    @property
    def kind(self) -> Kind:
        """The kind of the column's values."""
        return self.column.kind

    @property
    def present(self) -> int:
        """The number of rows that have a value."""
        return self.rows - self.missing

    @property
    def different(self) -> int | None:
        """The number of distinct values; None if they were not tallied."""
        return None if self.tally is None else len(self.tally.values)

    @property
    def example(self) -> str:
        """The first value as text, or the column's note if there is none to show."""
        if self.first is None or (self.kind == "text" and not self.column.levels):
            return self.column.note or "nothing"
        return repr(self.spelled(self.first))

    def spelled(self, value: Any) -> str:
        """Write a value of the column as a person would."""
        return self.column.levels[value] if self.kind == "text" else spell(value, self.kind)

    @property
    def fills_range(self) -> bool:
        """Whether the values are a range of whole numbers, each occurring once."""
        if self.series is None or float(self.high) - float(self.low) + 1 != self.rows:
            return False
        return self.series.in_order or bool(self.series.total == _total_of_range(int(self.low), int(self.high)))

    @property
    def is_nameless(self) -> bool:
        """Whether the texts were too many to keep: their codes then mean nothing outside their batch."""
        return self.kind == "text" and not self.column.levels


def _either(choose: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else choose(one, other)


def _series(present: Array, low: float, high: float) -> _Series | None:
    """Describe numbers as a series; None if one is not whole, or one must occur twice."""
    if not low.is_integer() or high - low + 1 < len(present) or max(-low, high) > _EXACT:
        return None
    whole = present.astype(np.int64)
    if present.dtype.kind == "f" and not np.array_equal(whole, present):
        return None
    in_order = high - low + 1 == len(whole) and bool(np.all(np.diff(whole) == 1))
    return _Series(in_order, mix(whole.view(np.uint64)).sum())


def _continued(one: ColumnSummary, other: ColumnSummary) -> _Series | None:
    """Join the series of two batches."""
    if not one.rows or not other.rows:
        return other.series if not one.rows else one.series
    if one.series is None or other.series is None:
        return None
    in_order = one.series.in_order and other.series.in_order and int(one.high) + 1 == int(other.low)
    with np.errstate(over="ignore"):
        return _Series(in_order, one.series.total + other.series.total)


def _total_of_range(low: int, high: int) -> np.uint64:
    total = np.zeros(1, np.uint64)  # arrays wrap around without a warning
    for start in range(low, high + 1, _CHUNK):
        whole = np.arange(start, min(start + _CHUNK, high + 1), dtype=np.int64)
        total += mix(whole.view(np.uint64)).sum()
    return total[0]
