"""Typed columns from anything that DuckDB can scan, in passes that never hold the table twice.

The first pass measures every column; columns of texts are understood by a recorded format, or one is inferred; the last
pass streams each column into the narrowest array that holds it without loss. Rows never become Python objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.network.types import Array
from chainrule.table.columns import Column, Kind
from chainrule.table.reading.infer_formats import (
    INFINITE,
    MAX_LEVELS,
    InferredFormats,
    TextColumn,
    groups,
    infer_formats,
)
from chainrule.table.reading.parse import cleaned, may_be_grouped, value_of
from chainrule.table.reading.scan import Scan
from chainrule.table.reading.sql import finite, identifier, literal
from chainrule.table.table_format import MISSING_MARKS, ColumnFormat, ReadOptions, TableFormat, ValueKind

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_INTEGERS = {"UTINYINT": (0, 2**8), "TINYINT": (-(2**7), 2**7), "SMALLINT": (-(2**15), 2**15)}
_INTEGERS |= {"INTEGER": (-(2**31), 2**31), "BIGINT": (-(2**63), 2**63)}
_FLOAT_EXACT, _DOUBLE_EXACT = 2**24, 2**53  # every whole number up to here is a float32, a float64
_SAMPLE = 1000  # rows that spare most columns a second look
_WIDE = 200  # a wider table is copied before it is measured some columns at a time
_WANTED = {"number": "number", "date": "date", "duration": "duration or time of day", "boolean": "true or false"}
NESTED = "lists or records, which are not read"

Measures = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """How to fetch a column: its kind, the SQL for its values, and a note about it."""

    name: str
    kind: Kind
    sql: str
    note: str = ""
    levels: tuple[str, ...] = ()
    recode: Array | None = None  # the category that each code of the enumeration means
    texts: tuple[str, ...] = ()  # the enumeration's texts, unchanged
    type_name: str = ""  # the enumeration's name in the connection
    misfits: int = 0  # values that do not have the format of the column
    in_query: str = ""  # the SQL for its values in a query, where numbers are not of the narrowest type

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Plan:
        """Return the plan with the fields of a record of plain JSON data."""
        recode = None if record["recode"] is None else np.array(record["recode"], np.int32)
        texts = {name: tuple(record[name]) for name in ("levels", "texts")}
        return cls(**record | texts | {"recode": recode})


@dataclass(frozen=True)
class _Raw:
    """A column as it stands in the scan: its name, its SQL and the family of its type."""

    name: str
    sql: str
    family: str


@dataclass(frozen=True)
class Planned:
    """The plans of all columns, in order, with the table's format."""

    plans: list[Plan]
    format: TableFormat


def load(
    connection: DuckDBPyConnection, scan: Scan, known: TableFormat | None = None, options: ReadOptions | None = None
) -> tuple[tuple[Column, ...], TableFormat]:
    """Read a scan, in order.

    Parameters
    ----------
    connection : DuckDBPyConnection
    scan : Scan
        It is scanned several times, so it must give the same rows each time.
    known : TableFormat, optional
        The recorded format; columns that it does not name are understood anew.
    options : ReadOptions, optional

    Returns
    -------
    tuple of Column
        Without rows if the scan has none.
    TableFormat

    Raises
    ------
    duckdb.Error
        If anything goes wrong while scanning; the caller knows the source and words the message.
    """
    planned = plan_columns(connection, scan, known, options or ReadOptions(), all_levels=known is not None)
    return fetch(connection, scan.sql, planned.plans), planned.format


def plan_columns(
    connection: DuckDBPyConnection,
    scan: Scan,
    known: TableFormat | None,
    options: ReadOptions,
    *,
    all_levels: bool,
) -> Planned:
    """Decide how each column is fetched.

    With `all_levels` every different text is kept, however many there are: the categories of a model may be among them.
    """
    described = connection.execute(f"DESCRIBE SELECT * FROM {scan.sql}").fetchall()
    names = scan.names or tuple(row[0] for row in described)
    rows = _copied(connection, scan.sql) if len(names) > _WIDE else scan.sql
    options = replace(options, numeric=[_name_of(key, names) for key in options.numeric])
    columns = [_raw(name, *row[:2]) for name, row in zip(names, described, strict=True)]
    measured = _measured(connection, rows, columns)
    codes = [raw for raw in columns if _holds_codes(raw, measured[raw.name], known, options)]
    columns = [replace(raw, sql=f"{raw.sql}::VARCHAR", family="text") if raw in codes else raw for raw in columns]
    measured |= _measured(connection, rows, [raw for raw in columns if raw.name in {code.name for code in codes}])
    missing = known.missing if known is not None else tuple(options.missing or MISSING_MARKS)
    texts = [raw for raw in columns if raw.family == "text"]
    plain = {raw.name for raw in texts if _is_plain(measured[raw.name]) and options.decimal != ","}
    listed = [raw for raw in texts if raw.name not in plain or _is_recorded_text(known, raw.name)]
    values = _distinct(connection, rows, listed, measured)
    found = _formats(connection, scan, rows, texts, values, measured, known, options)
    plans = _typed_plans(connection, rows, texts, measured, found, missing)
    for raw in columns:
        if raw.family != "text":
            plans[raw.name] = _plan(raw, measured[raw.name])
        elif raw.name not in plans:
            marks, note = found.formats[raw.name].marks(missing), found.notes.get(raw.name, "")
            plans[raw.name] = _text_plan(connection, raw, values[raw.name], marks, note, all_levels=all_levels)
    formats = tuple(
        found.formats[raw.name]
        if raw.family == "text"
        else (known and known.of(raw.name)) or ColumnFormat(raw.name, _KIND_OF[raw.family])
        for raw in columns
    )
    return Planned([plans[name] for name in names], TableFormat(formats, scan.dialect, missing, scan.file_formats))


def _raw(name: str, sql_name: str, sql_type: str) -> _Raw:
    """Return a column with its family, and the SQL that makes texts of what is neither a text nor of another family."""
    column, family = identifier(sql_name), _family(sql_type)
    if sql_type == "JSON":  # of values of several types, in which texts have quotes
        column = f"({column} ->> '$')"
    elif family == "text" and sql_type != "VARCHAR":
        column = f"{column}::VARCHAR"
    return _Raw(name, column, family)


def _measured(connection: DuckDBPyConnection, rows: str, columns: Sequence[_Raw]) -> dict[str, Measures]:
    answers = _answers(connection, rows, [_aggregates(raw) for raw in columns])
    return {raw.name: found for raw, found in zip(columns, answers, strict=True)}


def _holds_codes(raw: _Raw, found: Measures, known: TableFormat | None, options: ReadOptions) -> bool:
    """Say whether a column holds whole numbers that a float would confuse, and which are no numbers by record."""
    recorded = None if known is None else known.of(raw.name)
    if raw.family != "integer" or raw.name in options.numeric or (recorded is not None and recorded.kind != "text"):
        return False
    return max(-(found["low"] or 0), found["high"] or 0) > _DOUBLE_EXACT


def _is_recorded_text(known: TableFormat | None, name: str) -> bool:
    found = None if known is None else known.of(name)
    return found is not None and found.kind == "text"


def _name_of(key: str | int, names: Sequence[str]) -> str:
    """Return the name of a column given by name or by position, counted from 1."""
    is_position = str(key) not in names and str(key).isdecimal() and 1 <= int(key) <= len(names)
    return names[int(key) - 1] if is_position else str(key)


def create_view(
    connection: DuckDBPyConnection, view: str, scan: Scan, known: TableFormat | None, options: ReadOptions
) -> tuple[ColumnFormat, ...]:
    """Create a view of a scan in which texts are values, for queries; return the formats of its columns."""
    begin = f"CREATE OR REPLACE TEMP VIEW {identifier(view)} AS"
    if scan.dialect is None:
        connection.execute(f"{begin} FROM {scan.sql}")
        return ()
    if known is not None:
        known = replace(known, columns=(*known.columns, *known.files))
    planned = plan_columns(connection, scan, known, options, all_levels=False)
    names = _apart_in_sql([plan.name for plan in planned.plans])
    columns = (f"{plan.in_query} AS {identifier(name)}" for name, plan in zip(names, planned.plans, strict=True))
    connection.execute(f"{begin} SELECT {', '.join(columns)} FROM {scan.sql}")
    return planned.format.columns


def typed_columns(
    connection: DuckDBPyConnection, scan: Scan, known: TableFormat | None, options: ReadOptions
) -> tuple[str, Planned]:
    """Return the SQL for the columns c0, c1 and so on, in which texts are values but for categories; and the plans."""
    planned = plan_columns(connection, scan, known, options, all_levels=False)
    columns = (
        f"{f'c{place}::VARCHAR' if plan.kind == 'text' else plan.in_query} AS c{place}"
        for place, plan in enumerate(planned.plans)
    )
    return ", ".join(columns), planned


def _apart_in_sql(names: Sequence[str]) -> list[str]:
    """Number names that SQL takes for the same: those that differ in case only."""
    apart: dict[str, str] = {}
    for name in names:
        numbered = (name, *(f"{name}_{number}" for number in range(1, len(names) + 1)))
        new = next(each for each in numbered if each.casefold() not in apart)
        apart[new.casefold()] = new
    return list(apart.values())


def fetch(connection: DuckDBPyConnection, scan: str, plans: Sequence[Plan]) -> tuple[Column, ...]:
    """Fetch a planned scan, or some of its rows."""
    selected = ", ".join(f"{plan.sql} AS c{place}" for place, plan in enumerate(plans))
    fetched = connection.execute(f"SELECT {selected} FROM {scan}").fetchnumpy()
    return tuple(_column(plan, fetched.pop(f"c{place}")) for place, plan in enumerate(plans))


def _copied(connection: DuckDBPyConnection, scan: str) -> str:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE copied AS FROM {scan}")
    return "copied"


_KIND_OF: dict[str, ValueKind] = {
    "integer": "number",
    "float": "number",
    "date": "date",
    "duration": "duration",
    "boolean": "boolean",
    "nested": "text",
}


def _family(sql_type: str) -> str:
    """Map DuckDB's types to seven families; every other type is text."""
    if sql_type.endswith("]") or sql_type.startswith(("STRUCT", "MAP", "UNION")):
        return "nested"
    if sql_type == "BOOLEAN":
        return "boolean"
    if sql_type.endswith(("INT", "INTEGER")):
        return "integer"
    if sql_type in {"FLOAT", "DOUBLE"} or sql_type.startswith("DECIMAL"):
        return "float"
    if sql_type == "DATE" or sql_type.startswith("TIMESTAMP"):
        return "date"
    return "duration" if sql_type == "INTERVAL" or sql_type.startswith("TIME") else "text"


def _answers(connection: DuckDBPyConnection, scan: str, asked: Sequence[Mapping[str, str]]) -> Iterator[Measures]:
    for several in groups(asked):
        selected = ", ".join(sql for aggregates in several for sql in aggregates.values())
        answers = iter(connection.execute(f"SELECT {selected} FROM {scan}").fetchall()[0])
        yield from ({name: next(answers) for name in aggregates} for aggregates in several)


def _aggregates(raw: _Raw) -> dict[str, str]:
    """Return name and SQL of the aggregates for a column of this family."""
    column = raw.sql
    if raw.family == "text":
        value = f"TRY_CAST({column} AS DOUBLE)"
        odd = f"count_if(contains({column}, '_') OR NOT isfinite({value}))"
        zeros = f"count_if(starts_with({column}, '0') AND length({column}) > 1)"
        counts = {"present": f"count({column})", "numbers": f"count({value})", "odd": odd, "zeros": zeros}
        return counts | {"different": f"approx_count_distinct({column})"} | _of_numbers(value)
    if raw.family == "float":
        return _of_numbers(finite(column)) | {"infinite": f"count_if(isinf({column}::DOUBLE))"}
    complete = {"complete": f"count({column}) = count(*)"}
    return complete | ({"low": f"min({column})", "high": f"max({column})"} if raw.family == "integer" else {})


def _of_numbers(value: str) -> dict[str, str]:
    """Return the aggregates of a DOUBLE; bool_and ignores NULL, but not what is too large for a FLOAT."""
    return {
        "low": f"min({value})",
        "high": f"max({value})",
        "exact": f"bool_and(coalesce(TRY_CAST({value} AS FLOAT)::DOUBLE = {value}, {value} IS NULL))",
        "whole": f"bool_and({value} = trunc({value}))",
        "complete": f"count({value}) = count(*)",
    }


def _plan(raw: _Raw, found: Measures) -> Plan:
    """Decide how to fetch a column that has a type."""
    name, column = raw.name, raw.sql
    if raw.family == "integer":
        return Plan(name, "number", f"{column}::{_integer_type(found)}")
    if raw.family == "float":
        return Plan(name, "number", f"({finite(column)})::{'FLOAT' if found['exact'] else 'DOUBLE'}", _infinite(found))
    if raw.family == "duration":
        return Plan(name, "number", f"epoch({column})::DOUBLE", "times read as seconds")
    if raw.family == "nested":
        return Plan(name, "text", "NULL::INTEGER", NESTED)
    if raw.family == "date":
        return Plan(name, "date", f"epoch_us({column})")
    return Plan(name, "boolean", f"{column}::{'TINYINT' if found['complete'] else 'FLOAT'}")


def _number_plan(name: str, value: str, found: Measures) -> Plan:
    """Plan a column of texts whose values are numbers."""
    stored = "FLOAT" if found["low"] is None else _number_type(found)
    in_query = "BIGINT" if stored in _INTEGERS else "DOUBLE"
    return Plan(name, "number", f"({value})::{stored}", in_query=f"({value})::{in_query}")


def _infinite(found: Measures) -> str:
    return f"{found['infinite']:,} infinite, taken as missing" if found["infinite"] else ""


def _integer_type(found: Measures) -> str:
    """Return the narrowest SQL type that holds a column of whole numbers; a float if some are missing."""
    low, high = found["low"] or 0, found["high"] or 0
    if not found["complete"]:
        return "FLOAT" if max(-low, high) <= _FLOAT_EXACT else "DOUBLE"
    return next((name for name, (least, end) in _INTEGERS.items() if least <= low and high < end), "DOUBLE")


def _number_type(found: Measures) -> str:
    if found["whole"] and max(-found["low"], found["high"]) <= _DOUBLE_EXACT:
        return _integer_type(found)
    return "FLOAT" if found["exact"] else "DOUBLE"


def _is_plain(found: Measures) -> bool:
    """Say whether all texts are numbers as DuckDB casts them, but for `1_000`, infinity and what may be codes."""
    if not found["present"] == found["numbers"] > 0 == found["odd"]:
        return False
    return not (found["whole"] and (found["zeros"] or max(-found["low"], found["high"]) > _DOUBLE_EXACT))


def _distinct(
    connection: DuckDBPyConnection, rows: str, texts: Sequence[_Raw], measured: Mapping[str, Measures]
) -> dict[str, TextColumn]:
    """Collect the distinct texts of each column, unless they are too many."""
    found = {}
    few = [raw for raw in texts if measured[raw.name]["different"] <= MAX_LEVELS]
    for number, several in enumerate(groups(few)):
        lists = ", ".join(f"list(DISTINCT {raw.sql}::VARCHAR) AS c{place}" for place, raw in enumerate(several))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE levels{number} AS SELECT {lists} FROM {rows}")
        for place, raw in enumerate(several):
            values = f"(SELECT unnest(c{place}) AS raw FROM levels{number})"
            found[raw.name] = TextColumn(raw.name, f"{raw.sql}::VARCHAR", values, is_distinct=True)
    many = [raw for raw in texts if raw.name not in found]
    if many:  # copied, since they are looked at several times
        columns = ", ".join(f"{raw.sql}::VARCHAR AS c{place}" for place, raw in enumerate(many))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE many AS SELECT {columns} FROM {rows}")
    for place, raw in enumerate(many):
        values = f"(SELECT c{place} AS raw FROM many)"
        found[raw.name] = TextColumn(raw.name, f"{raw.sql}::VARCHAR", values, is_distinct=False)
    return found


def _formats(
    connection: DuckDBPyConnection,
    scan: Scan,
    rows: str,
    texts: Sequence[_Raw],
    values: Mapping[str, TextColumn],
    measured: Mapping[str, Measures],
    known: TableFormat | None,
    options: ReadOptions,
) -> InferredFormats:
    """Return the format of every column of texts: the recorded one, or else one inferred from all rows."""
    recorded = {raw.name: known.of(raw.name) for raw in texts} if known is not None else {}
    formats = {name: found for name, found in recorded.items() if found is not None}
    new = [raw for raw in texts if raw.name not in formats]
    plain = [raw for raw in new if raw.name not in values]
    broken = [raw for raw in plain if not measured[raw.name]["whole"]]
    semicolon = scan.dialect is not None and scan.dialect.delimiter == ";"
    doubtful = _with_points_before_thousands(connection, rows, broken) if semicolon or len(plain) < len(new) else []
    decimals = {"."} if len(doubtful) < len(broken) else set()
    listed = [values[raw.name] for raw in new if raw.name in values]
    inferred = infer_formats(connection, rows, listed, options, decimals=decimals, decimal_comma=semicolon)
    comma = inferred.decimals == {","} or (not inferred.decimals and semicolon)
    thousands = {raw.name for raw in doubtful if comma}
    numbers = {raw.name: ColumnFormat(raw.name, "number", "," if raw.name in thousands else ".") for raw in plain}
    said = dict.fromkeys(thousands, "points read as thousands; --decimal . if they are decimal signs")
    if len(inferred.decimals) > 1:
        said |= {raw.name: "points read as decimal signs; --decimal , if they group thousands" for raw in doubtful}
    return InferredFormats(formats | inferred.formats | numbers, inferred.notes | said)


def _with_points_before_thousands(connection: DuckDBPyConnection, rows: str, numbers: Sequence[_Raw]) -> list[_Raw]:
    """Return the columns of plain numbers whose points may all stand before thousands, as in 12.345."""
    for source in (f"(SELECT * FROM {rows} LIMIT {_SAMPLE})", rows):
        asked = [{"grouped": f"bool_and({may_be_grouped(raw.sql)})"} for raw in numbers]
        answers = zip(numbers, _answers(connection, source, asked), strict=True)
        numbers = [raw for raw, found in answers if found["grouped"]]
    return list(numbers)


def _typed_plans(
    connection: DuckDBPyConnection,
    rows: str,
    texts: Sequence[_Raw],
    measured: Mapping[str, Measures],
    found: InferredFormats,
    missing: Sequence[str],
) -> dict[str, Plan]:
    """Plan the columns of texts that are numbers, dates, durations or truth values."""
    plans, asked = {}, {}
    for raw in texts:
        column = found.formats[raw.name]
        if column.kind == "number" and column.decimal == "." and _is_plain(measured[raw.name]):
            value = f"TRY_CAST({raw.sql} AS DOUBLE)"
            plans[raw.name] = _number_plan(raw.name, value, measured[raw.name])
        elif column.kind != "text":
            asked[raw.name] = _Parsed.of(raw, column, missing)
    for several in groups(list(asked.items())):
        # Each text is cleaned once and parsed once, though several aggregates ask for it.
        texts_of = ", ".join(f"{parsed.text} AS t{place}" for place, (_, parsed) in enumerate(several))
        values_of = ", ".join(
            f"{parsed.value_of(f't{place}')} AS v{place}" for place, (_, parsed) in enumerate(several)
        )
        source = f"(SELECT *, {values_of} FROM (SELECT {texts_of} FROM {rows}))"
        aggregates = [parsed.aggregates(f"t{place}", f"v{place}") for place, (_, parsed) in enumerate(several)]
        for (name, parsed), answers in zip(several, _answers(connection, source, aggregates), strict=True):
            plans[name] = parsed.plan(connection, rows, answers, found.notes.get(name, ""))
    return plans


@dataclass(frozen=True)
class _Parsed:
    """A column of texts that are parsed: its format, and the SQL of the cleaned text."""

    format: ColumnFormat
    text: str

    @classmethod
    def of(cls, raw: _Raw, column: ColumnFormat, missing: Sequence[str]) -> _Parsed:
        return cls(column, f"({cleaned(f'{raw.sql}::VARCHAR', column.marks(missing))})")

    def value_of(self, text: str) -> str:
        return value_of(text, self.format)

    def is_infinite(self, text: str, value: str) -> str:
        spelled = f"regexp_full_match({text}, {literal(INFINITE)})"
        return f"coalesce(isinf({value}) OR {spelled}, false)" if self.format.kind == "number" else "false"

    def is_misfit(self, text: str, value: str) -> str:
        return f"{text} IS NOT NULL AND {value} IS NULL AND NOT {self.is_infinite(text, value)}"

    def aggregates(self, text: str, value: str) -> dict[str, str]:
        misfits, infinite = self.is_misfit(text, value), self.is_infinite(text, value)
        counts = {"misfits": f"count_if({misfits})", "infinite": f"count_if({infinite})"}
        return counts if self.format.kind == "date" else counts | _of_numbers(finite(value))

    def plan(self, connection: DuckDBPyConnection, rows: str, found: Measures, note: str) -> Plan:
        name, kind, value = self.format.name, self.format.kind, self.value_of(self.text)
        notes = [note, _infinite(found), self._misfits(connection, rows, found["misfits"])]
        said = ", ".join(filter(None, notes))
        if kind == "date":
            plan = Plan(name, "date", value, in_query=f"make_timestamp({value})")
        elif kind == "boolean":
            stored = "TINYINT" if found["complete"] else "FLOAT"
            plan = Plan(name, "boolean", f"({value})::{stored}", in_query=f"({value}) = 1")
        else:
            plan = _number_plan(name, finite(value), found)
        return replace(plan, note=said, misfits=found["misfits"])

    def _misfits(self, connection: DuckDBPyConnection, rows: str, count: int) -> str:
        """Say how many values do not have the column's format, and name the first with its row."""
        if not count:
            return ""
        texts = f"SELECT {self.text} AS t, row_number() OVER () AS place FROM {rows}"
        values = f"SELECT *, {self.value_of('t')} AS v FROM ({texts})"
        first = f"SELECT t, place FROM ({values}) WHERE {self.is_misfit('t', 'v')} LIMIT 1"
        text, place = connection.execute(first).fetchall()[0]
        wanted = _WANTED[self.format.kind]
        shown = f"{shorten(text, 40, placeholder=' ...')!r}, row {place:,})"
        if count == 1:
            return f"1 value is no {wanted} ({shown}, taken as missing"
        return f"{count:,} values are no {wanted} (the first: {shown}, taken as missing"


def _text_plan(
    connection: DuckDBPyConnection,
    raw: _Raw,
    column: TextColumn,
    marks: Sequence[str],
    note: str,
    *,
    all_levels: bool,
) -> Plan:
    """Plan a column of texts: codes of categories, or of hashes if they are too many to keep."""
    text = f"({cleaned(column.sql, marks)})"
    if not all_levels and not column.is_distinct:  # NULL stays NULL in a sum, where hash alone gives it a value
        said = ", ".join(filter(None, [note, "too many different texts to keep"]))
        return Plan(raw.name, "text", f"hash({text}) + 0 * length({text})", said, in_query=text)
    values = column.values if column.is_distinct else column.values.replace("SELECT", "SELECT DISTINCT", 1)
    return replace(_coded(connection, raw.name, column.sql, values, marks, note), in_query=text)


def _coded(connection: DuckDBPyConnection, name: str, sql: str, values: str, marks: Sequence[str], note: str) -> Plan:
    """Create an enumeration of the unchanged texts, whose codes are fetched, and map each code to its category."""
    query = f"SELECT raw, {cleaned('raw', marks)} AS v FROM {values} WHERE raw IS NOT NULL ORDER BY raw"
    stand = connection.execute(query).fetchall()
    levels = tuple(sorted({text for _, text in stand if text is not None}))
    if not levels:
        return Plan(name, "text", "NULL::INTEGER", note)
    rank = {level: code for code, level in enumerate(levels)}
    recode = np.array([rank.get(text, -1) for _, text in stand], np.int32)
    type_name = f"texts{connection.execute('SELECT count(*) FROM duckdb_types() WHERE NOT internal').fetchall()[0][0]}"
    coded = Plan(
        name,
        "text",
        f"enum_code(({sql})::{type_name})",
        note,
        levels=levels,
        recode=recode,
        texts=tuple(raw for raw, _ in stand),
        type_name=type_name,
    )
    name_texts(connection, coded)
    return coded


def name_texts(connection: DuckDBPyConnection, plan: Plan) -> None:
    """Create the enumeration that a plan's SQL refers to; only the planner's connection has it already."""
    if plan.type_name:
        # A statement with that many literals would be slow to parse, and CREATE TYPE takes no parameters.
        connection.register("texts", {"raw": np.array(plan.texts, object)})
        connection.execute(f"CREATE TYPE {plan.type_name} AS ENUM (SELECT raw FROM texts)")
        connection.unregister("texts")


def _column(plan: Plan, fetched: Array) -> Column:
    """Convert the fetched array to the form of its kind."""
    if plan.kind == "date":
        values = np.ma.filled(fetched, np.iinfo(np.int64).min).view("datetime64[us]")
    elif plan.kind == "text":
        values = _codes(fetched, plan)
    else:
        values = np.ma.filled(fetched, np.nan) if np.ma.isMaskedArray(fetched) else fetched
    return Column(plan.name, plan.kind, values, plan.levels, plan.note, plan.misfits)


def _codes(fetched: Array, plan: Plan) -> Array:
    """Return int32 codes, -1 for missing, from an enumeration's codes or from the hashes of texts that are not kept."""
    missing, fetched = np.ma.getmaskarray(fetched), np.ma.getdata(fetched)
    codes = np.full(len(fetched), -1, np.int32)
    present = fetched[~missing]
    codes[~missing] = np.unique(present, return_inverse=True)[1] if plan.recode is None else plan.recode[present]
    return codes
