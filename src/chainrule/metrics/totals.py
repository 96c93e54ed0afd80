"""Totals of rows that come in batches, the same to the last bit wherever the batches are cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from chainrule.network.types import Array

_BLOCK = 4096  # rows added up together

Total = TypeVar("Total")


class RunningTotal(Generic[Total]):
    """What `of` computes from arrays of rows, added up in blocks of equal size; the rest waits for the next batch.

    Examples
    --------
    >>> total = RunningTotal(lambda x: x.sum())
    >>> total.add(np.array([1.0, 2.0]))
    >>> total.add(np.array([6.0]))
    >>> float(total.value())
    9.0
    """

    def __init__(self, of: Callable[..., Total]) -> None:
        self._of = of
        self._whole: Total | None = None
        self._waiting: tuple[Array, ...] = ()

    def add(self, *arrays: Array) -> None:
        """Add rows, in order: arrays of the same length."""
        if self._waiting:
            arrays = tuple(map(np.concatenate, zip(self._waiting, arrays, strict=True)))
        whole = len(arrays[0]) // _BLOCK * _BLOCK
        for start in range(0, whole, _BLOCK):
            self._whole = self._with(self._of(*(array[start : start + _BLOCK] for array in arrays)))
        self._waiting = tuple(array[whole:].copy() for array in arrays)  # a view would keep the batch in memory

    def value(self) -> Total:
        """Return the total of all rows so far; at least one batch must have come."""
        return self._with(self._of(*self._waiting))

    def _with(self, more: Total) -> Total:
        return more if self._whole is None else self._whole + more  # type: ignore[operator]
