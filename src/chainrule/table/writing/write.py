"""Write columns to a CSV, TSV, JSON or Parquet file, by its ending and in one atomic step; or as CSV to a stream."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from chainrule._errors import TableError, nearest
from chainrule.files.outputs import refusal
from chainrule.files.replacing import replacing
from chainrule.network.types import Array
from chainrule.table.columns import Column
from chainrule.table.reading.database import connect
from chainrule.table.reading.sql import identifier, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FORMATS = {
    ".csv": "(FORMAT csv, HEADER)",
    ".csv.gz": "(FORMAT csv, HEADER, COMPRESSION gzip)",
    ".tsv": "(FORMAT csv, HEADER, DELIMITER '\t')",
    ".tsv.gz": "(FORMAT csv, HEADER, DELIMITER '\t', COMPRESSION gzip)",
    ".json": "(FORMAT json, ARRAY true)",
    ".jsonl": "(FORMAT json)",
    ".parquet": "(FORMAT parquet)",
}


def plain_values(column: Column) -> Array:
    """Return a column's values as they are written to a file: numbers, dates, or texts with None for missing.

    Raises
    ------
    TableError
        If the column's texts were too many to keep when it was read.
    """
    if column.kind == "text":
        if not column.levels and not column.missing.all():
            raise TableError(f"column {column.name!r} cannot be written: it has {column.note}. Leave it out.")
        return np.array([*column.levels, None], object)[column.values]
    if column.kind == "boolean":
        return np.array([False, True, None], object)[np.where(column.missing, 2, column.values).astype(np.intp)]
    if column.kind == "date":
        midnight = column.values.astype("datetime64[D]")
        return midnight if np.array_equal(midnight, column.values, equal_nan=True) else column.values
    return _whole_where_possible(column)


def _whole_where_possible(column: Column) -> Array:
    """Return whole numbers as integers, although missing values made them floats."""
    values, missing = np.ascontiguousarray(column.values), column.missing
    if values.dtype.kind != "f" or not missing.any():
        return values
    whole = np.where(missing, 0, values)
    if np.array_equal(whole, np.trunc(whole)) and np.abs(whole).max() < 2**53:
        return np.ma.array(whole.astype(np.int64), mask=missing)
    return values


def write_columns(columns: dict[str, Column | Array], destination: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write columns of equal length, with a header.

    Parameters
    ----------
    columns : dict of str to Column or ndarray
    destination : path or binary stream
        A path must end in .csv or .tsv (perhaps .gz), .json, .jsonl or .parquet; CSV is written to a stream.

    Raises
    ------
    TableError
        If the ending is unknown or the file cannot be written; an older file is then left as it was.
    """
    arrays = {name: plain_values(each) if isinstance(each, Column) else each for name, each in columns.items()}
    write_file(lambda path, form: _write(arrays, path, form), destination)


def check_destination(path: str | os.PathLike[str]) -> None:
    """Check that columns can be written to a path.

    Raises
    ------
    TableError
        If the ending is unknown, or no file can be written there.
    """
    _format_of(path)
    if reason := refusal(path):
        raise TableError(f"cannot write {os.fspath(path)}: {reason}.")


def _format_of(path: str | os.PathLike[str]) -> str:
    """Return DuckDB's options for the format that a path's ending names."""
    name = os.fspath(path)
    form = next((form for ending, form in _FORMATS.items() if name.lower().endswith(ending)), None)
    if form is None:
        ending = Path(path).suffix.lower()
        raise TableError(f"cannot tell the format of {name or repr('')} from its ending. {nearest(ending, _FORMATS)}")
    return form


def write_file(write: Callable[[Path, str], None], destination: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write a file beside its destination, in the format of its ending, then move it there.

    Raises
    ------
    TableError
        If the ending is unknown or the file cannot be written; an older file is then left as it was.
    """
    if not isinstance(destination, str | os.PathLike):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "columns.csv")
            write(path, _FORMATS[".csv"])
            with path.open("rb") as file:
                shutil.copyfileobj(file, destination)
        return
    path = Path(destination)
    check_destination(path)
    try:
        with replacing(path) as temporary:
            write(temporary, _format_of(path))
    except OSError as error:
        raise TableError(f"cannot write {path}: {error.strerror or error}. An older file is left as it was.") from error


def _write(columns: dict[str, Any], path: Path, form: str) -> None:
    days = {name for name, values in columns.items() if values.dtype == "datetime64[D]"}  # a type DuckDB cannot scan
    plain = [values.astype("datetime64[us]") if name in days else values for name, values in columns.items()]
    casts = ["::DATE" if name in days else "" for name in columns]
    named = enumerate(zip(columns, casts, strict=True))
    chosen = ", ".join(f"c{i}{cast} AS {identifier(name)}" for i, (name, cast) in named)
    with closing(connect()) as connection:
        # DuckDB scans a dict of arrays as a table; names by position need no quoting.
        connection.register("source", {f"c{i}": values for i, values in enumerate(plain)})
        copy(connection, f"SELECT {chosen} FROM source", path, form)


def copy(connection: DuckDBPyConnection, query: str, path: Path, form: str) -> None:
    """Write the result of a query, in order, in a format given as DuckDB's options.

    Raises
    ------
    OSError
    """
    import duckdb

    try:
        connection.execute(f"COPY ({query}) TO {literal(str(path))} {form}")
    except duckdb.Error as error:
        text = " ".join(str(error).split())
        if code := re.search(r'"errno":"(\d+)"', text):  # the system's own words are behind much else
            raise OSError(int(code[1]), os.strerror(int(code[1])), str(path)) from error
        raise OSError(text[:200]) from error
