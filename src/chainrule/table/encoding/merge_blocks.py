"""Feature blocks from what was measured on the batches of a column, for tables that are never whole in memory.

They are those of `fit_features`, with two differences: means and deviations are sums of sums, so that their last bits
differ; and the median that stands for missing values is that of a sample of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from chainrule._errors import TableError
from chainrule.network.types import Array
from chainrule.table.column_summary import ColumnSummary
from chainrule.table.columns import Column
from chainrule.table.encoding.blocks import Block, OneHot, Scaled, reader
from chainrule.table.encoding.dates import DATE_PARTS
from chainrule.table.encoding.encoder import Encoder
from chainrule.table.encoding.fit_blocks import one_hot
from chainrule.table.encoding.moments import Moments
from chainrule.table.encoding.statistics import median
from chainrule.table.schema import Schema


@dataclass(frozen=True)
class Measured:
    """What the training rows of a column say.

    Parameters
    ----------
    facts : ColumnSummary
    moments : dict of str to Moments
        Of the parts that `parts_of` names, missing values aside.
    sample : Column
        Some of the rows.
    """

    facts: ColumnSummary
    moments: dict[str, Moments]
    sample: Column


def parts_of(column: Column, *, tallied: bool) -> tuple[str, ...]:
    """Return the parts of a column whose moments are to be measured: of what is tallied, none."""
    if tallied or column.kind in {"text", "boolean"}:
        return ()
    return tuple(DATE_PARTS) if column.kind == "date" else ("value",)


def moments(column: Column, rows: Array, part: str) -> Moments:
    """Measure a part of a column at the given rows."""
    x = reader(part, column, ())(rows)
    return Moments.of(x[~np.isnan(x)])


def merged_encoder(schema: Schema, measured: dict[str, Measured], source: str) -> Encoder:
    """Build the encoder of a table from what its training rows say.

    Raises
    ------
    TableError
        If every feature is constant in the training rows.
    """
    blocks = tuple(block for plan in schema.used for block in _blocks(plan.role, measured[plan.name]))
    if not blocks:
        raise TableError(f"Every column of {source} is constant in the training rows: nothing to learn from.")
    return Encoder(blocks)


def _blocks(role: str, measured: Measured) -> Iterator[Block]:
    """Give the feature blocks of one column, by its role."""
    fitted: list[Block | None]
    if role == "boolean":
        facts = measured.facts
        says = facts.missing or facts.low != facts.high
        fitted = [Scaled(facts.name, fill=0.5, indicator=facts.missing > 0) if says else None]
    elif role == "categorical":
        fitted = [_one_hot(measured.facts)]
    elif measured.facts.tally is not None:
        fitted = [_ranked(measured.facts)]
    else:
        fitted = [_scaled(measured, part) for part in measured.moments]
    return (block for block in fitted if block is not None)


def _one_hot(facts: ColumnSummary) -> OneHot | None:
    different, counts = _different(facts)
    text = different.as_text()
    return one_hot(facts.name, text.levels, np.bincount(text.values, counts, len(text.levels)), facts.rows)


def _different(facts: ColumnSummary) -> tuple[Column, Array]:
    """Return the different values, and how often each occurs."""
    if facts.tally is None:
        raise TableError(f"Column {facts.name!r} has too many different values to be taken as levels.")
    return replace(facts.column, values=facts.tally.values), facts.tally.counts


def _ranked(facts: ColumnSummary) -> Scaled | None:
    """Scale what is tallied: numbers by their value, texts by the rank of their level."""
    different, counts = _different(facts)
    text = different.as_text()
    part, levels = ("rank", text.levels) if facts.kind == "text" else ("value", ())
    x = reader(part, text if levels else different, levels)(slice(None))
    fill = median(x, counts) if len(x) else 0.0
    return _block(facts, part, Moments.of(x, counts), fill, levels)


def _scaled(measured: Measured, part: str) -> Scaled | None:
    """Scale a part, missing values being the median of the sample."""
    x = reader(part, measured.sample, ())(slice(None))
    present = x[~np.isnan(x)]
    fill = float(np.median(present)) if len(present) else measured.moments[part].mean
    return _block(measured.facts, part, measured.moments[part], fill)


def _block(facts: ColumnSummary, part: str, found: Moments, fill: float, levels: tuple[str, ...] = ()) -> Scaled | None:
    if not facts.missing and not found.low < found.high:
        return None
    whole = found + Moments.repeated(fill, facts.missing)
    return Scaled(facts.name, part, whole.mean, whole.deviation, fill, facts.missing > 0, True, levels)
