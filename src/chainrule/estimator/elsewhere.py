"""Rows of a table read and encoded where they are needed: on any machine that can read its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from chainrule._errors import TableError
from chainrule.network.types import Array
from chainrule.scale.order import joined
from chainrule.scale.rows import ArrayRows, Block
from chainrule.table.columns import Table
from chainrule.table.pieces import Whereabouts


@dataclass(frozen=True)
class Chosen:
    """Some rows of a piece.

    Attributes
    ----------
    count : int
        How many they are.
    bits : bytes
        Which rows they are, a bit for each row; empty for all.
    """

    count: int
    bits: bytes = b""

    @classmethod
    def of(cls, rows: Array, n_rows: int) -> Chosen:
        """Note some of n_rows rows, whose numbers are given.

        Examples
        --------
        >>> Chosen.of(np.array([1, 2, 9]), 10)
        Chosen(count=3, bits=b'`@')
        """
        if len(rows) == n_rows:
            return cls(n_rows)
        chosen = np.zeros(n_rows, bool)
        chosen[rows] = True
        return cls(len(rows), np.packbits(chosen).tobytes())

    def out_of(self, piece: Table) -> Table:
        """Return the chosen rows of the piece."""
        if not self.bits:
            return piece
        bits = np.frombuffer(self.bits, np.uint8)
        return piece.take(np.flatnonzero(np.unpackbits(bits, count=piece.n_rows)))


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """The encoded rows of a table that came of its pieces, in their order.

    Attributes
    ----------
    where : Whereabouts
    chosen : tuple of Chosen
        The rows of each piece that there are.
    encode : callable
        Encodes a piece.
    memory : int
        Bytes that reading may take.
    """

    where: Whereabouts
    chosen: tuple[Chosen, ...]
    encode: Callable[[Table], Block]
    memory: int

    def read(self, start: int, stop: int) -> Block:
        """Return the encoded rows `start` to `stop`.

        Raises
        ------
        TableError
            If the files cannot be read, or have changed since they were measured.
        """
        ends = np.cumsum([chosen.count for chosen in self.chosen])
        first, last = np.searchsorted(ends, [start, stop - 1], side="right")
        needed = replace(self.where, places=self.where.places[first : last + 1])
        before = int(ends[first - 1]) if first else 0
        with needed.open(self.memory) as pieces:
            chosen = self.chosen[first : last + 1]
            blocks = [self.encode(of.out_of(piece)) for of, piece in zip(chosen, pieces, strict=True)]
        if any(len(block) != of.count for block, of in zip(blocks, chosen, strict=True)):
            raise TableError(f"{self.where.source} has changed since training began: its rows are not those measured.")
        return joined(blocks)[start - before : stop - before]

    def bring(self, start: int, stop: int) -> ArrayRows:
        """Bring them to memory."""
        return ArrayRows(self.read(start, stop), start)
