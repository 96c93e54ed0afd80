"""Turn any table into Parquet files, in bounded memory; and fingerprint its source.

Parquet files are used where they are. Everything else is first written to one, since only Parquet lets a reader go to
any row without reading the rows before it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from chainrule._errors import InvalidParameterError, TableError
from chainrule.table.reading.csv.text_file import unpacked
from chainrule.table.reading.database import connected
from chainrule.table.reading.files import SourceFile, find_files
from chainrule.table.reading.load_columns import Planned, typed_columns
from chainrule.table.reading.query import is_query
from chainrule.table.reading.read import Reading, queried, scan_of, scanned
from chainrule.table.reading.scan import Scan
from chainrule.table.reading.sql import identifier, literal
from chainrule.table.reading.typed_scan import parquet_sql
from chainrule.table.table_format import ColumnFormat

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROW_NUMBER = "file_row_number"  # what DuckDB calls the number of a row in its file
_DAY = 86_400_000_000  # microseconds
_CELL = 32  # most bytes that a value takes while a batch is read and measured
_LEAST_ROWS, _MOST_ROWS = 2048, 1 << 18


def batch_rows(columns: int, batch_bytes: int) -> int:
    """Return the number of rows of a batch with the given number of columns."""
    rows = batch_bytes // (_CELL * columns)
    return min(max(rows // _LEAST_ROWS * _LEAST_ROWS, _LEAST_ROWS), _MOST_ROWS)


def name_of(source: Any) -> str:
    """Name a source for messages: a path or a query by its text, an object by its type."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else type(source).__name__


@dataclass(frozen=True)
class ParquetTable:
    """The Parquet files that hold a table.

    Parameters
    ----------
    files : list of SourceFile
    names : tuple of str
        The names of the columns, where those in the files are others.
    notes : tuple of str
    planned : Planned, optional
        How the texts of text files became the values in the Parquet files.
    file_formats : tuple of ColumnFormat
        The formats of the text files in a query.
    """

    files: list[SourceFile]
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    planned: Planned | None = None
    file_formats: tuple[ColumnFormat, ...] = ()


def as_parquet(connection: DuckDBPyConnection, source: Any, reading: Reading, batch_bytes: int) -> ParquetTable:
    """Return the Parquet files that hold a table.

    Parameters
    ----------
    connection : DuckDBPyConnection
    source : str, path-like, Arrow, Dask or Polars LazyFrame
    reading : Reading
        Its folder is where files are written that are not Parquet yet.
    batch_bytes : int
        Most memory for the rows of a row group.

    Raises
    ------
    TableError
        If there is no such file, or it is an image set.
    """

    def written(connection: DuckDBPyConnection, scan: Scan) -> tuple[ParquetTable, int]:
        path = reading.folder / f"{len(list(reading.folder.iterdir()))}.parquet"
        described = connection.execute(f"DESCRIBE SELECT * FROM {scan.sql}").fetchall()
        values = [_spelled(identifier(row[0])) if row[1] == "INTERVAL" else identifier(row[0]) for row in described]
        columns = ", ".join(f"{value} AS {identifier(row[0])}" for value, row in zip(values, described, strict=True))
        planned = None
        if scan.dialect is not None:
            columns, planned = typed_columns(connection, scan, reading.known, reading.options)
        options = f"(FORMAT parquet, ROW_GROUP_SIZE {batch_rows(len(described), batch_bytes)})"
        if any(name.casefold() == ROW_NUMBER for name, *_ in described):
            scan = replace(scan, names=tuple(name for name, *_ in described))
            columns = ", ".join(f"{value} AS c{place}" for place, value in enumerate(values))
        copied = f"COPY (SELECT {columns} FROM {scan.sql}) TO {literal(str(path))} {options}"
        rows = connection.execute(copied).fetchall()[0][0]
        files = [SourceFile(path, "parquet", "none")]
        return ParquetTable(files, scan.names, scan.notes_on(rows), planned, scan.file_formats), rows

    if not isinstance(source, str | os.PathLike):
        parts = [_registered(connection, part, written) for part in _parts(source)]
        return replace(parts[0], files=[file for part in parts for file in part.files])
    text = os.fspath(source)
    if is_query(text):
        return queried(connection, text, written, reading)
    files = find_files(text)
    if files[0].kind == "idx":
        raise TableError(f"{text} is an image set, which is read whole: leave out --memory and --checkpoint.")
    if files[0].kind != "parquet":
        return scanned(connection, files, written, reading)
    scan = scan_of(connection, files, reading)
    described = connection.execute(f"DESCRIBE SELECT * FROM {scan.sql}").fetchall()
    if any(name.casefold() == ROW_NUMBER for name, *_ in described):
        return written(connection, scan)[0]
    files = [unpacked(file, reading.folder) for file in files]
    rows = connection.execute(f"SELECT count(*) FROM {parquet_sql(files)}").fetchall()[0][0]
    return ParquetTable(files, scan.names, scan.notes_on(rows))


def _spelled(duration: str) -> str:
    """Return the SQL for a duration as text, "-3 days 04:00:00.5": Parquet has none that are negative or so exact."""
    microseconds = f"(epoch({duration}) * 1e6)::HUGEINT"
    clock = f"TIME '00:00:00' + to_microseconds((abs({microseconds}) % {_DAY})::BIGINT)"
    sign = f"CASE WHEN {microseconds} < 0 THEN '-' ELSE '' END"
    return f"{sign} || abs({microseconds}) // {_DAY} || ' days ' || ({clock})::VARCHAR"


def fingerprint(source: Any) -> dict[str, Any]:
    """Return data that differ if the table is another one or has changed.

    Files are identified by path, size and time of change, and are not read. A query is run, since its result may change
    without any of these changing.

    Raises
    ------
    TableError
        If there is no such file, or the query fails.
    InvalidParameterError
        If the source is an object in memory, which another process could not find.
    """
    if not isinstance(source, str | os.PathLike):
        raise InvalidParameterError(
            f"a checkpoint needs a table that can be found again, by path or query; got {name_of(source)}."
        )
    text = os.fspath(source)
    if not is_query(text):
        return {"files": [_signed(file.path) for file in find_files(text)]}

    def hashed(connection: DuckDBPyConnection, scan: Scan) -> tuple[str, int]:
        numbered = f"(SELECT hash(whole_row) AS content, row_number() OVER () AS place FROM {scan.sql} AS whole_row)"
        # Hash text: DuckDB's hash of two numbers is linear in them, so their exclusive or would not depend on order.
        asked = f"SELECT bit_xor(hash(concat(content, ' ', place))), count(*) FROM {numbered}"
        contents, rows = connection.execute(asked).fetchall()[0]
        return f"{rows} {contents}", rows

    with TemporaryDirectory(prefix="chainrule-") as folder, connected(text) as connection:
        contents = queried(connection, text, hashed, Reading(Path(folder)))
    return {"query": text, "contents": contents}


def _parts(source: Any) -> Iterator[Any]:
    """Yield what DuckDB can scan: a pyarrow object as it is, a Dask collection computed part by part."""
    if is_matrix(source):
        if source.ndim != 2:
            raise TableError(f"a Dask array must have two dimensions, rows and columns, got {source.ndim}.")
        rows = source.rechunk({1: -1})
        yield from (_columns(rows.blocks[number].compute()) for number in range(rows.numblocks[0]))
    elif hasattr(source, "partitions"):
        yield from (partition.compute() for partition in source.partitions)
    else:
        yield source


def is_matrix(source: Any) -> bool:
    """Say whether a source is a Dask array: its columns have no names of their own and are called x0, x1, ..."""
    return hasattr(source, "__dask_graph__") and hasattr(source, "chunks")


def _columns(block: Any) -> dict[str, Any]:
    if type(block).__name__ != "ndarray" or block.dtype.kind not in "biuf":
        found = f"{type(block).__name__} of {block.dtype}"
        raise TableError(f"the blocks of a Dask array must be NumPy arrays of numbers, got a {found}.")
    return {f"x{place}": block[:, place] for place in range(block.shape[1])}


def _registered(
    connection: DuckDBPyConnection, part: Any, use: Callable[[DuckDBPyConnection, Scan], tuple[ParquetTable, int]]
) -> ParquetTable:
    import duckdb

    try:
        connection.register("part", part)
    except duckdb.Error as error:
        raise TableError(
            f"a table must be a path, a query, or an object of pyarrow, Polars or Dask; got {name_of(part)}."
        ) from error
    try:
        return use(connection, Scan("part"))[0]
    finally:
        connection.unregister("part")


def _signed(path: Path) -> list[str | int]:
    found = path.stat()
    return [str(path.resolve()), found.st_size, found.st_mtime_ns]
