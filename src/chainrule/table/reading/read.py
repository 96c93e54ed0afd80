"""Read a file, a folder, a pattern or an SQL query into a `Table`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from chainrule._errors import TableError
from chainrule.table.columns import Table
from chainrule.table.reading.csv.csv_scan import csv_scan
from chainrule.table.reading.csv.text_file import unpacked
from chainrule.table.reading.database import connected
from chainrule.table.reading.files import SourceFile, find_files
from chainrule.table.reading.foreign.readable import readable
from chainrule.table.reading.idx import read_idx
from chainrule.table.reading.load_columns import create_view, load
from chainrule.table.reading.query import Query, in_messages, is_query
from chainrule.table.reading.scan import Scan
from chainrule.table.reading.sql import identifier
from chainrule.table.reading.typed_scan import typed_scan, with_whole_partitions
from chainrule.table.table_format import ColumnFormat, ReadOptions, TableFormat

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Result = TypeVar("Result")
Use = Callable[["DuckDBPyConnection", Scan], tuple[Result, int]]  # returns a scan's result and its number of rows


def read_table(
    source: str | os.PathLike[str], *, known: TableFormat | None = None, options: ReadOptions | None = None
) -> Table:
    """Read a table from a file, a folder, a pattern or an SQL query.

    Parameters
    ----------
    source : str or path-like
        One of: a CSV, TSV, JSON, NDJSON or Parquet file, compressed (.gz, .zst) or not; an Arrow or Feather
        file (with pyarrow); a sheet of a workbook (`book.xlsx#Sheet2`, the first by default; with openpyxl); a table of
        an SQLite database (`data.sqlite#people`); a folder or a pattern
        (`*.csv`, `**/*.csv`) of such files, with all folders inside, read in the order of their names, in which
        `year=2020/sales.csv` gives a column year; an IDX image set
        (`train-images-idx3-ubyte.gz`, its labels beside it); an SQL query, one SELECT (or FROM, WITH, VALUES) in which
        files are tables: `SELECT * FROM 'sales.csv' WHERE year > 2020`. If a file of that name exists, it is a path.
    known : TableFormat, optional
        The format of another table, `Table.format`, by which this one is read. By default the format is found.
    options : ReadOptions, optional
        What a person says about the format.

    Returns
    -------
    Table
        Rows in the order of the source. Columns of a file without header are named column1, column2, ...
        `?`, `-`, NA, N/A, NaN, null, None, the errors of spreadsheets and blanks mean missing. Text in which nearly
        every value is a number, a date, a duration or true/false becomes that; the others are counted and missing, and
        the column's note says so. `Table.format` has what was found.

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
    text, asked = os.fspath(source), options or ReadOptions()

    def loaded(connection: DuckDBPyConnection, scan: Scan) -> tuple[Table, int]:
        columns, found = load(connection, scan, known, asked)
        rows = len(columns[0].values)
        return Table(columns, in_messages(text), scan.notes_on(rows), found), rows

    def stored(connection: DuckDBPyConnection, scan: Scan) -> tuple[Table, int]:
        """Run a query once and keep its rows: a second run could return others."""
        connection.execute(f"CREATE OR REPLACE TEMP TABLE result AS FROM {scan.sql}")
        return loaded(connection, replace(scan, sql="result"))

    with TemporaryDirectory(prefix="chainrule-") as folder:
        reading = Reading(Path(folder), known, asked)
        if is_query(text):
            with connected(text) as connection:
                return _with_rows(queried(connection, text, stored, reading))
        files = find_files(text)
        if files[0].kind == "idx":
            if len(files) > 1:
                raise TableError(f"{source} means several IDX files; give the one with the images.")
            return read_idx(files[0].path)
        with connected(text) as connection:
            return _with_rows(scanned(connection, files, loaded, reading))


@dataclass(frozen=True)
class Reading:
    """How a source is read: where copies of its files are put, and what is known about its format."""

    folder: Path
    known: TableFormat | None = None
    options: ReadOptions = field(default_factory=ReadOptions)


def scanned(connection: DuckDBPyConnection, files: list[SourceFile], use: Use[Result], reading: Reading) -> Result:
    """Call `use` with the scan of the files, and return its result.

    Raises
    ------
    TableError
        If the files differ in their columns, or hold another number of rows than were read.
    """
    scan = scan_of(connection, files, reading)
    result, rows = use(connection, scan)
    _check_rows(files, scan, rows)
    return result


def queried(connection: DuckDBPyConnection, text: str, use: Use[Result], reading: Reading) -> Result:
    """Call `use` with the scan of a query, and return its result.

    Raises
    ------
    TableError
        If the query does not only read, or a text file in it cannot be read to the last row.
    """
    tree, views = Query.parsed(connection, text).with_views()
    sql = connection.execute("SELECT json_deserialize_sql(?::JSON)", [tree]).fetchall()[0][0]
    notes, formats = list[str](), dict[str, ColumnFormat]()
    for name, files in views.items():
        scan = with_whole_partitions(scan_of(connection, files, reading), files)
        columns = create_view(connection, name, scan, reading.known, reading.options)
        rows = 0
        if scan.rows is not None or len(files) > 1:
            rows = connection.execute(f"SELECT count(*) FROM {identifier(name)}").fetchall()[0][0]
            _check_rows(files, scan, rows)
        formats |= {column.name: column for column in columns}
        notes += scan.notes_on(rows)
    return use(connection, Scan(f"({sql})", notes=tuple(notes), file_formats=tuple(formats.values())))[0]


def scan_of(connection: DuckDBPyConnection, files: list[SourceFile], reading: Reading) -> Scan:
    """Return the scan of files of one kind."""
    files = [readable(file, reading.folder) for file in files]
    if files[0].kind == "csv":
        return csv_scan(connection, files, reading.folder, reading.known, reading.options)
    return typed_scan(connection, [unpacked(file, reading.folder) for file in files], reading.known)


def _check_rows(files: list[SourceFile], scan: Scan, read: int) -> None:
    """Compare the number of rows read with that in the files: no row may be lost or invented."""
    there = read if scan.rows is None else scan.rows()
    if read != there:
        several = f" and {len(files) - 1:,} more files hold" if len(files) > 1 else " holds"
        raise TableError(
            f"{files[0].label}{several} {there:,} rows below the header, but {read:,} were read: quotes, line ends or "
            "blank lines in it can be understood in two ways. Write it anew, or as Parquet."
        )


def _with_rows(table: Table) -> Table:
    """Return the table, which must have a row."""
    if table.n_rows == 0:
        raise TableError(f"{table.source} has no rows, only the columns {', '.join(table.names[:8])}.")
    return table
