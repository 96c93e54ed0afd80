"""Count the records of a CSV file without DuckDB, to check the number of rows that DuckDB reads."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import IO

from chainrule.table.reading.csv.dialect import csv_arguments
from chainrule.table.reading.files import SourceFile, opened_bytes
from chainrule.table.table_format import Dialect

_BLOCK = 1 << 20  # bytes read at a time
_LONGEST = 1 << 24  # bytes of the longest field; DuckDB refuses lines of 2 MB


@contextmanager
def line_blocks(file: SourceFile) -> Iterator[Iterator[bytes]]:
    """Open a file as an iterator of blocks that end at the end of a line."""
    with opened_bytes(file) as stream:
        yield _blocks(stream)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block + stream.readline()


def filled(blocks: Iterator[bytes], dialect: Dialect) -> Iterator[bool]:
    """Say for every record whether it is more than a blank line.

    Before the first block that contains a quote, every line is a record.
    """
    quote = dialect.quote.encode()
    for block in blocks:
        if quote and quote in block:
            yield from map(bool, fields(chain([block], blocks), dialect))
            return
        yield from map(bool, block.splitlines())


def fields(blocks: Iterator[bytes], dialect: Dialect) -> Iterator[list[str]]:
    """Yield the fields of every record; bytes are kept, whatever the encoding."""
    lines = (line.decode("latin-1") for block in blocks for line in block.splitlines(keepends=True))
    return csv.reader(lines, **csv_arguments(dialect))


def count_records(file: SourceFile, dialect: Dialect, *, alone: bool) -> int:
    """Count the records of a file after the skipped lines.

    Parameters
    ----------
    file : SourceFile
    dialect : Dialect
    alone : bool
        Whether there is only one column: a blank line is then a missing value, except at the end.
    """
    with line_blocks(file) as blocks, _long_fields():
        found = islice(filled(blocks, dialect), dialect.skip, None)
        if alone:
            return max((place for place, full in enumerate(found, 1) if full), default=0)
        return sum(found)


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let the csv module take fields as long as DuckDB does."""
    before = csv.field_size_limit(_LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)
