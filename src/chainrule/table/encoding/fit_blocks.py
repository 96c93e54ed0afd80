"""Feature blocks measured on the training rows of a column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from chainrule._errors import TableError
from chainrule.network.embeddings import suggested_size
from chainrule.network.types import Array
from chainrule.table.columns import Column
from chainrule.table.encoding.blocks import Block, Codes, OneHot, Scaled, reader
from chainrule.table.encoding.measures import ColumnMeasures
from chainrule.table.encoding.moments import Moments
from chainrule.table.encoding.statistics import mean_and_deviation, median, merged
from chainrule.table.schema import ColumnPlan, rare_below

MAX_ONE_HOT = 255  # levels with a feature of their own; the rarest beyond are pooled


def fit_blocks(plan: ColumnPlan, measures: ColumnMeasures, embedding_size: int | str | None = None) -> Iterator[Block]:
    """Give the feature blocks of a column that say anything: none of a column that is constant and never missing."""
    name, missing = plan.name, measures.missing > 0
    if plan.role == "pixel":
        yield Scaled(name, scale=255.0)
    elif plan.role == "boolean":
        # 0 and 1 stay as they are; missing is halfway, and said where training had it
        if missing or (measures.tally is not None and len(measures.tally.values) > 1):
            yield Scaled(name, fill=0.5, indicator=missing)
    elif plan.role == "categorical":
        yield from _categories(measures, embedding_size)
    elif measures.is_tallied:
        yield from _scaled_of_tally(measures)
    else:
        for part in measures.parts:
            yield from _scaled(measures, part)


def _scaled(measures: ColumnMeasures, part: str) -> Iterator[Scaled]:
    found = measures.moments(part)
    fill = measures.median(part) if measures.missing else 0.0
    yield from _informative(measures, part, found, fill)


def _scaled_of_tally(measures: ColumnMeasures) -> Iterator[Scaled]:
    """Scale numbers by their value, texts by the rank of their level."""
    different, counts = _different(measures)
    part, levels = ("rank", different.levels) if different.kind == "text" else ("value", ())
    x = reader(part, different, levels)(slice(None))
    fill = median(x, counts) if len(x) else 0.0
    yield from _informative(measures, part, Moments.of(x, counts), fill, levels)


def _informative(
    measures: ColumnMeasures, part: str, found: Moments, fill: float, levels: tuple[str, ...] = ()
) -> Iterator[Scaled]:
    if measures.missing or found.low < found.high:
        whole = found + Moments.repeated(fill, measures.missing)
        name, missing = measures.header.name, measures.missing > 0
        yield Scaled(name, part, whole.mean, whole.deviation, fill, missing, True, levels)


def _different(measures: ColumnMeasures) -> tuple[Column, Array]:
    """Return the different values, and how often each occurs."""
    if measures.tally is None:
        raise TableError(f"Column {measures.header.name!r} has too many different values to be taken as categories.")
    return replace(measures.header, values=measures.tally.values), measures.tally.counts


def _categories(measures: ColumnMeasures, embedding_size: int | str | None) -> Iterator[OneHot | Codes]:
    """Find the levels worth a feature, or a vector of their own."""
    different, counts = _different(measures)
    text = different.as_text()
    by_level = np.bincount(text.values, counts, minlength=len(text.levels))
    if embedding_size is not None:
        size = None if isinstance(embedding_size, str) else embedding_size
        yield _codes(different.name, text.levels, by_level, measures.missing, size)
    elif (found := one_hot(different.name, text.levels, by_level, measures.rows)) is not None:
        yield found


def fit_number(column: Column, rows: slice | Array, weights: Array, *, scale: bool, impute: bool) -> Scaled:
    """Measure a number that stays a feature even where it is constant.

    Parameters
    ----------
    column : Column
    rows : slice or ndarray of int
        The training rows.
    weights : ndarray
        How often each of them counts.
    scale : bool
        Standardise, tails drawn in; else the number stays as it is.
    impute : bool
        Fill missing ones with the median, and indicate them where training had some.

    Raises
    ------
    TableError
        If the variance of what is to be standardised overflows.
    """
    x = reader("value", column, ())(rows)
    missing = np.isnan(x)
    fill = 0.0
    if impute:
        fill = 0.0 if missing.all() else median(*merged(x[~missing], weights[~missing]))
        x[missing] = fill
    centre, deviation = mean_and_deviation(*merged(x, weights)) if scale else (0.0, 1.0)
    return Scaled(column.name, "value", centre, deviation, fill, impute and bool(missing.any()), scale)


def one_hot(name: str, levels: tuple[str, ...], counts: Array, m: int) -> OneHot | None:
    """Choose the levels worth a feature by how often each occurs in m rows; the rest of the rows have none."""
    common = np.flatnonzero(counts >= rare_below(m))
    kept = np.sort(common[np.argsort(-counts[common], kind="stable")[:MAX_ONE_HOT]])
    other, missing = bool(counts.sum() > counts[kept].sum()), bool(counts.sum() < m)
    chosen = OneHot(name, tuple(levels[code] for code in kept), other, missing)
    return chosen if len(chosen.shown) > 1 else None


def fit_codes(column: Column, rows: slice | Array, weights: Array, size: int | None = None) -> Codes | OneHot:
    """Find the levels worth a vector of their own; the rare ones share code 0 with those never seen.

    Parameters
    ----------
    column : Column
    rows : slice or ndarray of int
        The training rows.
    weights : ndarray
        How often each of them counts. What is 1 on average or more counts as copies; less cannot, and is scaled up.
    size : int, optional
        Of the vectors. By default the rule `suggested_size` says; and two levels, none of them rare, get a single
        feature of 0 or 1 instead: behind the first layer of weights a vector could say no more.
    """
    text = column.as_text()
    copies = weights / min(1.0, weights.mean())
    totals = np.bincount(text.values[rows] + 1, copies, minlength=len(text.levels) + 1)  # missing, -1, comes first
    totals = totals.round(6)  # ten tenths are one copy
    return _codes(column.name, text.levels, totals[1:], totals[0], size)


def _codes(name: str, levels: tuple[str, ...], totals: Array, missing: float, size: int | None) -> Codes | OneHot:
    kept = totals >= rare_below(round(totals.sum() + missing))
    common = tuple(level for level, is_kept in zip(levels, kept, strict=True) if is_kept)
    gaps = bool(missing > 0)
    if size is None and len(common) + gaps == 2 and not totals[~kept].any():
        return OneHot(name, common, other=False, missing=gaps)
    return Codes(name, common, suggested_size(1 + len(common) + gaps) if size is None else size, gaps)
