"""From a file, a folder, a pattern or an SQL query to a `Table`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from textwrap import shorten
from typing import TYPE_CHECKING, TypeVar

from chainrule._errors import TableError
from chainrule.table.columns import Column, Table
from chainrule.table.dialect import Options, csv_scan, file_literal
from chainrule.table.files import SourceFile, find_files
from chainrule.table.idx import read_idx
from chainrule.table.load import in_memory, load

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Result = TypeVar("Result")

_QUERY = re.compile(r"\s*(SELECT|FROM|WITH)\b\s*\S", re.IGNORECASE)


def read_table(source: str | os.PathLike[str]) -> Table:
    """Read a table from wherever it is.

    Parameters
    ----------
    source : str or path-like
        One of: a CSV, TSV, JSON, NDJSON or Parquet file, compressed (.gz, .zst) or not; a folder or a pattern
        (`*.csv`) of such files with the same columns, read in the order of their names; an IDX image set
        (`train-images-idx3-ubyte.gz`, its labels beside it); an SQL query, starting with SELECT, FROM or WITH,
        in which files are tables: `SELECT * FROM 'sales.csv' WHERE year > 2020`.

    Returns
    -------
    Table
        Rows in the order of the source. Columns of a file without header are named column1, column2, ...
        `?`, `-`, NA, N/A, NaN, null, None and blanks mean missing. Text in which every value is a number, a date or
        true/false becomes that, and its column says so in its note.

    Raises
    ------
    TableError
        If there is no such file, it cannot be read, or it has no rows.

    Examples
    --------
    >>> table = read_table("SELECT * FROM (VALUES (1, 'red'), (2, ' ?')) AS t(size, colour)")
    >>> [(column.name, column.kind, column.missing.sum().item()) for column in table.columns]
    [('size', 'number', 0), ('colour', 'text', 1)]
    """
    text = os.fspath(source)
    if is_query(text):
        return _read_query(text)
    files = find_files(text)
    if files[0].kind == "idx":
        if len(files) > 1:
            raise TableError(f"{source} means several IDX files; give the one with the images.")
        return read_idx(files[0].path)
    with connected(text) as connection:
        columns, notes = scanned(connection, files, load)
    return _table(columns, text, notes)


def is_query(source: str) -> bool:
    """Tell an SQL query from a path."""
    return _QUERY.match(source) is not None


@contextmanager
def connected(source: str) -> Iterator[DuckDBPyConnection]:
    """Give an in-memory DuckDB, and turn what it raises into one line about the source."""
    import duckdb

    connection = in_memory()
    try:
        yield connection
    except duckdb.Error as error:
        raise TableError(f"{shorten(source, 80)} cannot be read: {_in_one_line(error)}") from error
    finally:
        connection.close()


def _in_one_line(error: Exception) -> str:
    """Keep what DuckDB says happened; leave out its advice, which names options that do not exist here."""
    said = re.split(r"\n\s*\n|\nPossible|\nThe search space|\nLINE |\nColumn |\n  ", str(error))[0]
    said = re.sub(r"^(\w+ )+Error: |\nOriginal Line:.*", "", said)
    return shorten(said, 300, placeholder=" ...")


def _read_query(query: str) -> Table:
    """Run a query once and keep its rows: a second run could give others."""
    with connected(query) as connection:
        connection.execute(f"CREATE TEMP TABLE result AS {query}")
        columns = load(connection, "result")
    return _table(columns, shorten(query, 80, placeholder=" ..."), ())


def scanned(
    connection: DuckDBPyConnection, files: list[SourceFile], use: Callable[[DuckDBPyConnection, str], Result]
) -> tuple[Result, tuple[str, ...]]:
    """Return what `use` makes of the SQL that scans the files, and what is worth saying about them."""
    if files[0].kind == "csv":
        return _scanned_csv(connection, files, use)
    paths = f"[{', '.join(map(file_literal, files))}], union_by_name=true"
    if files[0].kind == "parquet":
        return use(connection, f"read_parquet({paths})"), ()
    # DuckDB before 2.0 has another word for "none" here than for CSV.
    packed = "" if files[0].compression == "none" else f", compression='{files[0].compression}'"
    return use(connection, f"read_json({paths}{packed}, sample_size=-1)"), ()


def _scanned_csv(
    connection: DuckDBPyConnection, files: list[SourceFile], use: Callable[[DuckDBPyConnection, str], Result]
) -> tuple[Result, tuple[str, ...]]:
    """Scan CSV files; where the sniffer's sample misled it, look again at every row."""
    import duckdb

    given: Options = {}
    said: tuple[str, ...] = ()
    while True:
        try:
            scan, notes = csv_scan(connection, files, given)
            return use(connection, scan), notes + said
        except duckdb.Error as error:
            if "not utf-8" in str(error) and "encoding" not in given:
                given["encoding"] = "'latin-1'"
                said = ("not UTF-8: read as Latin-1",)
            elif "sample_size" not in given:
                given["sample_size"] = "-1"
                first = error
            else:  # every row looked at, and still wrong: the first reader knew the line
                raise first from error


def _table(columns: tuple[Column, ...], source: str, notes: tuple[str, ...]) -> Table:
    """Assemble the table, which must have a row."""
    table = Table(columns, source, notes)
    if table.n_rows == 0:
        raise TableError(f"{source} has no rows, only the columns {', '.join(table.names[:8])}.")
    return table
