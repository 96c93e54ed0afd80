"""Encoded rows, as the network takes them, wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

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
    """

    X: Array
    Y: Array
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.Y)

    def __getitem__(self, rows: slice) -> Block:
        return Block(self.X[rows], self.Y[rows], None if self.weights is None else self.weights[rows])

    @property
    def examples(self) -> Examples:
        """The rows in textbook orientation."""
        return Examples(self.X.T, self.Y.T, self.weights, unit=1.0)


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
class ArrayRows:
    """Rows that are in memory already."""

    block: Block

    @property
    def m(self) -> int:
        """How many there are."""
        return len(self.block)

    def read(self, start: int, stop: int) -> Block:
        """Look at some of them."""
        return self.block[start:stop]

    def load(self) -> tuple[Callable[..., ArrayRows], tuple[Any, ...]]:
        """Return a function and arguments that bring the rows to the memory of another process."""
        return ArrayRows, (self.block,)
