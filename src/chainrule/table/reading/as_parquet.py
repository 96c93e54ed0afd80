"""Turn any table into Parquet files, in bounded memory; and fingerprint its source.

Parquet files are used where they are. Everything else is first written to one, since only Parquet lets a reader go to
any row without reading the rows before it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule._errors import InvalidParameterError, TableError
from chainrule.table.reading.database import connected
from chainrule.table.reading.files import SourceFile, find_files
from chainrule.table.reading.query import is_query
from chainrule.table.reading.read import queried, scanned
from chainrule.table.reading.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CELL = 32  # most bytes that a value takes while a batch is read and measured
_LEAST_ROWS, _MOST_ROWS = 2048, 1 << 18


def batch_rows(columns: int, batch_bytes: int) -> int:
    """Return the number of rows of a batch with the given number of columns."""
    rows = batch_bytes // (_CELL * columns)
    return min(max(rows // _LEAST_ROWS * _LEAST_ROWS, _LEAST_ROWS), _MOST_ROWS)


def name_of(source: Any) -> str:
    """Name a source for messages: a path or a query by its text, an object by its type."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else type(source).__name__


def as_parquet(
    connection: DuckDBPyConnection, source: Any, folder: Path, batch_bytes: int
) -> tuple[list[SourceFile], tuple[str, ...]]:
    """Return the Parquet files that hold a table, and notes about it.

    Parameters
    ----------
    connection : DuckDBPyConnection
    source : str, path-like, Arrow or Dask
    folder : Path
        Where to write files that are not Parquet yet.
    batch_bytes : int
        Most memory for the rows of a row group.

    Raises
    ------
    TableError
        If there is no such file, or it is an image set.
    """

    def written(connection: DuckDBPyConnection, scan: str) -> tuple[list[SourceFile], int]:
        path = folder / f"{len(list(folder.iterdir()))}.parquet"
        columns = len(connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall())
        options = f"(FORMAT parquet, ROW_GROUP_SIZE {batch_rows(columns, batch_bytes)})"
        rows = connection.execute(f"COPY (FROM {scan}) TO {literal(str(path))} {options}").fetchall()[0][0]
        return [SourceFile(path, "parquet", "none")], rows

    if not isinstance(source, str | os.PathLike):
        return [file for part in _parts(source) for file in _registered(connection, part, written)], ()
    text = os.fspath(source)
    if is_query(text):
        return queried(connection, text, written)
    files = find_files(text)
    if files[0].kind == "idx":
        raise TableError(f"{text} is an image set, which is read whole: leave out --memory and --checkpoint.")
    return (files, ()) if files[0].kind == "parquet" else scanned(connection, files, written)


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

    def hashed(connection: DuckDBPyConnection, scan: str) -> tuple[str, int]:
        numbered = f"(SELECT hash(whole_row) AS content, row_number() OVER () AS place FROM {scan} AS whole_row)"
        # Hash text: DuckDB's hash of two numbers is linear in them, so their exclusive or would not depend on order.
        asked = f"SELECT bit_xor(hash(concat(content, ' ', place))), count(*) FROM {numbered}"
        contents, rows = connection.execute(asked).fetchall()[0]
        return f"{rows} {contents}", rows

    with connected(text) as connection:
        contents, _ = queried(connection, text, hashed)
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
    connection: DuckDBPyConnection, part: Any, use: Callable[[DuckDBPyConnection, str], tuple[list[SourceFile], int]]
) -> list[SourceFile]:
    import duckdb

    try:
        connection.register("part", part)
    except duckdb.Error as error:
        raise TableError(
            f"a table must be a path, a query, or an object of pyarrow or Dask; got {name_of(part)}."
        ) from error
    try:
        return use(connection, "part")[0]
    finally:
        connection.unregister("part")


def _signed(path: Path) -> list[str | int]:
    found = path.stat()
    return [str(path.resolve()), found.st_size, found.st_mtime_ns]
