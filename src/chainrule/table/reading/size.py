"""Estimate the memory that a whole table would take, without reading it."""

from __future__ import annotations

import os

from chainrule.table.reading.database import connected
from chainrule.table.reading.files import SourceFile, file_literal, find_files
from chainrule.table.reading.query import is_query

_BYTES_PER_VALUE = 24  # while a table is read, held and encoded
# For a text file; compression makes it several times shorter.
_BYTES_PER_BYTE = {"none": 4, "gzip": 16, "zstd": 16, "bz2": 20, "xz": 24, "zip": 16}


def memory_needed(source: str | os.PathLike[str]) -> int:
    """Estimate the bytes that training on a table in memory takes.

    It is 0 for a query, which is not run for this, and for an image set, which cannot be read in batches.

    Raises
    ------
    TableError
        If there is no such file.
    """
    text = os.fspath(source)
    if is_query(text):
        return 0
    files = find_files(text)
    if files[0].kind == "idx":
        return 0
    if files[0].kind == "parquet":
        return _values(text, files) * _BYTES_PER_VALUE
    packed = "zip" if files[0].kind == "workbook" else files[0].compression
    return sum(file.path.stat().st_size * _BYTES_PER_BYTE[packed] for file in files)


def _values(source: str, files: list[SourceFile]) -> int:
    """Count the values of Parquet files from their metadata."""
    paths = ", ".join(map(file_literal, files))
    query = f"SELECT sum(row_group_num_rows) FROM parquet_metadata([{paths}])"  # one entry per column and row group
    with connected(source) as connection:
        return int(connection.execute(query).fetchall()[0][0] or 0)
