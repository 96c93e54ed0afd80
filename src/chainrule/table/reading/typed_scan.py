"""Scan Parquet, Arrow and JSON files as one table: columns found by name, with those that the folders' names give."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule.table.reading.files import SourceFile, file_literal
from chainrule.table.reading.foreign.arrow_file import arrow_table
from chainrule.table.reading.scan import Scan
from chainrule.table.reading.several_files import check_columns
from chainrule.table.reading.sql import identifier, literal
from chainrule.table.table_format import TableFormat

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WHOLE = re.compile(r"-?\d{1,18}")
_NO_DATES = "no dates: texts are understood as in other files"


def typed_scan(connection: DuckDBPyConnection, files: Sequence[SourceFile], known: TableFormat | None) -> Scan:
    """Return how to scan Parquet, Arrow or JSON files as one table.

    Raises
    ------
    TableError
        If the files have no column in common, or one lacks a column that the format requires and others have.
    """
    kind, columns = files[0].kind, dict[Path, list[str]]()
    if kind == "arrow":
        sql, columns = _registered(connection, files)
    elif kind == "parquet":
        sql, columns = parquet_sql(files), _in_parquet(connection, files)
    else:
        sql, columns = _joined(files, _read_json), _in_json(connection, files) if len(files) > 1 else {}
    notes = tuple(check_columns({path: _all_names(path, files, names) for path, names in columns.items()}, known))
    first = next(iter(columns.values()), [])
    apart = len({name.casefold() for name in first}) < len(first)
    return Scan(sql, tuple(first) if apart else (), notes, files=len(files))


def parquet_sql(files: Sequence[SourceFile], options: str = "union_by_name=true") -> str:
    """Return the SQL that scans Parquet files, with the columns that the names of their folders give."""
    return _joined(files, lambda several: f"read_parquet([{_paths(several)}], {options}, hive_partitioning=false)")


def with_whole_partitions(scan: Scan, files: Sequence[SourceFile]) -> Scan:
    """Let a query compare the columns of partitions as numbers where they are whole ones, as DuckDB does."""
    values: dict[str, list[str]] = {}
    for name, value in (pair for file in files for pair in file.partitions):
        values.setdefault(name, []).extend([] if value is None else [value])
    whole = [name for name, found in values.items() if found and all(map(_WHOLE.fullmatch, found))]
    if scan.dialect is not None or not whole:
        return scan
    casts = ", ".join(f"{identifier(name)}::BIGINT AS {identifier(name)}" for name in whole)
    return replace(scan, sql=f"(SELECT * REPLACE ({casts}) FROM {scan.sql})")


def _read_json(files: Sequence[SourceFile]) -> str:
    # DuckDB before 2.0 has another word for "none" here than for CSV.
    packed = "" if files[0].compression == "none" else f", compression='{files[0].compression}'"
    how = f"union_by_name=true, sample_size=-1, records='true', dateformat='{_NO_DATES}', hive_partitioning=false"
    return f"read_json([{_paths(files)}], {how}{packed})"


def _paths(files: Sequence[SourceFile]) -> str:
    return ", ".join(map(file_literal, files))


def _joined(files: Sequence[SourceFile], read: Callable[[Sequence[SourceFile]], str]) -> str:
    """Join the scans of files that have the same compression and lie in the same partition."""
    grouped = groupby(files, key=lambda file: (file.compression, file.partitions))
    parts = [_partitioned(read(list(several)), partitions) for (_, partitions), several in grouped]
    return _united_by_name(parts)


def _united_by_name(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' UNION ALL BY NAME '.join(f'FROM {part}' for part in parts)})"


def _partitioned(scan: str, partitions: Sequence[tuple[str, str | None]]) -> str:
    """Add the columns of a partition to a scan, in place of those of the same name."""
    if not partitions:
        return scan
    given = ", ".join(f"{_value(value)} AS {identifier(name)}" for name, value in partitions)
    names = ", ".join(literal(name.lower()) for name, _ in partitions)
    return f"(SELECT COLUMNS(lambda name: lower(name) NOT IN ({names})), {given} FROM {scan})"


def _value(value: str | None) -> str:
    return "NULL::VARCHAR" if value is None else literal(value)


def _all_names(path: Path, files: Sequence[SourceFile], names: Sequence[str]) -> list[str]:
    partitions = next(file.partitions for file in files if file.label == path)
    return list(dict.fromkeys([*names, *(name for name, _ in partitions)]))


def _registered(connection: DuckDBPyConnection, files: Sequence[SourceFile]) -> tuple[str, dict[Path, list[str]]]:
    """Register Arrow files as tables; return the SQL that scans them, and the names of each file's columns."""
    parts, columns = [], {}
    for file in files:
        table, name = arrow_table(file), f"arrow file {file.path}"
        connection.register(name, table)
        parts.append(_partitioned(identifier(name), file.partitions))
        columns[file.label] = list(table.column_names)
    return _united_by_name(parts), columns


def _in_parquet(connection: DuckDBPyConnection, files: Sequence[SourceFile]) -> dict[Path, list[str]]:
    """Return the names of the columns as they stand in each file, without those inside a nested column."""
    labels = {file_literal(file): file.label for file in files}
    columns = {}
    for literal_path, label in labels.items():
        query = f"SELECT name, num_children FROM parquet_schema({literal_path})"
        (_, count), *found = connection.execute(query).fetchall()
        names, inside = [], 0
        for name, children in found:
            if not inside:
                names.append(name)
            inside = max(0, inside - 1) + (children or 0) if inside else (children or 0)
        columns[label] = names if len(names) == count else []
    return columns


def _in_json(connection: DuckDBPyConnection, files: Sequence[SourceFile]) -> dict[Path, list[str]]:
    """Return the names that the records of each file have."""
    columns = {}
    for file in files:
        packed = "" if file.compression == "none" else f", compression='{file.compression}'"
        keys = f"SELECT unnest(json_keys(json)) AS name FROM read_json_objects({file_literal(file)}{packed})"
        found = connection.execute(f"SELECT name FROM ({keys}) GROUP BY name ORDER BY min(name)").fetchall()
        columns[file.label] = [name for (name,) in found]
    return columns
