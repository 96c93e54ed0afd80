"""Cut rows in the order of time: the last ones are tested on; rows of one time stay together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from chainrule.network.types import Array
from chainrule.table import Column, Table

_LEAST_STEPS = 20  # so many changes of a date from row to row say whether rows are in its order,
_IN_ORDER = 0.9  # if this share of them goes the same way


def last_rows(times: Array, share: float) -> int:
    """Return the number of distinct times, from the last one, that hold about a share of the rows.

    Parameters
    ----------
    times : ndarray of shape (m,)
    share : float

    Returns
    -------
    int
        At least 1, and less than the number of distinct times if there are several.

    Examples
    --------
    >>> last_rows(np.array([1, 2, 2, 3, 3, 4]), 0.5)
    2
    """
    counts = np.unique(times, return_counts=True)[1]
    reached = np.cumsum(counts[::-1])
    return 1 + int(np.argmin(np.abs(reached[: max(1, len(counts) - 1)] - share * len(times))))


def time_blocks(times: Array, k: int, first: int = 1) -> Array:
    """Return the times at which k consecutive blocks of about as many rows begin.

    Parameters
    ----------
    times : ndarray of shape (m,)
        With at least k - 1 + `first` distinct times.
    k : int
    first : int, default 1
        The least number of distinct times in the first block.

    Returns
    -------
    ndarray of shape (k,), ascending and distinct

    Examples
    --------
    >>> time_blocks(np.arange(12) // 2, 3).tolist()
    [0, 2, 4]
    """
    distinct, counts = np.unique(times, return_counts=True)
    before = np.cumsum(counts) - counts  # rows before each distinct time
    begins = [0]
    for block in range(1, k):  # the time nearest to the even cut, leaving a time for each block
        low, high = max(first, begins[-1] + 1), len(distinct) - (k - block)
        nearest = np.argmin(np.abs(before[low : high + 1] - block * len(times) / k))
        begins.append(low + int(nearest))
    return distinct[begins]


class RowOrder:
    """Which date columns the rows of a table are in the order of, found batch by batch.

    Examples
    --------
    >>> days = Column("day", "date", np.arange("2024-01-01", 40, dtype="datetime64[us]"))
    >>> order = RowOrder(["day"])
    >>> order.add(Table((days,)))
    >>> order.columns
    ('day',)
    """

    def __init__(self, dates: Iterable[str]) -> None:
        self._steps = {name: [0, 0] for name in dates}  # steps ahead and back
        self._last: dict[str, Array] = {}

    def add(self, batch: Table) -> None:
        """Add the next rows."""
        for name, steps in self._steps.items():
            column: Column = batch[name]
            present = column.values[~column.missing]
            if len(present):
                values = np.concatenate([self._last.get(name, present[:1]), present])
                steps[0] += int(np.count_nonzero(values[1:] > values[:-1]))
                steps[1] += int(np.count_nonzero(values[1:] < values[:-1]))
                self._last[name] = present[-1:].copy()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in whose order the rows are, upwards or downwards, but for a few."""
        return tuple(
            name
            for name, steps in self._steps.items()
            if sum(steps) >= _LEAST_STEPS and max(steps) >= _IN_ORDER * sum(steps)
        )
