"""Encoded rows, the network's training data, in memory or elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from chainrule.network.examples import Examples
from chainrule.network.types import Array


@dataclass(frozen=True)
class Block:
    """A block of rows in memory.

    Attributes
    ----------
    X : ndarray of shape (rows, n[0])
    Y : ndarray of shape (rows, n[L])
    weights : ndarray of shape (rows,), optional
        Relative weights: their mean over all training rows, of all shards, is 1.
    numbers : ndarray of shape (rows,), uint64, optional
        The rows' numbers among all training rows, from which dropout masks are drawn; None for rows without dropout.
    """

    X: Array
    Y: Array
    weights: Array | None = None
    numbers: Array | None = None

    def __len__(self) -> int:
        return len(self.Y)

    def __getitem__(self, rows: slice) -> Block:
        weights, numbers = (None if of is None else of[rows] for of in (self.weights, self.numbers))
        return Block(self.X[rows], self.Y[rows], weights, numbers)

    @property
    def examples(self) -> Examples:
        """The rows in textbook orientation."""
        return Examples(self.X.T, self.Y.T, self.weights, unit=1.0, numbers=self.numbers)


class Rows(Protocol):
    """Rows in the order of the table: all, or a shard."""

    @property
    def m(self) -> int:
        """The number of rows."""
        ...

    def read(self, start: int, stop: int) -> Block:
        """Read some of the rows into memory."""
        ...


@dataclass(frozen=True)
class RowLoader:
    """How another process gets rows: it calls a function, and calls it again if the rows are lost.

    Attributes
    ----------
    m : int
        The number of rows.
    function : callable
        Returns the rows, as `Rows`.
    arguments : tuple
        The function's arguments.
    """

    m: int
    function: Callable[..., Rows]
    arguments: tuple[Any, ...] = ()

    def run(self) -> Rows:
        """Load the rows in this process."""
        return self.function(*self.arguments)


class DivisibleRows(Rows, Protocol):
    """Rows that can be cut into shards."""

    def part(self, start: int, stop: int) -> DivisibleRows:
        """Return some of the rows, without reading them into memory."""
        ...

    def load(self) -> RowLoader:
        """Return a loader for another process."""
        ...


@dataclass(frozen=True)
class ArrayRows:
    """Rows in memory, numbered from `first` on."""

    block: Block
    first: int = 0

    @property
    def m(self) -> int:
        """The number of rows."""
        return len(self.block)

    def read(self, start: int, stop: int) -> Block:
        """Return some of the rows, without a copy."""
        block = self.block[start:stop]
        numbers = np.arange(self.first + start, self.first + start + len(block), dtype=np.uint64)
        return replace(block, numbers=numbers)

    def part(self, start: int, stop: int) -> ArrayRows:
        """Return some of the rows."""
        return ArrayRows(self.block[start:stop], self.first + start)

    def load(self) -> RowLoader:
        """Return a loader that carries the rows to another process."""
        return RowLoader(self.m, ArrayRows, (self.block, self.first))
