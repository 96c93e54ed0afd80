"""Encoded rows, as the network takes them, wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from chainrule.network.examples import Examples
from chainrule.network.types import Array


@dataclass(frozen=True)
class Block:
    """Some rows in memory.

    Attributes
    ----------
    X : ndarray of shape (rows, n[0])
    Y : ndarray of shape (rows, n[L])
    weights : ndarray of shape (rows,), optional
        Relative ones: over all training rows, of all shards, their mean is 1.
    numbers : ndarray of shape (rows,), uint64, optional
        The rows' numbers among all training rows, which dropout masks belong to; None for rows that are only looked at.
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
    """Rows in the order of the table: a shard of it, or all."""

    @property
    def m(self) -> int:
        """How many there are."""
        ...

    def read(self, start: int, stop: int) -> Block:
        """Bring some of them to memory."""
        ...


@dataclass(frozen=True)
class RowLoader:
    """How rows get to another process: a function and its arguments, run there, and run again where they are lost.

    Attributes
    ----------
    m : int
        How many rows there are.
    function : callable
        Returns them, as `Rows`.
    arguments : tuple
        Of the function.
    """

    m: int
    function: Callable[..., Rows]
    arguments: tuple[Any, ...] = ()

    def run(self) -> Rows:
        """Bring the rows to this process."""
        return self.function(*self.arguments)


class DivisibleRows(Rows, Protocol):
    """Rows that can be cut into shards."""

    def part(self, start: int, stop: int) -> DivisibleRows:
        """Return some of the rows, without bringing them to memory."""
        ...

    def load(self) -> RowLoader:
        """Say how they get to another process."""
        ...


@dataclass(frozen=True)
class ArrayRows:
    """Rows that are in memory already, numbered from `first` on."""

    block: Block
    first: int = 0

    @property
    def m(self) -> int:
        """How many there are."""
        return len(self.block)

    def read(self, start: int, stop: int) -> Block:
        """Look at some of them."""
        block = self.block[start:stop]
        numbers = np.arange(self.first + start, self.first + start + len(block), dtype=np.uint64)
        return replace(block, numbers=numbers)

    def part(self, start: int, stop: int) -> ArrayRows:
        """Return some of them."""
        return ArrayRows(self.block[start:stop], self.first + start)

    def load(self) -> RowLoader:
        """Say how they get to another process: as they are."""
        return RowLoader(self.m, ArrayRows, (self.block, self.first))
