"""What DuckDB scans: the SQL after FROM, and what is known about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chainrule.table.table_format import ColumnFormat, Dialect


@dataclass(frozen=True)
class Scan:
    """How to scan a source as one table.

    Parameters
    ----------
    sql : str
        The SQL after FROM.
    names : tuple of str
        The names of the columns, where those in SQL are others: SQL takes "A" and "a" for one name.
    notes : tuple of str
        Notes about the source.
    rows : callable, optional
        Counts the rows of the files in another way than DuckDB.
    dialect : Dialect, optional
        Of text files; all their columns are then texts.
    file_formats : tuple of ColumnFormat
        The formats of the columns of the text files in a query.
    files : int, default 1
        The number of files that are scanned.
    """

    sql: str
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rows: Callable[[], int] | None = None
    dialect: Dialect | None = None
    file_formats: tuple[ColumnFormat, ...] = ()
    files: int = 1

    def notes_on(self, rows: int) -> tuple[str, ...]:
        """Return the notes; of several files, first how many files and rows there are."""
        return (f"{self.files:,} files, {rows:,} rows", *self.notes) if self.files > 1 else self.notes
