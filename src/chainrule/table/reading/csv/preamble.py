"""Check the lines above a CSV table: titles are skipped, a line that could be a row is an error."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from textwrap import shorten

from chainrule._errors import TableError
from chainrule.table.reading.csv.records import count_records, fields, line_blocks
from chainrule.table.reading.files import SourceFile
from chainrule.table.table_format import MISSING_MARKS, Dialect


def check_preamble(file: SourceFile, dialect: Dialect, *, width: int) -> None:
    """Check that no line above a table could be a row of it.

    A title is a text in a line of its own: it is not a number, has one field, and occurs once. There must be fewer
    titles than rows, or they could be the table.

    Raises
    ------
    TableError
        For the first line that could be a row.
    """
    seen: set[str] = set()
    skip = dialect.skip
    for number, (text, cells) in enumerate(_lines(file, dialect), 1):
        title = _title(cells)
        if title is None or title in seen or (not dialect.header and len(cells) == width):
            raise _could_be_a_row(file, number, text, len(cells), skip, width)
        seen |= {title} - {""}
    if len(seen) > 1 and len(seen) >= count_records(file, dialect, alone=width == 1):
        text, cells = next(_lines(file, dialect))
        raise _could_be_a_row(file, 1, text, len(cells), skip, width)


def _lines(file: SourceFile, dialect: Dialect) -> Iterator[tuple[str, list[str]]]:
    """Yield the first lines, each as text and as its fields."""
    with line_blocks(file) as blocks:
        lines = (line for block in blocks for line in block.splitlines())
        for line in islice(lines, dialect.skip):
            yield line.decode(errors="replace"), next(fields(iter([line]), dialect), [])


def _title(cells: list[str]) -> str | None:
    """Return the only text of a line, "" for a blank line, None if it has several texts or a value."""
    texts = [cell.strip() for cell in cells if cell.strip()]
    if len(texts) > 1:
        return None
    text = "".join(texts)
    is_value = text in MISSING_MARKS or not any(letter.isalpha() for letter in text)
    return None if texts and is_value else text


def _could_be_a_row(file: SourceFile, number: int, text: str, found: int, skip: int, width: int) -> TableError:
    shown = repr(shorten(text, 40, placeholder=" ..."))
    return TableError(
        f"{file.label} cannot be read as one table: line {number:,} ({shown}, fields: "
        f"{found}) could be a row, but the rows from line {skip + 1:,} on have {width} fields. Give all rows the same "
        "number of fields, or delete the lines above the table."
    )
