"""A table that is read a batch of rows at a time; a table in memory is one batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from chainrule.network.types import Array
from chainrule.table.columns import Column, Table

OnRead = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Batches(ABC):
    """A table in batches, which can be read any number of times, always in the same order.

    Attributes
    ----------
    header : Table
        The columns with their kinds and categories, without rows; its source and notes are the table's.
    n_rows : int
    on_read : callable, optional
        Called before the first batch and after each batch with the number of rows read so far and the total.
    """

    header: Table
    n_rows: int
    on_read: OnRead | None = None

    @abstractmethod
    def select(self, names: Sequence[str]) -> Self:
        """Return the same rows with only the given columns, in that order; the others are not read."""

    @abstractmethod
    def read(self) -> Iterator[Table]:
        """Yield the batches in order."""

    @property
    def source(self) -> str:
        """Where the rows come from, for messages."""
        return self.header.source

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes from reading, about the whole table."""
        return self.header.notes

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return self.header.names

    def watched(self, on_read: OnRead | None) -> Self:
        """Return the same table, with a callback for the progress of reading."""
        return replace(self, on_read=on_read)

    def column(self, name: str) -> Column:
        """Read one column of all rows into memory."""
        parts = [batch.columns[0] for batch in self.select([name])]
        return replace(parts[0], values=np.concatenate([part.values for part in parts]))

    def number_of(self, row: int) -> int:
        """Return the number that a row has in the table it comes from."""
        return row

    def __iter__(self) -> Iterator[Table]:
        report = self.on_read or (lambda done, rows: None)
        done = 0
        report(done, self.n_rows)
        for batch in self.read():
            yield batch
            done += batch.n_rows
            report(done, self.n_rows)


@dataclass(frozen=True, eq=False)
class SomeRows(Batches):
    """Some rows of another table, for which a mask is true.

    Examples
    --------
    >>> whole = OneBatch.of(Table((Column("x", "number", np.arange(3)),)))
    >>> some = SomeRows.of(whole, np.array([True, False, True]))
    >>> some.n_rows, some.column("x").values.tolist(), some.number_of(1)
    (2, [0, 2], 2)
    """

    whole: Batches = field(kw_only=True)
    mask: Array = field(kw_only=True)

    @classmethod
    def of(cls, whole: Batches, mask: Array) -> SomeRows:
        """Return the rows of a table for which a mask, of shape (n_rows,), is true; at least one."""
        return cls(whole.header, int(np.count_nonzero(mask)), whole=whole, mask=mask)

    def select(self, names: Sequence[str]) -> SomeRows:
        """Return the same rows with only the given columns."""
        return replace(self, header=self.header.select(names), whole=self.whole.select(names))

    def number_of(self, row: int) -> int:
        """Return the number that a row has in the whole table."""
        return self.whole.number_of(int(np.flatnonzero(self.mask)[row]))

    def read(self) -> Iterator[Table]:
        """Yield the batches in order, without those of which no row is left."""
        start = 0
        for batch in self.whole.read():
            rows = np.flatnonzero(self.mask[start : start + batch.n_rows])
            start += batch.n_rows
            if len(rows):
                yield batch.take(rows)


@dataclass(frozen=True, eq=False)
class OneBatch(Batches):
    """A table in memory.

    Examples
    --------
    >>> batches = OneBatch.of(Table((Column("x", "number", np.arange(3)),)))
    >>> batches.n_rows, batches.header.n_rows, [batch.n_rows for batch in batches]
    (3, 0, [3])
    """

    table: Table = field(default_factory=lambda: Table(()))

    @classmethod
    def of(cls, table: Table) -> OneBatch:
        """Return a table as one batch."""
        return cls(table.take(slice(0, 0)), table.n_rows, table=table)

    def select(self, names: Sequence[str]) -> OneBatch:
        """Return the table with only the given columns."""
        return replace(self, header=self.header.select(names), table=self.table.select(names))

    def column(self, name: str) -> Column:
        """Return one column."""
        return self.table[name]

    def read(self) -> Iterator[Table]:
        """Yield the table."""
        yield self.table
