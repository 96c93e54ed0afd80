"""The dialect of CSV files: found once by DuckDB's sniffer, then passed explicitly, so that no later scan guesses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from chainrule._errors import TableError
from chainrule.table.reading.files import SourceFile, file_literal
from chainrule.table.reading.preamble import check_preamble
from chainrule.table.reading.records import Framing, count_records, odd_line_end
from chainrule.table.reading.sql import MISSING_MARKS, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Options = dict[str, str]  # options of DuckDB's reader and their values, as SQL

# Truth values and times of day stay text here: the sniffer would turn y/n answers into True and False.
_TYPES = "['BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'VARCHAR']"
DATELESS = {"auto_type_candidates": "['BIGINT', 'DOUBLE', 'VARCHAR']"}
_SPELLED = (blank + mark for mark in MISSING_MARKS for blank in ("", " ") if not (blank and mark.startswith("#")))
_MARKS = f"[{', '.join(map(literal, _SPELLED))}]"  # few, since DuckDB compares every cell with each of them
_GIVEN = {
    "auto_type_candidates": _TYPES,
    "nullstr": _MARKS,
    "buffer_size": "4194304",  # bytes: a small buffer bounds the memory and lets two threads share a small file
    "comment": "''",  # a row that begins with '#' is a row
}
_SNIFFED = {
    "delim": "Delimiter",
    "quote": "Quote",
    "escape": "Escape",
    "dateformat": "DateFormat",
    "timestampformat": "TimestampFormat",
}
_FRAME = ("delim", "quote", "escape", "skip", "header", "compression")  # options that differ from file to file


@dataclass(frozen=True)
class Dialect:
    """The dialect that the sniffer found in a file.

    Parameters
    ----------
    options : dict of str to str
        The options that state the dialect.
    framing : Framing
        The characters that separate fields and records.
    names, types : tuple of str
        Names and types of the columns, in order.
    has_header : bool
    skipped : int
        Number of lines at the top that do not belong to the table.
    """

    options: Options
    framing: Framing
    names: tuple[str, ...]
    types: tuple[str, ...]
    has_header: bool
    skipped: int


@dataclass(frozen=True)
class Scan:
    """How to scan files as one table.

    Parameters
    ----------
    sql : str
        The SQL after FROM.
    notes : tuple of str
        Notes about the files.
    rows : callable, optional
        Counts the rows of the files in another way than DuckDB.
    """

    sql: str
    notes: tuple[str, ...] = ()
    rows: Callable[[], int] | None = None


def csv_scan(connection: DuckDBPyConnection, files: list[SourceFile], given: Options) -> Scan:
    """Return how to scan CSV files as one table.

    Parameters
    ----------
    connection : DuckDBPyConnection
    files : list of SourceFile
        They must have the same columns.
    given : dict of str to str
        Options that are already decided.

    Raises
    ------
    TableError
        If the files' columns differ, or a line above a table could be a row of it.
    duckdb.Error
        If no dialect fits a file.
    """
    dialects = [_dialect(connection, file, given) for file in files]
    first = dialects[0]
    for file, other in zip(files, dialects, strict=True):
        if other.names != first.names:
            raise TableError(f"{file.path} has other columns than {files[0].path}; files read together must agree.")
    names, notes = _names(connection, files[0], first)
    types = [_wider(set(types)) for types in zip(*(dialect.types for dialect in dialects), strict=True)]

    def rows(file: SourceFile, dialect: Dialect) -> int:
        counted = count_records(connection, file, dialect.framing, skip=dialect.skipped, alone=len(names) == 1)
        return counted - dialect.has_header

    own = [first.options | {name: dialect.options[name] for name in _FRAME} for dialect in dialects]
    columns = dict(zip(names, types, strict=True))
    if len(names) == 1:  # DuckDB takes each blank line for a missing value, also at the end
        ends = [rows(*pair) for pair in zip(files, dialects, strict=True)]
        parts = [
            f"(FROM {_scan([file], options, columns)} LIMIT {end})"
            for file, options, end in zip(files, own, ends, strict=True)
        ]
    else:
        alike = groupby(zip(files, own, strict=True), key=lambda pair: pair[1])
        parts = [_scan([file for file, _ in pairs], options, columns) for options, pairs in alike]
    skipped = max(dialect.skipped for dialect in dialects)
    notes += (f"{skipped} line(s) above the table skipped",) if skipped else ()
    return Scan(_united(parts), notes, lambda: sum(map(rows, files, dialects)))


def _united(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' UNION ALL '.join(f'FROM {part}' for part in parts)})"


def _scan(files: list[SourceFile], options: Options, columns: dict[str, str]) -> str:
    stated = "".join(f", {option}={value}" for option, value in options.items())
    struct = ", ".join(f"{literal(name)}: {literal(type_)}" for name, type_ in columns.items())
    paths = ", ".join(map(file_literal, files))
    return f"read_csv([{paths}], auto_detect=false{stated}, columns={{{struct}}})"


def _dialect(connection: DuckDBPyConnection, file: SourceFile, given: Options) -> Dialect:
    """Sniff a file; if the answer is doubtful, check it."""
    found = _sniffed(connection, file, given)
    if len(found.names) == 1 and (inside := re.findall(r"[,;\t|]", found.names[0])):
        # Rows of unequal length make the sniffer fall back on one column. Given the delimiter and the width of the
        # header, the reader names the first row that does not fit.
        delimiter = Counter(inside).most_common(1)[0][0]
        names = tuple(found.names[0].split(delimiter))
        options = found.options | {"delim": literal(delimiter), "quote": "'\"'", "escape": "'\"'"}
        framing = Framing(delimiter, '"', '"')
        return replace(found, options=options, framing=framing, names=names, types=("VARCHAR",) * len(names))
    if found.framing.delimiter in (";", "\t"):
        comma = _sniff(connection, file, given | {"decimal_separator": "','"})
        if comma.types.count("VARCHAR") < found.types.count("VARCHAR"):
            found = comma
    if found.skipped:
        width, skip = len(found.names), found.skipped
        check_preamble(connection, file, found.framing, skip=skip, width=width, has_header=found.has_header)
    return found


def _sniffed(connection: DuckDBPyConnection, file: SourceFile, given: Options) -> Dialect:
    """Sniff a file; explain a failure where the reason is known."""
    import duckdb

    try:
        return _sniff(connection, file, given)
    except duckdb.Error as error:
        if "not utf-8" not in str(error) and (line := odd_line_end(connection, file)) is not None:
            raise TableError(
                f"{file.path} cannot be read: line {line:,} ends in another way than line 1, by LF, CR LF or CR. Give "
                "all lines the same end."
            ) from error
        raise


def _sniff(connection: DuckDBPyConnection, file: SourceFile, given: Options) -> Dialect:
    """Ask DuckDB for a file's dialect."""
    given = {"compression": literal(file.compression)} | _GIVEN | given
    stated = ", ".join(f"{option}={value}" for option, value in given.items())
    fields = ", ".join(("SkipRows", "HasHeader", "Columns", *_SNIFFED.values()))
    query = f"SELECT {fields} FROM sniff_csv({file_literal(file)}, {stated})"
    skipped, has_header, columns, *values = connection.execute(query).fetchall()[0]
    found = {
        option: "" if value == "(empty)" else value
        for option, value in zip(_SNIFFED, values, strict=True)
        if value is not None
    }
    if not found["quote"] and "sample_size" not in given:
        found["quote"] = '"'  # quotes may follow after the sniffer's sample
    found["escape"] = found["escape"] or found["quote"]
    return Dialect(
        {option: literal(value) for option, value in found.items()}
        | given
        | {"skip": str(skipped), "header": str(has_header)},
        Framing(found["delim"], found["quote"], found["escape"]),
        tuple(column["name"] for column in columns),
        tuple(column["type"] for column in columns),
        has_header,
        skipped,
    )


def _wider(types: set[str]) -> str:
    """Return the type that can hold the values of a column in all files."""
    if len(types) == 1:
        return next(iter(types))
    return "DOUBLE" if types == {"BIGINT", "DOUBLE"} else "VARCHAR"


def _names(
    connection: DuckDBPyConnection, file: SourceFile, dialect: Dialect
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return distinct names for the columns, with a note if they differ from the file's."""
    width = len(dialect.names)
    if not dialect.has_header:
        return tuple(f"column{place}" for place in range(1, width + 1)), (f"no header: named column1 to column{width}",)
    names = tuple(name.strip() for name in dialect.names)
    if len(set(names)) < width:
        names = dialect.names
    header = _header(connection, file, dialect)
    repeated = [name for name, count in Counter(header).items() if count > 1]
    return names, (f"several columns named {', '.join(repeated)}: numbered",) if repeated else ()


def _header(connection: DuckDBPyConnection, file: SourceFile, dialect: Dialect) -> list[str]:
    """Read the header line as it is, before DuckDB renames repeated names."""
    columns = {f"c{place}": "VARCHAR" for place in range(len(dialect.names))}
    options = dialect.options | {"header": "false", "nullstr": "''"}
    row = connection.execute(f"SELECT * FROM {_scan([file], options, columns)} LIMIT 1").fetchall()[0]
    return [name.strip() for name in row if name]
