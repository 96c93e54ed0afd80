"""Passes over a table in batches: everything that roles, encoder, target and the network's start are made from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TypeVar

import numpy as np

from chainrule.network.rows import mix
from chainrule.network.types import Array
from chainrule.table.column_summary import ColumnSummary
from chainrule.table.columns import Column, Table
from chainrule.table.encoding.merge_blocks import Measured, moments, parts_of
from chainrule.table.encoding.moments import Moments
from chainrule.table.reading.batches import Batches
from chainrule.tabular.split import Parts

Summand = TypeVar("Summand", ColumnSummary, Moments)

_SAMPLE_VALUES, _SAMPLE_ROWS = 4_000_000, 200_000  # of the sample that medians are taken from, at most


@dataclass(frozen=True)
class TableSummary:
    """What the rows of a table that are not for the test say; surveys of batches are added up in their order.

    Attributes
    ----------
    facts : dict of str to ColumnSummary
        Of every column.
    moments : dict of str to dict of str to Moments
        Of the parts of every column.
    sample : Table
        Some of the rows.
    """

    facts: dict[str, ColumnSummary]
    moments: dict[str, dict[str, Moments]]
    sample: Table

    def __add__(self, other: TableSummary) -> TableSummary:
        parts = {name: _sum(own, other.moments[name]) for name, own in self.moments.items()}
        return TableSummary(_sum(self.facts, other.facts), parts, _joined(self.sample, other.sample))

    def measured(self, name: str) -> Measured:
        """What the training rows of a column say."""
        return Measured(self.facts[name], self.moments[name], self.sample[name])


def facts_of(batches: Batches, tallied: Collection[str]) -> dict[str, ColumnSummary]:
    """Measure every column over all rows: what decides its role.

    Parameters
    ----------
    batches : Batches
    tallied : collection of str
        Names of columns whose different values are to be counted, whatever their kind.
    """
    each = (
        {column.name: ColumnSummary.of(column, tally=column.name in tallied) for column in batch.columns}
        for batch in batches
    )
    return reduce(_sum, each)


def survey(
    batches: Batches, parts: Parts, seed: int, *, targets: Collection[str], tallied: Collection[str]
) -> TableSummary:
    """Measure the rows that are not for the test in one pass: those that the table in memory is measured by.

    Parameters
    ----------
    batches : Batches
    parts : Parts
    seed : int
        Of the sample.
    targets : collection of str
        Names of the columns to predict.
    tallied : collection of str
        Names of columns whose different values are to be counted, whatever their kind.
    """
    share = min(1.0, _SAMPLE_ROWS / batches.n_rows, _SAMPLE_VALUES / (batches.n_rows * len(batches.names)))
    each = (
        _surveyed(batch, places.untested, _drawn(start, places.untested, share, seed), targets, tallied)
        for start, batch, places in parts.of(batches)
    )
    return reduce(add, each)


def _drawn(start: int, rows: Array, share: float, seed: int) -> Array:
    """Draw a share of the rows of a batch, by their numbers in the table."""
    draws = mix(np.uint64(start) + rows.astype(np.uint64) + mix(np.array([seed % 2**64], np.uint64)))
    return rows if share >= 1 else rows[draws < np.uint64(share * 2.0**64)]


def _surveyed(
    batch: Table, rows: Array, sample: Array, targets: Collection[str], tallied: Collection[str]
) -> TableSummary:
    counted = {*targets, *tallied}
    return TableSummary(
        {column.name: ColumnSummary.of(column.take(rows), tally=column.name in counted) for column in batch.columns},
        {column.name: _moments(column, rows, tallied=column.name in tallied) for column in batch.columns},
        batch.take(sample),
    )


def _moments(column: Column, rows: Array, *, tallied: bool) -> dict[str, Moments]:
    return {part: moments(column, rows, part) for part in parts_of(column, tallied=tallied)}


def _sum(one: dict[str, Summand], other: dict[str, Summand]) -> dict[str, Summand]:
    return {name: value + other[name] for name, value in one.items()}


def _joined(one: Table, other: Table) -> Table:
    """Put rows below rows at once: small arrays left from every batch would keep the heap from shrinking."""
    pairs = zip(one.columns, other.columns, strict=True)
    columns = (replace(above, values=np.concatenate([above.values, below.values])) for above, below in pairs)
    return replace(one, columns=tuple(columns))
