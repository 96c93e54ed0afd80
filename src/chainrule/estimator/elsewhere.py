"""Rows of a table read and encoded where they are needed: on any machine that can read its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from chainrule._errors import TableError
from chainrule.scale.order import joined
from chainrule.scale.rows import ArrayRows, Block
from chainrule.table.columns import Table
from chainrule.table.pieces import Whereabouts


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """The encoded rows of a table that came of its pieces, in their order.

    Attributes
    ----------
    where : Whereabouts
    counts : tuple of int
        How many encoded rows each piece gives.
    encode : callable
        Encodes a piece: all of its rows, or those that belong to it.
    memory : int
        Bytes that reading may take.
    """

    where: Whereabouts
    counts: tuple[int, ...]
    encode: Callable[[Table], Block]
    memory: int

    def read(self, start: int, stop: int) -> Block:
        """Return the encoded rows `start` to `stop`.

        Raises
        ------
        TableError
            If the files cannot be read, or have changed since they were measured.
        """
        ends = np.cumsum(self.counts)
        first, last = np.searchsorted(ends, [start, stop - 1], side="right")
        needed = replace(self.where, places=self.where.places[first : last + 1])
        before = int(ends[first - 1]) if first else 0
        with needed.open(self.memory) as pieces:
            blocks = [self.encode(piece) for piece in pieces]
        if tuple(map(len, blocks)) != self.counts[first : last + 1]:
            raise TableError(f"{self.where.source} has changed since training began: its rows are not those measured.")
        return joined(blocks)[start - before : stop - before]

    def bring(self, start: int, stop: int) -> ArrayRows:
        """Bring them to memory."""
        return ArrayRows(self.read(start, stop))
