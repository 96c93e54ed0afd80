"""Copy a workbook's sheet or a database's table to a text file, which the rules for text files then read."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from chainrule.table.reading.files import SourceFile
from chainrule.table.reading.foreign.sqlite_file import database_rows
from chainrule.table.reading.foreign.workbook import sheet_rows
from chainrule.table.table_format import Dialect


def readable(file: SourceFile, folder: Path) -> SourceFile:
    """Return a file as it is, or a copy as CSV in a folder if it is a workbook or a database.

    Raises
    ------
    TableError
        If it cannot be read.
    """
    if file.kind == "workbook":
        rows, note = sheet_rows(file)
        return _copied(file, folder, rows, note)
    return _copied(file, folder, database_rows(file)) if file.kind == "sqlite" else file


def _copied(file: SourceFile, folder: Path, rows: Iterable[list[str]], note: str = "") -> SourceFile:
    copy = folder / f"{len(list(folder.iterdir()))}.csv"
    with copy.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows(rows)
    dialect = Dialect()
    return replace(file, path=copy, kind="csv", origin=file.label, dialect=dialect, note=note)
