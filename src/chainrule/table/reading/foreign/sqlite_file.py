"""Read a table of an SQLite database, with the standard library."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from chainrule._errors import TableError, nearest
from chainrule.table.reading.files import SourceFile
from chainrule.table.reading.sql import identifier

_NAMES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"


def database_rows(file: SourceFile) -> Iterator[list[str]]:
    """Yield the names of the columns, then the rows, of the table that the source names, or of the only one.

    Raises
    ------
    TableError
        If the database is damaged, or has no such table, or several and none is named.
    """
    try:
        with closing(sqlite3.connect(f"{file.path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            tables = [name for (name,) in connection.execute(f"{_NAMES} ORDER BY name")]
            cursor = connection.execute(f"SELECT * FROM {identifier(_chosen(file, tables))}")
            names = [description[0] for description in cursor.description]
            yield names
            for row in cursor:
                yield [_text(file, name, value) for name, value in zip(names, row, strict=True)]
    except sqlite3.Error as error:
        raise TableError(f"{file.label} cannot be read: {error}.") from error


def _chosen(file: SourceFile, tables: list[str]) -> str:
    if file.part is None and len(tables) == 1:
        return tables[0]
    if not tables:
        raise TableError(f"{file.label} is a database without tables.")
    if file.part is None:
        listed = ", ".join(tables[:8]) + (", ..." if len(tables) > 8 else "")
        raise TableError(f"{file.label} has {len(tables)} tables: {listed}. Name one: {file.label}#{tables[0]}")
    if file.part not in tables:
        raise TableError(f"{file.label} has no table {file.part!r}. {nearest(file.part, tables)}")
    return file.part


def _text(file: SourceFile, name: str, value: Any) -> str:
    if isinstance(value, bytes):
        raise TableError(f"Column {name!r} of {file.label} holds bytes, which are neither numbers nor texts.")
    return "" if value is None else str(value)
