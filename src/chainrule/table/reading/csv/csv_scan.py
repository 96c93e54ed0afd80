"""Scan text files as one table of texts: each file by its dialect, columns found by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.table.reading.csv.dialect import column_names, find_dialect, records_of
from chainrule.table.reading.csv.preamble import check_preamble
from chainrule.table.reading.csv.records import count_records
from chainrule.table.reading.csv.text_file import as_text_file, sample_of, with_tabs
from chainrule.table.reading.files import SourceFile, file_literal
from chainrule.table.reading.scan import Scan
from chainrule.table.reading.several_files import check_columns
from chainrule.table.reading.sql import literal
from chainrule.table.table_format import Dialect, ReadOptions, TableFormat

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BUFFER = "4194304"  # bytes: a small buffer bounds the memory and lets two threads share a small file


@dataclass(frozen=True)
class _CsvFile:
    """A file with its dialect, and the names of the columns in it in order."""

    file: SourceFile
    dialect: Dialect  # of the original
    read_as: Dialect  # of the file that is read, perhaps a copy
    in_file: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns, with those that the names of its folders give."""
        return tuple(dict.fromkeys([*self.in_file, *(name for name, _ in self.file.partitions)]))

    @property
    def n_rows(self) -> int:
        """The number of records below the header, counted without DuckDB."""
        return count_records(self.file, self.read_as, alone=len(self.in_file) == 1) - self.read_as.header


def csv_scan(
    connection: DuckDBPyConnection,
    files: Sequence[SourceFile],
    folder: Path,
    known: TableFormat | None,
    options: ReadOptions,
) -> Scan:
    """Return how to scan text files as one table.

    Parameters
    ----------
    connection : DuckDBPyConnection
    files : sequence of SourceFile
        A column that one of them lacks is missing in its rows, which is said.
    folder : Path
        Where to write copies in a form that DuckDB reads.
    known : TableFormat, optional
        The recorded format, whose dialect is used where it gives the recorded columns.
    options : ReadOptions

    Raises
    ------
    TableError
        If the files have no column in common, or a line above a table could be a row of it.
    """
    found = [_understood(connection, file, folder, known, options) for file in files]
    names = tuple(dict.fromkeys(name for each in found for name in each.names))
    lacking = check_columns({each.file.label: each.names for each in found}, known)
    parts = [_part(list(several), names) for _, several in groupby(found, key=_alike)]
    notes = (*dict.fromkeys(note for each in found for note in each.notes), *lacking)
    count = len(files)
    return Scan(_united(parts), names, notes, lambda: sum(each.n_rows for each in found), found[0].dialect, files=count)


def _alike(each: _CsvFile) -> Any:
    """Return what files have in common that one scan can read."""
    return each.read_as, each.in_file, each.file.partitions


def _understood(
    connection: DuckDBPyConnection, file: SourceFile, folder: Path, known: TableFormat | None, options: ReadOptions
) -> _CsvFile:
    text = as_text_file(connection, file, folder, options.encoding)
    sample = sample_of(text.file)
    recorded = None if known is None or known.dialect is None else _by_record(sample, known)
    dialect = file.dialect or recorded or find_dialect(sample, options, text.encoding)
    names, notes = _names(sample, dialect)
    if known is not None and known.dialect is not None and _is_cut_otherwise(file, dialect, known.dialect):
        notes += (f"fields cut at {dialect.delimiter!r}, where training had {known.dialect.delimiter!r}",)
    read_file, read_as = text.file, dialect
    if dialect.delimiter == " " or f'{dialect.delimiter} "' in sample:
        read_file, read_as = with_tabs(text.file, dialect, folder)
    if dialect.skip:
        if recorded is None and options.skip is None:
            check_preamble(text.file, dialect, width=len(names))
        notes += (f"{dialect.skip} line(s) above the table skipped",)
    return _CsvFile(read_file, dialect, read_as, names, (*filter(None, [file.note]), *text.notes, *notes))


def _is_cut_otherwise(file: SourceFile, dialect: Dialect, known: Dialect) -> bool:
    return file.dialect is None and known.delimiter != dialect.delimiter


def _by_record(sample: str, known: TableFormat) -> Dialect | None:
    """Return the recorded dialect if it gives the recorded columns, else None."""
    dialect = known.dialect
    assert dialect is not None
    names, _ = _names(sample, dialect)
    return dialect if any(known.of(name) is not None for name in names) else None


def _names(sample: str, dialect: Dialect) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return distinct names for the columns, with notes if they are not those of the file."""
    lines = "".join(sample.splitlines(keepends=True)[dialect.skip :])
    records = [record.fields for record in islice(records_of(lines, dialect), 2)]
    fields = records[0] if records else ()
    if len(records) == 2 and len(records[1]) == len(fields) + 1 and records[1][-1] == "":
        fields = (*fields, "")  # a delimiter ends every record but the header
    if dialect.header:
        return column_names(fields)
    names = tuple(f"column{place}" for place in range(1, len(fields) + 1))
    return names, (f"no header: named column1 to column{len(fields)}",)


def _part(files: Sequence[_CsvFile], names: Sequence[str]) -> str:
    """Return the SQL that scans files of one dialect, with the columns of the whole table."""
    first = files[0]
    if len(first.in_file) == 1:  # DuckDB takes each blank line for a missing value, also at the end
        return _united([f"(FROM {_scan([each], names)} LIMIT {each.n_rows})" for each in files])
    return _scan(files, names)


def _scan(files: Sequence[_CsvFile], names: Sequence[str]) -> str:
    first = files[0]
    options = {
        "delim": literal(first.read_as.delimiter),
        "quote": literal(first.read_as.quote),
        "escape": literal(first.read_as.escape),
        "header": str(first.read_as.header).lower(),
        "skip": str(first.read_as.skip),
        "compression": literal(first.file.compression),
        "comment": "''",  # a row that begins with '#' is a row
        "nullstr": "''",
        "buffer_size": _BUFFER,
        "hive_partitioning": "false",
    }
    stated = "".join(f", {option}={value}" for option, value in options.items())
    struct = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(first.in_file)))
    paths = ", ".join(file_literal(each.file) for each in files)
    read = f"read_csv([{paths}], auto_detect=false{stated}, columns={{{struct}}})"
    if first.in_file == tuple(names) and not first.file.partitions:
        return read
    values = {name: f"c{number}" for number, name in enumerate(first.in_file)}
    values |= {name: "NULL" if value is None else literal(value) for name, value in first.file.partitions}
    columns = (f"{values.get(name, 'NULL')}::VARCHAR AS c{number}" for number, name in enumerate(names))
    return f"(SELECT {', '.join(columns)} FROM {read})"


def _united(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' UNION ALL '.join(f'FROM {part}' for part in parts)})"
