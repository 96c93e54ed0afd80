"""Read a table of any size from Parquet files, a batch of rows at a time.

The type of each column is decided on all rows, before the first batch is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from chainrule._errors import TableError
from chainrule._json import plain
from chainrule.table.batches import Batches
from chainrule.table.columns import Table
from chainrule.table.reading.as_parquet import ROW_NUMBER, ParquetTable, as_parquet, batch_rows, is_matrix, name_of
from chainrule.table.reading.database import connected
from chainrule.table.reading.files import SourceFile, file_literal
from chainrule.table.reading.load_columns import Plan, Planned, fetch, name_texts, plan_columns
from chainrule.table.reading.query import in_messages
from chainrule.table.reading.read import Reading
from chainrule.table.reading.scan import Scan
from chainrule.table.reading.sql import identifier, literal
from chainrule.table.reading.typed_scan import parquet_sql
from chainrule.table.table_format import ReadOptions, TableFormat

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class RowRange:
    """Rows `start` to `stop` of a Parquet file."""

    file: SourceFile
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class ScanPlan:
    """A plan by which another process reads the batches, without scanning the whole table again."""

    source: str
    types: dict[str, str]  # of all columns, as DuckDB spells them
    plans: list[Plan]
    places: list[RowRange]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        places = [[str(each.file.path), each.start, each.stop, dict(each.file.partitions)] for each in self.places]
        plans = [{name: plain(value) for name, value in vars(plan).items()} for plan in self.plans]
        return {"source": self.source, "types": self.types, "plans": plans, "places": places}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> ScanPlan:
        """Return what `to_dict` described."""
        places = [
            RowRange(SourceFile(Path(path), "parquet", "none", partitions=tuple(partitions.items())), start, stop)
            for path, start, stop, partitions in record["places"]
        ]
        return cls(record["source"], record["types"], [Plan.from_dict(plan) for plan in record["plans"]], places)

    @contextmanager
    def open(self, memory: int) -> Iterator[ParquetBatches]:
        """Open the table in a process that can read its files.

        Raises
        ------
        TableError
            If it cannot.
        """
        with TemporaryDirectory(prefix="chainrule-") as folder, _connected(self.source, memory, folder) as connection:
            for plan in self.plans:
                name_texts(connection, plan)
            typed = ", ".join(f"{identifier(name)} {type_name}" for name, type_name in self.types.items())
            connection.execute(f"CREATE TEMP TABLE header ({typed})")
            yield _batches_of(connection, self.plans, self.places, self.source)


@dataclass(frozen=True, eq=False)
class ParquetBatches(Batches):
    """A table that DuckDB reads from Parquet files."""

    connection: DuckDBPyConnection = None  # type: ignore[assignment]
    plans: list[Plan] = field(default_factory=list)
    places: list[RowRange] = field(default_factory=list)
    lasting: bool = True  # whether the files still exist after the table is closed
    named: bool = True  # whether the source names its columns

    @property
    def scan_plan(self) -> ScanPlan | None:
        """What another process needs to read the same batches; None if the files are temporary."""
        if not self.lasting:
            return None
        types = {name: kind for name, kind, *_ in self.connection.execute("DESCRIBE header").fetchall()}
        places = [replace(place, file=replace(place.file, path=place.file.path.absolute())) for place in self.places]
        return ScanPlan(self.source, types, self.plans, places)

    def select(self, names: Sequence[str]) -> ParquetBatches:
        """Return the same rows with only the given columns, in that order; the others are not read."""
        plans = {plan.name: plan for plan in self.plans}
        return replace(self, header=self.header.select(names), plans=[plans[name] for name in names])

    def read(self) -> Iterator[Table]:
        """Yield the batches in order."""
        for place in self.places:
            yield Table(fetch(self.connection, _scan(place), self.plans), self.source)


@contextmanager
def open_batches(
    source: Any,
    *,
    batch_bytes: int = 2**28,
    memory: int = 2**29,
    folder: str | None = None,
    known: TableFormat | None = None,
    options: ReadOptions | None = None,
) -> Iterator[ParquetBatches]:
    """Open a table to read it in batches.

    Parameters
    ----------
    source : str, path-like, Arrow or Dask
        What `read_table` takes, except an IDX image set; or a pyarrow table, dataset or reader; or a Dask data frame or
        array, which is computed one partition or block of rows at a time.
    batch_bytes : int, default 256 MiB
        Most memory for a batch.
    memory : int, default 512 MiB
        Most memory for reading.
    folder : str, optional
        Folder for temporary files; the system's by default.
    known, options
        As for `read_table`.

    Raises
    ------
    TableError
        If there is no such file, it cannot be read in so little memory, or it has no rows.

    Examples
    --------
    >>> with open_batches("SELECT range AS x FROM range(5000)", batch_bytes=1) as batches:
    ...     batches.n_rows, [batch.n_rows for batch in batches]
    (5000, [2048, 2048, 904])
    """
    text = in_messages(name_of(source))
    with (
        TemporaryDirectory(dir=folder, prefix="chainrule-") as temporary,
        _connected(text, memory, temporary) as connection,
    ):
        reading = Reading(Path(temporary), known, options or ReadOptions())
        table = as_parquet(connection, source, reading, batch_bytes)
        files = table.files
        planned = _planned(connection, table, reading)
        size = batch_rows(len(planned.plans), batch_bytes)
        places = [rows for file in files for rows in _cut(connection, file, size)]
        # Every batch has the columns of all files, with missing values where its own file lacks one.
        connection.execute(f"CREATE TEMP TABLE header AS SELECT * FROM {parquet_sql(files)} LIMIT 0")
        batches = _batches_of(connection, planned.plans, places, text)
        if not batches.n_rows:
            raise TableError(f"{text} has no rows, only the columns {', '.join(batches.names[:8])}.")
        lasting = not any(Path(temporary) in file.path.parents for file in files)
        header = replace(batches.header, notes=table.notes, format=planned.format)
        yield replace(batches, header=header, lasting=lasting, named=not is_matrix(source))


def _planned(connection: DuckDBPyConnection, table: ParquetTable, reading: Reading) -> Planned:
    """Plan the columns of Parquet files; what was understood of text files when they were copied stays."""
    scan = Scan(parquet_sql(table.files), table.names, file_formats=table.file_formats)
    before = table.planned
    known = reading.known if before is None else before.format
    planned = plan_columns(connection, scan, known, reading.options, all_levels=reading.known is not None)
    if before is None:
        return planned
    notes = {plan.name: plan.note for plan in before.plans}
    plans = [replace(plan, note=notes[plan.name] or plan.note) for plan in planned.plans]
    return Planned(plans, replace(before.format, files=table.file_formats))


def _batches_of(
    connection: DuckDBPyConnection, plans: list[Plan], places: list[RowRange], source: str
) -> ParquetBatches:
    header = Table(fetch(connection, "header", plans), source)
    n_rows = sum(rows.stop - rows.start for rows in places)
    return ParquetBatches(header, n_rows, connection=connection, plans=plans, places=places)


@contextmanager
def _connected(source: str, memory: int, folder: str) -> Iterator[DuckDBPyConnection]:
    """Open a DuckDB like `connected`, with limits; if the memory is not enough, say what to do."""
    import duckdb

    bounds = {
        "memory_limit": f"'{memory // 2**20}MiB'",
        "temp_directory": literal(folder),
        # A row group that is prefetched or cached would take more memory than the batch itself.
        "disable_parquet_prefetching": "true",
        "enable_external_file_cache": "false",
    }
    with connected(source, **bounds) as connection:
        try:
            yield connection
        except duckdb.OutOfMemoryException as error:
            raise TableError(
                f"{source} cannot be read with {memory / 1e6:,.0f} MB: allow more memory, or write it as "
                f"Parquet with smaller row groups."
            ) from error


def _cut(connection: DuckDBPyConnection, file: SourceFile, size: int) -> Iterator[RowRange]:
    """Cut a file into batches of about `size` rows, between row groups where that is possible."""
    query = f"FROM parquet_metadata({file_literal(file)}) SELECT DISTINCT row_group_id, row_group_num_rows ORDER BY 1"
    groups = [rows for _, rows in connection.execute(query).fetchall()]
    start = end = 0
    for rows in groups:
        if end > start and end + rows - start > size:
            yield RowRange(file, start, end)
            start = end
        end += rows
        while end - start > size:
            yield RowRange(file, start, start + size)
            start += size
    if end > start:
        yield RowRange(file, start, end)


def _whole(file: SourceFile) -> str:
    return parquet_sql([file], "file_row_number=true")


def _scan(rows: RowRange) -> str:
    """Return the SQL that scans some rows; DuckDB skips the row groups outside the range."""
    within = f"file_row_number >= {rows.start} AND file_row_number < {rows.stop}"
    own = f"SELECT * EXCLUDE ({ROW_NUMBER}) FROM {_whole(rows.file)} WHERE {within}"
    return f"(FROM header UNION ALL BY NAME {own})"
