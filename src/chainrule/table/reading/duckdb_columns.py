"""Typed columns from anything that DuckDB can scan, in three passes that never hold the table twice.

The first pass measures every column, the second collects the categories of text columns, the third streams each column
into the narrowest array that holds it without loss. Rows never become Python objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.network.types import Array
from chainrule.table.columns import Column, Kind
from chainrule.table.reading.sql import clean, finite, identifier, number

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_LEVELS = 100_000  # of text with more distinct values only codes are kept: the texts would fill the memory

_INTEGERS = {"UTINYINT": (0, 2**8), "TINYINT": (-(2**7), 2**7), "SMALLINT": (-(2**15), 2**15)}
_INTEGERS |= {"INTEGER": (-(2**31), 2**31), "BIGINT": (-(2**63), 2**63)}
_FLOAT_EXACT = 2**24  # every whole number up to here is a float32


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

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Plan:
        """Return the plan with the fields of a record of plain JSON data."""
        recode = None if record["recode"] is None else np.array(record["recode"], np.int32)
        texts = {name: tuple(record[name]) for name in ("levels", "texts")}
        return cls(**record | texts | {"recode": recode})


def load(connection: DuckDBPyConnection, scan: str) -> tuple[Column, ...]:
    """Read the result of `SELECT * FROM scan`, in order.

    Parameters
    ----------
    connection : DuckDBPyConnection
    scan : str
        A table name or function call to put after FROM. It is scanned up to three times, so it must give the same rows
        each time.

    Returns
    -------
    tuple of Column
        Without rows if the scan has none.

    Raises
    ------
    duckdb.Error
        If anything goes wrong while scanning; the caller knows the source and words the message.
    """
    return fetch(connection, scan, planned(connection, scan))


def planned(connection: DuckDBPyConnection, scan: str) -> list[Plan]:
    """Run the first two passes: decide how each column is fetched."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
    names = [row[0] for row in described]
    families = [_family(row[1]) for row in described]
    measures = _measure(connection, scan, names, families)
    plans = [_plan(*column) for column in zip(names, families, measures, strict=True)]
    return _with_levels(connection, scan, plans)


def fetch(connection: DuckDBPyConnection, scan: str, plans: list[Plan]) -> tuple[Column, ...]:
    """Run the third pass over a planned scan, or over some of its rows."""
    selected = ", ".join(f"{plan.sql} AS c{place}" for place, plan in enumerate(plans))
    fetched = connection.execute(f"SELECT {selected} FROM {scan}").fetchnumpy()
    return tuple(_column(plan, fetched.pop(f"c{place}")) for place, plan in enumerate(plans))


def _family(sql_type: str) -> str:
    """Map DuckDB's types to the five families; every other type is text."""
    if sql_type == "BOOLEAN":
        return "boolean"
    if sql_type.endswith(("INT", "INTEGER")):
        return "integer"
    if sql_type in {"FLOAT", "DOUBLE"} or sql_type.startswith("DECIMAL"):
        return "float"
    if sql_type == "DATE" or sql_type.startswith("TIMESTAMP"):
        return "date"
    return "text"


def _measure(connection: DuckDBPyConnection, scan: str, names: list[str], families: list[str]) -> list[dict[str, Any]]:
    """Run the first pass: compute for every column the aggregates that its plan depends on."""
    asked = [_aggregates(name, family) for name, family in zip(names, families, strict=True)]
    selected = ", ".join(sql for aggregates in asked for sql in aggregates.values())
    answers = iter(connection.execute(f"SELECT {selected} FROM {scan}").fetchall()[0])
    return [{name: next(answers) for name in aggregates} for aggregates in asked]


def _aggregates(name: str, family: str) -> dict[str, str]:
    """Return name and SQL of the aggregates for a column of this family."""
    column = identifier(name)
    if family == "text":
        return {"different": f"approx_count_distinct({column})"}
    if family == "float":
        value = finite(column)  # bool_and ignores NULL, and a value too large for a FLOAT becomes NULL: hence coalesce
        exact = f"bool_and(coalesce(TRY_CAST({value} AS FLOAT)::DOUBLE = {value}, {value} IS NULL))"
        return {"exact": exact, "infinite": f"count_if(isinf({column}::DOUBLE))"}
    complete = {"complete": f"count({column}) = count(*)"}
    return complete | ({"low": f"min({column})", "high": f"max({column})"} if family == "integer" else {})


def _plan(name: str, family: str, found: dict[str, Any]) -> Plan:
    """Decide how to fetch a column from what the first pass found; the second pass looks at text again."""
    column = identifier(name)
    if family == "text":
        too_many = found["different"] > MAX_LEVELS
        return Plan(name, "text", f"{column}::VARCHAR", "too many different texts to keep" if too_many else "")
    if family == "integer":
        return Plan(name, "number", f"{column}::{_integer_type(found)}")
    if family == "float":
        note = f"{found['infinite']:,} infinite, taken as missing" if found["infinite"] else ""
        return Plan(name, "number", f"({finite(column)})::{'FLOAT' if found['exact'] else 'DOUBLE'}", note)
    if family == "date":
        return Plan(name, "date", f"epoch_us({column})")
    return Plan(name, "boolean", f"{column}::{'TINYINT' if found['complete'] else 'FLOAT'}")


def _integer_type(found: dict[str, Any]) -> str:
    """Return the narrowest SQL type that holds a column of whole numbers; a float if some are missing."""
    low, high = found["low"] or 0, found["high"] or 0
    if not found["complete"]:
        return "FLOAT" if max(-low, high) <= _FLOAT_EXACT else "DOUBLE"
    return next((name for name, (least, end) in _INTEGERS.items() if least <= low and high < end), "DOUBLE")


def _with_levels(connection: DuckDBPyConnection, scan: str, plans: list[Plan]) -> list[Plan]:
    """Run the second pass: collect the distinct texts of every text column, and plan it by what they are."""
    texts = {f"c{place}": plan for place, plan in enumerate(plans) if plan.kind == "text"}
    few = [f"list(DISTINCT {plan.sql}) AS {key}" for key, plan in texts.items() if not plan.note]
    if few:
        connection.execute(f"CREATE TEMP TABLE levels AS SELECT {', '.join(few)} FROM {scan}")
    for key, plan in texts.items():
        values = f"SELECT {plan.sql} AS raw FROM {scan}" if plan.note else f"SELECT unnest({key}) AS raw FROM levels"
        texts[key] = _plan_text(connection, plan, key, f"(SELECT raw, {clean('raw')} AS v FROM ({values}))")
    return [texts.get(f"c{place}", plan) for place, plan in enumerate(plans)]


def _plan_text(connection: DuckDBPyConnection, plan: Plan, key: str, values: str) -> Plan:
    """Decide what a text column really is: numbers, truth values or dates stored as text, or text."""
    tests = (number("v"), "CASE WHEN lower(v) IN ('true', 'false') THEN v END", "TRY_CAST(v AS TIMESTAMP)")
    counts = ", ".join(f"count({sql})" for sql in ("v", *tests, finite(number("v"))))
    present, numbers, booleans, dates, in_range = connection.execute(f"SELECT {counts} FROM {values}").fetchall()[0]
    text = f"({clean(plan.sql)})"
    if present == 0:
        return Plan(plan.name, "text", "NULL::INTEGER")
    if numbers == present:
        note = "numbers stored as text" + ("" if in_range == numbers else ", too large ones taken as missing")
        return Plan(plan.name, "number", finite(number(text)), note)
    if booleans == present:
        return Plan(plan.name, "boolean", f"(lower({text}) = 'true')::FLOAT")
    if dates == present:
        return Plan(plan.name, "date", f"epoch_us(TRY_CAST({text} AS TIMESTAMP))", "dates stored as text")
    if plan.note:  # NULL stays NULL in a sum, where hash alone gives it a value
        return Plan(plan.name, "text", f"hash({text}) + 0 * length({text})", plan.note)
    return _coded(connection, plan, key, values)


def _coded(connection: DuckDBPyConnection, plan: Plan, key: str, values: str) -> Plan:
    """Create an enumeration of the unchanged texts, whose codes are fetched, and map each code to its category."""
    stand = connection.execute(f"SELECT raw, v FROM {values} WHERE raw IS NOT NULL ORDER BY raw").fetchall()
    levels = tuple(sorted({text for _, text in stand if text is not None}))
    rank = {level: code for code, level in enumerate(levels)}
    recode = np.array([rank.get(text, -1) for _, text in stand], np.int32)
    name = f"{key}_texts"
    coded = Plan(
        plan.name,
        "text",
        f"enum_code({plan.sql}::{name})",
        levels=levels,
        recode=recode,
        texts=tuple(raw for raw, _ in stand),
        type_name=name,
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
    return Column(plan.name, plan.kind, values, plan.levels, plan.note)


def _codes(fetched: Array, plan: Plan) -> Array:
    """Return int32 codes, -1 for missing, from an enumeration's codes or from the hashes of texts that are not kept."""
    missing, fetched = np.ma.getmaskarray(fetched), np.ma.getdata(fetched)
    codes = np.full(len(fetched), -1, np.int32)
    present = fetched[~missing]
    codes[~missing] = np.unique(present, return_inverse=True)[1] if plan.recode is None else plan.recode[present]
    return codes
