"""Count the records of a CSV file without DuckDB, to check the number of rows that DuckDB reads."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedIOBase
from itertools import chain, islice
from typing import TYPE_CHECKING

from chainrule._errors import TableError
from chainrule.table.reading.files import DAMAGED, SourceFile, file_literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BLOCK = 1 << 20  # bytes read at a time
_LONGEST = 1 << 24  # bytes of the longest field; DuckDB refuses lines of 2 MB


@dataclass(frozen=True)
class Framing:
    """The characters that separate fields and records: one each, or "" for none."""

    delimiter: str
    quote: str
    escape: str


@contextmanager
def opened(connection: DuckDBPyConnection, file: SourceFile) -> Iterator[Iterator[bytes]]:
    """Open a file as an iterator of blocks that end at the end of a line.

    Raises
    ------
    TableError
        If it is damaged.
    """
    if file.compression == "zstd":  # which the standard library cannot read
        yield _unpacked_lines(connection, file)
        return
    try:
        with gzip.open(file.path) if file.compression == "gzip" else file.path.open("rb") as stream:
            yield _blocks(stream)
    except DAMAGED as error:
        raise TableError(f"{file.path} is a damaged gzip file: {error}.") from error


def _blocks(stream: BufferedIOBase) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block + stream.readline()


def _unpacked_lines(connection: DuckDBPyConnection, file: SourceFile) -> Iterator[bytes]:
    """Let DuckDB decompress a file; its lines are not parsed."""
    raw = "auto_detect=false, header=false, delim='\x01', quote='', escape='', columns={'line': 'VARCHAR'}"
    cursor = connection.cursor()
    cursor.execute(f"FROM read_csv({file_literal(file)}, {raw}, compression='zstd')")
    while lines := cursor.fetchmany(4096):
        yield b"".join((line or "").encode() + b"\n" for (line,) in lines)


def filled(blocks: Iterator[bytes], framing: Framing) -> Iterator[bool]:
    """Say for every record whether it is more than a blank line.

    Before the first block that contains a quote, every line is a record.
    """
    quote = framing.quote.encode()
    for block in blocks:
        if quote and quote in block:
            yield from map(bool, fields(chain([block], blocks), framing))
            return
        yield from map(bool, block.splitlines())


def fields(blocks: Iterator[bytes], framing: Framing) -> Iterator[list[str]]:
    """Yield the fields of every record; bytes are kept, whatever the encoding."""
    lines = (line.decode("latin-1") for block in blocks for line in block.splitlines(keepends=True))
    own = framing.escape not in ("", framing.quote)
    return csv.reader(
        lines,
        delimiter=framing.delimiter,
        quotechar=framing.quote or None,
        quoting=csv.QUOTE_MINIMAL if framing.quote else csv.QUOTE_NONE,
        escapechar=framing.escape if own else None,
        doublequote=not own,
        skipinitialspace=framing.delimiter != " ",
    )


def count_records(connection: DuckDBPyConnection, file: SourceFile, framing: Framing, *, skip: int, alone: bool) -> int:
    """Count the records of a file after the skipped lines.

    Parameters
    ----------
    connection : DuckDBPyConnection
    file : SourceFile
    framing : Framing
    skip : int
        Number of lines to skip at the top.
    alone : bool
        Whether there is only one column: a blank line is then a missing value, except at the end.
    """
    with opened(connection, file) as blocks, _long_fields():
        found = islice(filled(blocks, framing), skip, None)
        if alone:
            return max((place for place, full in enumerate(found, 1) if full), default=0)
        return sum(found)


def odd_line_end(connection: DuckDBPyConnection, file: SourceFile) -> int | None:
    """Return the number of the first line whose line end differs from that of line 1, if there is one."""
    first = None
    with suppress(TableError), opened(connection, file) as blocks:
        lines = (line for block in blocks for line in block.splitlines(keepends=True))
        for number, line in enumerate(lines, 1):
            end = line[len(line.rstrip(b"\r\n")) :]
            first = first or end
            if end not in (first, b""):  # the last line may have none
                return number
    return None


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let the csv module take fields as long as DuckDB does."""
    before = csv.field_size_limit(_LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)
