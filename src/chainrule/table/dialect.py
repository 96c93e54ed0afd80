"""The dialect of CSV files: found once by DuckDB's sniffer, then stated, so that no later pass guesses again."""

from __future__ import annotations

import glob
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chainrule._errors import TableError
from chainrule.table.files import SourceFile
from chainrule.table.spelling import MISSING_MARKS, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Options = dict[str, str]  # options of DuckDB's reader and their values, as SQL

# Truth values and times of day stay text here: the sniffer would turn y/n answers into True and False.
_TYPES = "auto_type_candidates=['BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'VARCHAR']"
_MARKS = f"[{', '.join(literal(blank + mark) for mark in MISSING_MARKS for blank in ('', ' '))}]"
_BUFFER = "4194304"  # bytes: a small one bounds the memory and lets two threads share a small file
_SNIFFED = {
    "delim": "Delimiter",
    "quote": "Quote",
    "escape": "Escape",
    "comment": "Comment",
    "dateformat": "DateFormat",
    "timestampformat": "TimestampFormat",
}


@dataclass(frozen=True)
class Dialect:
    """What the sniffer found in one file.

    Parameters
    ----------
    options : dict of str to str
        The options that state the dialect.
    names, types : tuple of str
        Of the columns, in order.
    has_header : bool
    skipped : int
        Lines at the top that do not belong to the table.
    """

    options: Options
    names: tuple[str, ...]
    types: tuple[str, ...]
    has_header: bool
    skipped: int


def csv_scan(connection: DuckDBPyConnection, files: list[SourceFile], given: Options) -> tuple[str, tuple[str, ...]]:
    """Return the SQL that scans the files as one table, and what is worth saying about them.

    Parameters
    ----------
    connection : DuckDBPyConnection
    files : list of SourceFile
        They must have the same columns.
    given : dict of str to str
        Options that are settled already.

    Raises
    ------
    TableError
        If the files' columns differ.
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
    scan = _scan([file_literal(file) for file in files], first.options, dict(zip(names, types, strict=True)))
    if first.skipped:
        notes += (f"{first.skipped} line(s) above the table skipped",)
    return scan, notes


def file_literal(file: SourceFile) -> str:
    """Write a file's path as SQL, so that DuckDB reads no pattern into it."""
    return literal(glob.escape(str(file.path)))


def _scan(paths: list[str], options: Options, columns: dict[str, str]) -> str:
    stated = "".join(f", {option}={value}" for option, value in options.items())
    struct = ", ".join(f"{literal(name)}: {literal(type_)}" for name, type_ in columns.items())
    return f"read_csv([{', '.join(paths)}], auto_detect=false{stated}, columns={{{struct}}})"


def _dialect(connection: DuckDBPyConnection, file: SourceFile, given: Options) -> Dialect:
    """Sniff a file; where the answer is doubtful, settle the doubt."""
    found = _sniff(connection, file, given)
    if len(found.names) == 1 and (inside := re.findall(r"[,;\t|]", found.names[0])):
        # Rows of unequal length make the sniffer fall back on one column. Held to the delimiter and the width of
        # the header, the reader names the first row that does not fit.
        delimiter = Counter(inside).most_common(1)[0][0]
        names = tuple(found.names[0].split(delimiter))
        options = found.options | {"delim": literal(delimiter), "quote": "'\"'", "escape": "'\"'"}
        return replace(found, options=options, names=names, types=("VARCHAR",) * len(names))
    if found.options["delim"] in {"';'", "'\t'"}:
        comma = _sniff(connection, file, given | {"decimal_separator": "','"})
        if comma.types.count("VARCHAR") < found.types.count("VARCHAR"):
            return comma
    return found


def _sniff(connection: DuckDBPyConnection, file: SourceFile, given: Options) -> Dialect:
    """Ask DuckDB for a file's dialect."""
    given = {"compression": literal(file.compression), "nullstr": _MARKS, "buffer_size": _BUFFER} | given
    stated = ", ".join(f"{option}={value}" for option, value in given.items())
    fields = ", ".join(("SkipRows", "HasHeader", "Columns", *_SNIFFED.values()))
    query = f"SELECT {fields} FROM sniff_csv({file_literal(file)}, {stated}, {_TYPES})"
    skipped, has_header, columns, *values = connection.execute(query).fetchall()[0]
    found = {
        option: literal("" if value == "(empty)" else value)
        for option, value in zip(_SNIFFED, values, strict=True)
        if value is not None
    }
    return Dialect(
        found | given | {"skip": str(skipped), "header": str(has_header)},
        tuple(column["name"] for column in columns),
        tuple(column["type"] for column in columns),
        has_header,
        skipped,
    )


def _wider(types: set[str]) -> str:
    """Return the type that holds what several files have in one column."""
    if len(types) == 1:
        return next(iter(types))
    return "DOUBLE" if types == {"BIGINT", "DOUBLE"} else "VARCHAR"


def _names(
    connection: DuckDBPyConnection, file: SourceFile, dialect: Dialect
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names that the columns get, all different, with a note where the file's are others."""
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
    """Read the header line as it stands, before DuckDB tells equal names apart."""
    columns = {f"c{place}": "VARCHAR" for place in range(len(dialect.names))}
    options = dialect.options | {"header": "false", "nullstr": "''"}
    row = connection.execute(f"SELECT * FROM {_scan([file_literal(file)], options, columns)} LIMIT 1").fetchall()[0]
    return [name.strip() for name in row if name]
