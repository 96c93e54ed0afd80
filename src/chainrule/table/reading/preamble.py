"""Check the lines above a CSV table: titles are skipped, a line that could be a row is an error."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from textwrap import shorten
from typing import TYPE_CHECKING

from chainrule._errors import TableError
from chainrule.table.reading.files import SourceFile
from chainrule.table.reading.records import Framing, count_records, fields, opened
from chainrule.table.reading.sql import MISSING_MARKS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def check_preamble(
    connection: DuckDBPyConnection, file: SourceFile, framing: Framing, *, skip: int, width: int, has_header: bool
) -> None:
    """Check that no line above a table could be a row of it.

    A title is a text in a line of its own: it is not a number, has one field, and occurs once. There must be fewer
    titles than rows, or they could be the table.

    Raises
    ------
    TableError
        For the first line that could be a row.
    """
    seen: set[str] = set()
    for number, (text, cells) in enumerate(_lines(connection, file, framing, skip), 1):
        title = _title(cells)
        if title is None or title in seen or (not has_header and len(cells) == width):
            raise _could_be_a_row(file, number, text, len(cells), skip, width)
        seen |= {title} - {""}
    if len(seen) > 1 and len(seen) >= count_records(connection, file, framing, skip=skip, alone=width == 1):
        text, cells = next(_lines(connection, file, framing, skip))
        raise _could_be_a_row(file, 1, text, len(cells), skip, width)


def _lines(
    connection: DuckDBPyConnection, file: SourceFile, framing: Framing, skip: int
) -> Iterator[tuple[str, list[str]]]:
    """Yield the first lines, each as text and as its fields."""
    with opened(connection, file) as blocks:
        lines = (line for block in blocks for line in block.splitlines())
        for line in islice(lines, skip):
            yield line.decode(errors="replace"), next(fields(iter([line]), framing), [])


def _title(cells: list[str]) -> str | None:
    """Return the only text of a line, "" for a blank line, None if it has several texts or a value."""
    texts = [cell.strip() for cell in cells if cell.strip()]
    if len(texts) > 1:
        return None
    text = "".join(texts)
    is_value = text in MISSING_MARKS or not any(letter.isalpha() for letter in text)
    return None if texts and is_value else text


def _could_be_a_row(file: SourceFile, number: int, text: str, found: int, skip: int, width: int) -> TableError:
    return TableError(
        f"{file.path} cannot be read as one table: line {number:,} ({shorten(text, 40, placeholder=' ...')!r}, fields: "
        f"{found}) could be a row, but the rows from line {skip + 1:,} on have {width} fields. Give all rows the same "
        "number of fields, or delete the lines above the table."
    )
