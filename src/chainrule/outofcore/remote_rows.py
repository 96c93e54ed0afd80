"""Read and encode rows of a table on the machine that needs them, if it can read the table's files."""

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
    """A selection of rows of a batch.

    Attributes
    ----------
    count : int
        The number of selected rows.
    bits : bytes
        A bit for each row of the batch; empty if all are selected.
    digest : int, optional
        The digest of the encoded rows, from `digest_of`; None if only their number is known.
    """

    count: int
    bits: bytes = b""
    digest: int | None = None

    @classmethod
    def of(cls, rows: Array, n_rows: int, digest: int) -> Chosen:
        """Select the rows with the given numbers out of n_rows rows.

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
        """Return the selected rows of the batch."""
        if not self.bits:
            return batch
        bits = np.frombuffer(self.bits, np.uint8)
        return batch.take(np.flatnonzero(np.unpackbits(bits, count=batch.n_rows)))

    def fits(self, block: Block) -> bool:
        """Say whether a block has the number and the digest of the selected rows."""
        return len(block) == self.count and self.digest in (None, digest_of(block.X, block.Y))


def digest_of(X: Array, Y: Array) -> int:
    """Hash encoded float32 rows; the digests of parts add up to that of all rows, modulo 2^64."""
    keys = mix(row_keys(X.astype(np.float32)) + mix(row_keys(Y.astype(np.float32))))
    return int(keys.sum(dtype=np.uint64))


@dataclass(frozen=True, eq=False)
class RemoteRows:
    """The encoded rows of a table, read again from its batches, in the same order.

    Attributes
    ----------
    where : ScanPlan
    chosen : tuple of Chosen
        The selected rows of each batch.
    encode : callable
        Encodes a batch.
    memory : int
        Most bytes for reading.
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
        """Read the encoded rows `start` to `stop` into memory."""
        return ArrayRows(self.read(start, stop), start)
