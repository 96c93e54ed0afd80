"""Read a sheet of an Excel workbook: its cells as texts, for the rules that hold for text files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any

from chainrule._errors import TableError, nearest
from chainrule.table.reading.files import SourceFile


def sheet_rows(file: SourceFile) -> tuple[list[list[str]], str]:
    """Return the rows of a sheet that are not blank, and a note if the workbook has other sheets.

    The sheet is the one that the source names, `book.xlsx#Sheet2`, or else the first. A formula has the value that the
    workbook stores for it.

    Raises
    ------
    TableError
        If openpyxl is not installed, the workbook is damaged, or it has no such sheet.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise TableError(
            f"{file.label} is a workbook, which openpyxl reads: pip install openpyxl, or save the sheet as CSV."
        ) from error
    try:
        book = openpyxl.load_workbook(file.path, read_only=True, data_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TableError(f"{file.label} is a damaged workbook: {error}.") from error
    try:
        sheets = {sheet.title: sheet for sheet in book.worksheets}
        name = file.part or next(iter(sheets), "")
        if name not in sheets:
            raise TableError(f"{file.label} has no sheet {name!r}. {nearest(name, tuple(sheets))}")
        rows = list(_rows(sheets[name].iter_rows(values_only=True)))
    finally:
        book.close()
    if not rows:
        raise TableError(f"the sheet {name!r} of {file.label} is empty.")
    several = file.part is None and len(sheets) > 1
    note = f"sheet {name!r}, the first of {len(sheets)}; for another: {file.label.name}#{list(sheets)[-1]}"
    return rows, note if several else ""


def _rows(cells: Iterator[Sequence[Any]]) -> Iterator[list[str]]:
    found = [[_text(cell) for cell in row] for row in cells]
    width = max((place for row in found for place, text in enumerate(row, 1) if text), default=0)
    yield from ((row + [""] * width)[:width] for row in found if any(row))


def _text(cell: Any) -> str:
    """Write a cell as a text file would have it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat(sep=" ") if isinstance(cell, datetime) else cell.isoformat()
    return str(cell)
