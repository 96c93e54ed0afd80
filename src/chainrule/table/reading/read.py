"""Read a file, a folder, a pattern or an SQL query into a `Table`."""

from __future__ import annotations

import os
from collections.abc import Callable
from textwrap import shorten
from typing import TYPE_CHECKING, TypeVar

from chainrule._errors import TableError
from chainrule.table.columns import Column, Table
from chainrule.table.reading.csv_dialect import DATELESS, Options, Scan, csv_scan
from chainrule.table.reading.database import connected
from chainrule.table.reading.duckdb_columns import load
from chainrule.table.reading.files import SourceFile, file_literal, find_files
from chainrule.table.reading.idx import read_idx
from chainrule.table.reading.query import Query, is_query
from chainrule.table.reading.sql import identifier

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Result = TypeVar("Result")
Use = Callable[["DuckDBPyConnection", str], tuple[Result, int]]  # returns a scan's result and its number of rows
Notes = tuple[str, ...]


def read_table(source: str | os.PathLike[str]) -> Table:
    """Read a table from a file, a folder, a pattern or an SQL query.

    Parameters
    ----------
    source : str or path-like
        One of: a CSV, TSV, JSON, NDJSON or Parquet file, compressed (.gz, .zst) or not; a folder or a pattern
        (`*.csv`) of such files with the same columns, read in the order of their names; an IDX image set
        (`train-images-idx3-ubyte.gz`, its labels beside it); an SQL query, one SELECT (or FROM, WITH, VALUES) in which
        files are tables: `SELECT * FROM 'sales.csv' WHERE year > 2020`. If a file of that name exists, it is a path.

    Returns
    -------
    Table
        Rows in the order of the source. Columns of a file without header are named column1, column2, ...
        `?`, `-`, NA, N/A, NaN, null, None, the errors of spreadsheets and blanks mean missing. Text in which every
        value is a number, a date or true/false becomes that, and its column says so in its note.

    Raises
    ------
    TableError
        If there is no such file, it cannot be read, or it has no rows; if a record is not a row, except titles above
        the header; if a query could do anything but read.

    Notes
    -----
    A query runs without access to extensions, networks and Python variables. A file that it names is read as it would
    be without a query. With a function such as `read_csv('sales.csv', delim=';')` DuckDB's rules hold, except that file
    names must be constants or lists of them, and no addresses: what a query reads is known before it runs.

    Examples
    --------
    >>> table = read_table("SELECT * FROM (VALUES (1, 'red'), (2, ' ?')) AS t(size, colour)")
    >>> [(column.name, column.kind, column.missing.sum().item()) for column in table.columns]
    [('size', 'number', 0), ('colour', 'text', 1)]
    """
    text = os.fspath(source)
    if is_query(text):
        with connected(text) as connection:
            columns, notes = queried(connection, text, _stored)
        return _table(columns, shorten(text, 80, placeholder=" ..."), notes)
    files = find_files(text)
    if files[0].kind == "idx":
        if len(files) > 1:
            raise TableError(f"{source} means several IDX files; give the one with the images.")
        return read_idx(files[0].path)
    with connected(text) as connection:
        columns, notes = scanned(connection, files, _loaded)
    return _table(columns, text, notes)


def _loaded(connection: DuckDBPyConnection, scan: str) -> tuple[tuple[Column, ...], int]:
    columns = load(connection, scan)
    return columns, len(columns[0].values)


def _stored(connection: DuckDBPyConnection, scan: str) -> tuple[tuple[Column, ...], int]:
    """Run a query once and keep its rows: a second run could return others."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE result AS FROM {scan}")
    return _loaded(connection, "result")


def scanned(connection: DuckDBPyConnection, files: list[SourceFile], use: Use[Result]) -> tuple[Result, Notes]:
    """Call `use` with the SQL that scans the files; return its result, and notes about the files.

    Raises
    ------
    TableError
        If the files differ in their columns, or hold another number of rows than were read.
    """

    def attempt(given: Options) -> tuple[Result, Notes]:
        scan = _scan_of(files, connection, given)
        result, rows = use(connection, scan.sql)
        _check_rows(files, scan, rows)
        return result, scan.notes

    return _with_retries(attempt) if files[0].kind == "csv" else attempt({})


def queried(connection: DuckDBPyConnection, text: str, use: Use[Result]) -> tuple[Result, Notes]:
    """Call `use` with the SQL of a query; return its result, and notes about the files in it.

    Raises
    ------
    TableError
        If the query does not only read, or a text file in it cannot be read to the last row.
    """
    tree, views = Query.parsed(connection, text).with_views()
    sql = connection.execute("SELECT json_deserialize_sql(?::JSON)", [tree]).fetchall()[0][0]

    def attempt(given: Options) -> tuple[Result, Notes]:
        notes = [_view(connection, name, files, given) for name, files in views.items()]
        return use(connection, f"({sql})")[0], sum(notes, ())

    return _with_retries(attempt) if views else attempt({})


def _view(connection: DuckDBPyConnection, name: str, files: list[SourceFile], given: Options) -> Notes:
    scan = _scan_of(files, connection, given)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS FROM {scan.sql}")
    if scan.rows is not None:
        _check_rows(files, scan, connection.execute(f"SELECT count(*) FROM {identifier(name)}").fetchall()[0][0])
    return scan.notes


def _scan_of(files: list[SourceFile], connection: DuckDBPyConnection, given: Options) -> Scan:
    if files[0].kind == "csv":
        return csv_scan(connection, files, given)
    paths = f"[{', '.join(map(file_literal, files))}], union_by_name=true"
    if files[0].kind == "parquet":
        return Scan(f"read_parquet({paths})")
    # DuckDB before 2.0 has another word for "none" here than for CSV.
    packed = "" if files[0].compression == "none" else f", compression='{files[0].compression}'"
    return Scan(f"read_json({paths}{packed}, sample_size=-1, records='true')")


def _check_rows(files: list[SourceFile], scan: Scan, read: int) -> None:
    """Compare the number of rows read with that in the files: no row may be lost or invented."""
    there = read if scan.rows is None else scan.rows()
    if read != there:
        several = f" and {len(files) - 1:,} more files hold" if len(files) > 1 else " holds"
        raise TableError(
            f"{files[0].path}{several} {there:,} rows below the header, but {read:,} were read: quotes, line ends or "
            "blank lines in it can be understood in two ways. Write it anew, or as Parquet."
        )


def _with_retries(attempt: Callable[[Options], tuple[Result, Notes]]) -> tuple[Result, Notes]:
    """Read CSV files; if the sniffer's sample misled it, retry with every row sampled."""
    import duckdb

    given: Options = {}
    said: Notes = ()
    while True:
        try:
            result, notes = attempt(given)
            return result, notes + said
        except duckdb.Error as error:
            if "not utf-8" in str(error) and "encoding" not in given:
                given["encoding"] = "'latin-1'"
                said = ("not UTF-8: read as Latin-1",)
            elif "sample_size" not in given:
                given["sample_size"] = "-1"
                first = error
            elif "to 'DATE'" in str(error) and not given.keys() & DATELESS:  # it takes "inf" for a date it cannot read
                given |= DATELESS
            else:  # every row was sampled and it still fails: the first error names the line
                raise first from error


def _table(columns: tuple[Column, ...], source: str, notes: Notes) -> Table:
    """Assemble the table, which must have a row."""
    table = Table(columns, source, notes)
    if table.n_rows == 0:
        raise TableError(f"{source} has no rows, only the columns {', '.join(table.names[:8])}.")
    return table
