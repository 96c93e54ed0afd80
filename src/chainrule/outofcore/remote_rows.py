"""Rows of a table read and encoded where they are needed: on any machine that can read its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from chainrule._errors import TableError
from chainrule.network.rows import mix, row_keys
from chainrule.network.types import Array
from chainrule.outofcore.rows import ArrayRows, Block
from chainrule.outofcore.shuffle import joined
from chainrule.table.columns import Table
from chainrule.table.reading.batches import ScanPlan


@dataclass(frozen=True)
class Chosen:
    """Some rows of a batch.

    Attributes
    ----------
    count : int
        How many they are.
    bits : bytes
        Which rows they are, a bit for each row; empty for all.
    digest : int, optional
        Of the rows as they are encoded, from `digest_of`; None where they are known by their number alone.
    """

    count: int
    bits: bytes = b""
    digest: int | None = None

    @classmethod
    def of(cls, rows: Array, n_rows: int, digest: int) -> Chosen:
        """Note some of n_rows rows, whose numbers are given.

        Examples
        --------
        >>> Chosen.of(np.array([1, 2, 9]), 10, 7)
        Chosen(count=3, bits=b'`@', digest=7)
        """
        if len(rows) == n_rows:
            return cls(n_rows, digest=digest)
        chosen = np.zeros(n_rows, bool)
        chosen[rows] = True
        return cls(len(rows), np.packbits(chosen).tobytes(), digest)

    def out_of(self, batch: Table) -> Table:
        """Return the chosen rows of the batch."""
        if not self.bits:
            return batch
        bits = np.frombuffer(self.bits, np.uint8)
        return batch.take(np.flatnonzero(np.unpackbits(bits, count=batch.n_rows)))

    def fits(self, block: Block) -> bool:
        """Whether these may be the rows, encoded again."""
        return len(block) == self.count and self.digest in (None, digest_of(block.X, block.Y))


def digest_of(X: Array, Y: Array) -> int:
    """Hash encoded rows, which float32 holds; of rows that come in parts the sum is that of all, modulo 2^64."""
    keys = mix(row_keys(X.astype(np.float32)) + mix(row_keys(Y.astype(np.float32))))
    return int(keys.sum(dtype=np.uint64))


@dataclass(frozen=True, eq=False)
class RemoteRows:
    """The encoded rows of a table that came of its batches, in their order.

    Attributes
    ----------
    where : ScanPlan
    chosen : tuple of Chosen
        The rows of each batch that there are.
    encode : callable
        Encodes a batch.
    memory : int
        Bytes that reading may take.
    """

    where: ScanPlan
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
        with needed.open(self.memory) as batches:
            chosen = self.chosen[first : last + 1]
            blocks = [self.encode(of.out_of(batch)) for of, batch in zip(chosen, batches, strict=True)]
        if not all(of.fits(block) for block, of in zip(blocks, chosen, strict=True)):
            raise TableError(f"{self.where.source} has changed since training began: its rows are not those measured.")
        return joined(blocks)[start - before : stop - before]

    def read_rows(self, start: int, stop: int) -> ArrayRows:
        """Bring them to memory."""
        return ArrayRows(self.read(start, stop), start)
