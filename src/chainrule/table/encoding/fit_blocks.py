"""Feature blocks measured on the training rows of a column."""

from __future__ import annotations

import numpy as np

from chainrule.network.embeddings import suggested_size
from chainrule.network.types import Array
from chainrule.table.columns import Column
from chainrule.table.encoding.blocks import Codes, OneHot, Scaled, reader
from chainrule.table.encoding.statistics import mean_and_deviation, median, merged
from chainrule.table.schema import rare_below

MAX_ONE_HOT = 255  # levels with a feature of their own; the rarest beyond are pooled


def fit_scaled(column: Column, part: str, rows: slice | Array, *, levels: tuple[str, ...] = ()) -> Scaled | None:
    """Measure a feature on the training rows: None where it is constant and never missing, so says nothing."""
    x = reader(part, column, levels)(rows)
    missing = np.isnan(x)
    present = x[~missing]
    if not missing.any() and (len(present) == 0 or present.min() == present.max()):
        return None
    fill = float(np.median(present)) if len(present) else 0.0
    x[missing] = fill
    centre, scale = mean_and_deviation(x)
    return Scaled(column.name, part, centre, scale, fill, bool(missing.any()), True, levels)


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


def fit_one_hot(column: Column, rows: slice | Array) -> OneHot | None:
    """Find the levels worth a feature on the training rows: None where there is only one."""
    text = column.as_text()
    codes = text.values[rows]
    counts = np.bincount(codes[codes >= 0], minlength=len(text.levels))
    return one_hot(column.name, text.levels, counts, len(codes))


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
    kept = totals[1:] >= rare_below(round(totals.sum()))
    levels = tuple(level for level, is_kept in zip(text.levels, kept, strict=True) if is_kept)
    missing = bool(totals[0] > 0)
    if size is None and len(levels) + missing == 2 and not totals[1:][~kept].any():
        return OneHot(column.name, levels, other=False, missing=missing)
    return Codes(column.name, levels, suggested_size(1 + len(levels) + missing) if size is None else size, missing)
