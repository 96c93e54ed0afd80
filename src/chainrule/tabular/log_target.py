"""The logarithm of a target that is learned instead of it: whether it can be taken, and when it may be worth it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from chainrule._errors import TargetError
from chainrule.network.types import Array
from chainrule.table import Target
from chainrule.table.batches import Batches
from chainrule.table.target import Transform

_SKEWED = 1.0  # the skewness from which a distribution is called highly skewed


def with_logarithm(target: Target, tables: Iterable[Batches]) -> Target:
    """Return the target with the logarithm to learn: log(y) if all values are positive, log(1 + y) if some are 0.

    Raises
    ------
    TargetError
        If a value is negative or infinite, naming the first.

    Examples
    --------
    >>> from chainrule.table import Column, Table
    >>> from chainrule.table.batches import OneBatch
    >>> table = Table((Column("price", "number", np.array([2.0, 0.0, np.nan])),))
    >>> with_logarithm(Target(("price",), "regression", ""), [OneBatch.of(table)]).transform
    'log1p'
    """
    zeros = [_checked(target, table) for table in tables]
    transform: Transform = "log1p" if any(zeros) else "log"
    return replace(target, transform=transform)


def _checked(target: Target, table: Batches) -> bool:
    """Say whether a table has a value of 0; raise TargetError if it has one without a logarithm."""
    done, zero = 0, False
    for batch in table.select(target.names):
        rows = np.flatnonzero(~target.missing(batch))
        y = target.encode(batch, rows)
        bad = np.argwhere(~((y >= 0) & (y < np.inf)))
        if len(bad):
            row, place = bad[0]
            number = table.number_of(done + int(rows[row]))
            raise TargetError(
                f"row {number:,}, counted from 0, of {table.source} has {target.names[place]!r} = {y[row, place]:g}, "
                "which has no logarithm: with a target learned as its logarithm, values must be positive or 0."
            )
        zero |= bool((y == 0).any())
        done += batch.n_rows
    return zero


def is_skewed(y: Array) -> bool:
    """Say whether the logarithm of numbers may be easier to learn: if all are positive and highly skewed, it less so.

    The skewness, the mean cube of (y - mean) / deviation, is above 1, and that of log(y) less than half of it in size.

    Examples
    --------
    >>> prices = np.exp(np.arange(100) % 10)
    >>> is_skewed(prices), is_skewed(np.log1p(prices)), is_skewed(prices - 1)
    (True, False, False)
    """
    if len(y) < 2 or not y.min() > 0 or not y.max() < np.inf:
        return False
    found = _skewness(y)
    return found > _SKEWED and abs(_skewness(np.log(y))) < found / 2


def _skewness(y: Array) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # NaN, which is above nothing, for numbers that overflow
        deviation = y.std()
        return float(np.mean(((y - y.mean()) / deviation) ** 3)) if deviation else 0.0
