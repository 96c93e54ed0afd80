"""Fit feature blocks to the training rows of a column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from chainrule._errors import TableError
from chainrule.network.embeddings import suggested_size
from chainrule.network.types import Array
from chainrule.table.columns import Column
from chainrule.table.encoding.blocks import Block, Codes, OneHot, Scaled, reader
from chainrule.table.encoding.fence import Fence
from chainrule.table.encoding.measures import ColumnMeasures
from chainrule.table.encoding.moments import Moments
from chainrule.table.encoding.statistics import mean_and_deviation, median, merged
from chainrule.table.schema import ColumnPlan, rare_below

MAX_ONE_HOT = 255  # most categories with a feature of their own; the rarest beyond are pooled


def fit_blocks(plan: ColumnPlan, measures: ColumnMeasures, embedding_size: int | str | None = None) -> Iterator[Block]:
    """Yield the feature blocks of a column: none if it is constant and never missing."""
    name, missing = plan.name, measures.missing > 0
    if plan.role == "pixel":
        yield Scaled(name, scale=255.0)
    elif plan.role == "boolean":
        # 0 and 1 stay as they are; missing is 0.5, with an indicator if training had missing values
        if missing or (measures.tally is not None and len(measures.tally.values) > 1):
            yield Scaled(name, fill=0.5, indicator=missing)
    elif plan.role == "categorical":
        yield from _categories(measures, embedding_size)
    elif measures.is_tallied:
        yield from _scaled_of_tally(measures, plan.order)
    else:
        for part in measures.parts:
            yield from _scaled(measures, part)


def _scaled(measures: ColumnMeasures, part: str) -> Iterator[Scaled]:
    found = measures.moments(part)
    fill = measures.median(part)  # what predicts later may have gaps that training had not
    if found.count:
        found = _without_absurd(measures.header.name, found, *measures.sampled(part))
    yield from _informative(measures, part, found, fill)


def _without_absurd(name: str, found: Moments, x: Array, counts: Array) -> Moments:
    """Return the moments of the column; if something in it is absurd, those of a sample in which that is drawn in."""
    row = min(1.0, float(counts.mean())) if len(x) else 1.0  # weights above 1 count as copies
    if not len(x) or (fence := Fence.around(x, counts, row)).holds(found.low, found.high):
        return found
    fence.warn(name, found.low, found.high)
    drawn = Moments.of(fence.drawn_in(x), counts)
    return replace(drawn, count=found.count, squares=drawn.squares * found.count / drawn.count)


def _scaled_of_tally(measures: ColumnMeasures, order: tuple[str, ...]) -> Iterator[Scaled]:
    """Scale numbers by their value, texts by the rank of their category."""
    different, counts = _different(measures)
    part, levels = ("rank", order or different.levels) if different.kind == "text" else ("value", ())
    x = reader(part, different, levels)(slice(None))
    fill = median(x, counts) if len(x) else 0.0
    found = Moments.of(x, counts)
    if part == "value" and len(x):
        found = _without_absurd(different.name, found, x, counts)
    yield from _informative(measures, part, found, fill, levels)


def _informative(
    measures: ColumnMeasures, part: str, found: Moments, fill: float, levels: tuple[str, ...] = ()
) -> Iterator[Scaled]:
    if measures.missing or found.low < found.high:
        whole = found + Moments.repeated(fill, measures.missing)
        name, missing = measures.header.name, measures.missing > 0
        yield Scaled(name, part, whole.mean, whole.deviation, fill, missing, True, levels)


def _different(measures: ColumnMeasures) -> tuple[Column, Array]:
    """Return the distinct values, and how often each occurs."""
    if measures.tally is None:
        raise TableError(f"Column {measures.header.name!r} has too many different values to be taken as categories.")
    return replace(measures.header, values=measures.tally.values), measures.tally.counts


def _categories(measures: ColumnMeasures, embedding_size: int | str | None) -> Iterator[OneHot | Codes]:
    """Choose the categories that get a feature, or an embedding vector, of their own."""
    different, counts = _different(measures)
    text = different.as_text()
    by_level = np.bincount(text.values, counts, minlength=len(text.levels)).round(6)  # ten tenths are one copy
    if embedding_size is not None:
        size = None if isinstance(embedding_size, str) else embedding_size
        yield _codes(different.name, text.levels, by_level, measures.missing, size)
    elif (found := one_hot(different.name, text.levels, by_level, measures.missing)) is not None:
        yield found


def fit_number(column: Column, rows: slice | Array, weights: Array, *, scale: bool, impute: bool) -> Scaled:
    """Fit the block of a number that stays a feature even if it is constant.

    Parameters
    ----------
    column : Column
    rows : slice or ndarray of int
        The training rows.
    weights : ndarray
        Their sample weights.
    scale : bool
        Whether to standardise and compress outliers; else the number stays as it is.
    impute : bool
        Whether to replace missing values by the median, with an indicator if training had some.

    Raises
    ------
    TableError
        If the variance overflows.
    """
    x = reader("value", column, ())(rows)
    missing = np.isnan(x)
    fill = 0.0
    if impute:
        fill = 0.0 if missing.all() else median(*merged(x[~missing], weights[~missing]))
        x[missing] = fill
    row = min(1.0, float(weights.mean()))  # weights above 1 count as copies
    centre, deviation = _scale(column.name, *merged(x, weights), row) if scale else (0.0, 1.0)
    return Scaled(column.name, "value", centre, deviation, fill, impute and bool(missing.any()), scale)


def _scale(name: str, x: Array, weights: Array, row: float) -> tuple[float, float]:
    """Return the mean and the deviation of ascending values, without what is absurd."""
    if not (fence := Fence.around(x, weights, row)).holds(x[0], x[-1]):
        fence.warn(name, x[0], x[-1])
        x = fence.drawn_in(x)
    return mean_and_deviation(x, weights)


def one_hot(name: str, levels: tuple[str, ...], counts: Array, missing: float) -> OneHot | None:
    """Choose the categories with a feature of their own, given the count of each and of the missing values."""
    common = np.flatnonzero(counts >= rare_below(round(counts.sum() + missing)))
    kept = np.sort(common[np.argsort(-counts[common], kind="stable")[:MAX_ONE_HOT]])
    other = bool(np.delete(counts, kept).any())
    chosen = OneHot(name, tuple(levels[code] for code in kept), other, missing > 0)
    return chosen if len(chosen.shown) > 1 else None


def fit_codes(column: Column, rows: slice | Array, weights: Array, size: int | None = None) -> Codes | OneHot:
    """Choose the categories with a vector of their own; rare ones share code 0 with new ones.

    Parameters
    ----------
    column : Column
    rows : slice or ndarray of int
        The training rows.
    weights : ndarray
        Their sample weights. If their mean is 1 or more they count as copies; else they are scaled up to a mean of 1.
    size : int, optional
        Number of entries of a vector. By default `suggested_size` decides; and two categories, none of them rare, get a
        single feature of 0 or 1 instead: after the first layer's weights a vector could express no more.
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
