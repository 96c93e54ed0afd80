"""Infer from all rows whether the texts of a column are numbers, dates, durations, truth values, or texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from chainrule.table.reading.csv.dialect import is_typed
from chainrule.table.reading.parse import (
    ORDERS,
    UNIT,
    cleaned,
    date,
    duration,
    may_be_grouped,
    number_pattern,
    plain_number,
    truth,
    unit_of,
    value_of,
)
from chainrule.table.reading.sql import literal
from chainrule.table.table_format import MARKS_AMONG_NUMBERS, MISSING_MARKS, ColumnFormat, ReadOptions

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Item = TypeVar("Item")

MAX_LEVELS = 100_000  # of text with more distinct values only codes are kept: the texts would fill the memory
COLUMNS_AT_ONCE = 100  # a query over all columns of a wide table takes time like the square of their number
NEARLY_ALL = 0.99  # of the rows: the others are then counted and taken as missing
LEAST_ROWS, LEAST_NUMBERS = 20, 10  # below, one odd value among numbers makes a column text
_SAMPLE = 1000  # values that decide which formats are tried on all of them
_EXACT = 2.0**53  # whole numbers up to here are exact as float64
INFINITE = r"(?i:[-+]?inf(inity)?)"
AMBIGUOUS = {"NA": "[A-Z]{2,3}", "-": r"\+", "None": "[A-Z][a-z]+( [A-Za-z]+)*"}  # a class among others like these


@dataclass(frozen=True)
class TextColumn:
    """A column of texts that has to be understood.

    Parameters
    ----------
    name : str
    sql : str
        Its values in the scan.
    values : str
        SQL for its distinct values, or for all of them if there are too many, in a column `raw`.
    is_distinct : bool
    """

    name: str
    sql: str
    values: str
    is_distinct: bool


@dataclass(frozen=True)
class InferredFormats:
    """The formats of columns of texts, with notes about them, and the decimal signs that they show."""

    formats: dict[str, ColumnFormat]
    notes: dict[str, str] = field(default_factory=dict)
    decimals: frozenset[str] = frozenset()


def infer_formats(
    connection: DuckDBPyConnection,
    scan: str,
    columns: Sequence[TextColumn],
    options: ReadOptions,
    *,
    decimals: set[str] | None = None,
    decimal_comma: bool = False,
) -> InferredFormats:
    """Infer the format of each column of texts.

    A column is read as numbers, dates, durations or truth values if all of its values are, or all but one in a hundred
    rows. Where numbers or dates can be read in two ways, the other columns decide, then the order of the rows.

    Parameters
    ----------
    connection : DuckDBPyConnection
    scan : str
        What to select from.
    columns : sequence of TextColumn
    options : ReadOptions
    decimals : set of str, optional
        The decimal signs that other columns of the table show.
    decimal_comma : bool, default False
        Whether a number such as 1,234 has a decimal comma if nothing else decides.
    """
    guesses = {column.name: _Guess.of(connection, scan, column, options) for column in columns}
    decided = [guess for guess in guesses.values() if not guess.is_ambiguous]
    decimals = (decimals or set()) | {guess.format.decimal for guess in decided if guess.has_decimals}
    orders = {guess.format.order for guess in decided if guess.format.kind == "date"} & {"dmy", "mdy"}
    comma = decimals == {","} if decimals else decimal_comma
    formats, notes = {}, {}
    for name, guess in guesses.items():
        settled = guess.settled(connection, scan, comma, orders)
        formats[name] = settled.format
        if settled.note:
            notes[name] = settled.note
    typed = [column for column in columns if formats[column.name].kind != "text"]
    texts = [column for column in columns if formats[column.name].kind == "text" and column.is_distinct]
    missing = options.missing if options.missing is not None else MISSING_MARKS
    for column in texts:
        kept = _marks_that_are_values(connection, column, typed, missing)
        if kept:
            formats[column.name] = replace(formats[column.name], values=kept)
            marks = ", ".join(map(repr, kept))
            notes[column.name] = f"{marks} taken as a value, not as missing"
    return InferredFormats(formats, notes, frozenset(decimals))


def _one(connection: DuckDBPyConnection, query: str) -> Any:
    """Return the only row of a query, 0 for what no row has."""
    return [0 if value is None else value for value in connection.execute(query).fetchall()[0]]


@dataclass(frozen=True)
class _Guess:
    """The format that a column's values suggest; ambiguous if they can be read in two ways."""

    column: TextColumn
    format: ColumnFormat
    note: str = ""
    is_ambiguous: bool = False
    has_decimals: bool = False  # whether its numbers show which decimal sign the table has
    mixed: str = ""  # what to say if too many values do not have the format

    @classmethod
    def of(cls, connection: DuckDBPyConnection, scan: str, column: TextColumn, options: ReadOptions) -> _Guess:
        missing = options.missing if options.missing is not None else MISSING_MARKS
        text = ColumnFormat(column.name, "text")
        values = f"(SELECT {cleaned('raw', (*missing, *MARKS_AMONG_NUMBERS))} AS v FROM {column.values})"
        asked = column.name in options.numeric
        if not asked and (codes := _codes(connection, values)):
            return cls(column, text, codes)
        if options.decimal != "," and (plain := cls._plain(connection, column, values)) is not None:
            return plain
        some = f"(SELECT v FROM {values} WHERE v IS NOT NULL LIMIT {_SAMPLE})"
        seen = [text for (text,) in connection.execute(f"SELECT v FROM {some}").fetchall()]
        if not asked and sum(map(_may_be_typed, seen)) * 2 < len(seen):
            return cls(column, text)
        sample = _Counts.of(connection, some, list(_TESTS))
        likely = [name for name in _TESTS if sample.counts[name] >= (1 if asked else sample.present / 2)]
        if asked:
            likely = [name for name in likely if name.startswith("number")]
        if not likely or not sample.present:
            return cls(column, text, note=_several_formats(sample))
        counts = _Counts.of(connection, values, likely)
        best = max(likely, key=lambda name: counts.counts[name])
        if best in ORDERS and counts.present > counts.counts.get("dmy", 0) == counts.counts.get("mdy", -1) > 0:
            return cls(column, text, "dates in several formats, taken as text")
        found = [name for name in likely if counts.counts[name] == counts.counts[best]]
        guess = cls._chosen(connection, column, values, found, options)
        if guess is None or guess.format.kind == "text":
            return guess or cls(column, text)
        fitting = counts.counts[best]
        if guess.format.kind == "number":  # of its unit
            fitting = _one(connection, f"SELECT count({_fits('v', guess.format)}) FROM {values}")[0]
        bad = counts.present - fitting
        if not bad:
            return guess
        if not asked and (bad > counts.present / 10 or fitting < LEAST_NUMBERS):
            return cls(column, text, note=_several_formats(sample) or guess.mixed)
        rows = f"(SELECT {cleaned(column.sql, guess.format.marks(missing))} AS v FROM {scan})"
        present, good = _one(connection, f"SELECT count(v), count({_fits('v', guess.format)}) FROM {rows}")
        if asked or (present - good <= max(1, (1 - NEARLY_ALL) * present) and present >= LEAST_ROWS):
            return guess
        return cls(column, text, note=_several_formats(sample) or guess.mixed)

    @classmethod
    def _plain(cls, connection: DuckDBPyConnection, column: TextColumn, values: str) -> _Guess | None:
        """Return the guess for a column of plain numbers that may be missing or infinite; None if it has others."""
        number, infinite = plain_number("v"), f"regexp_full_match(v, {literal(INFINITE)})"
        asked = f"count(v), count({number}), count_if({infinite}), count_if(contains(v, '.')), max(abs({number}))"
        grouped = f"bool_and({may_be_grouped('v')})"
        present, plain, endless, points, largest, may_be_thousands = _one(
            connection, f"SELECT {asked}, {grouped} FROM {values}"
        )
        if not present or plain + endless < present or largest > _EXACT or (points and may_be_thousands):
            return None
        return cls(column, ColumnFormat(column.name, "number"), has_decimals=bool(points))

    @classmethod
    def _chosen(
        cls, connection: DuckDBPyConnection, column: TextColumn, values: str, found: list[str], options: ReadOptions
    ) -> _Guess | None:
        """Choose among the formats that fit the most values."""
        if any(name.startswith("number") for name in found):
            return cls._number(connection, column, values, found, options)
        if found[0] in ORDERS:
            if _one(connection, f"SELECT count(v) > 1 AND bool_and(coalesce({_SEASON}, false)) FROM {values}")[0]:
                return cls(column, ColumnFormat(column.name, "text"), "seasons such as 2006-07, taken as text")
            order = options.date_format or found[0]
            both = {"dmy", "mdy"} <= set(found) and options.date_format is None
            differ = (
                both and _one(connection, f"SELECT count_if({date('v', 'dmy')} != {date('v', 'mdy')}) FROM {values}")[0]
            )
            return cls(column, ColumnFormat(column.name, "date", order=order), is_ambiguous=bool(differ))
        if found[0] == "boolean":
            return cls(column, ColumnFormat(column.name, "boolean"))
        return cls(column, ColumnFormat(column.name, "duration"), "times read as seconds")

    @classmethod
    def _number(
        cls, connection: DuckDBPyConnection, column: TextColumn, values: str, found: list[str], options: ReadOptions
    ) -> _Guess | None:
        readings, mixed = [], ""
        for decimal in (".", ","):
            if f"number{decimal}" in found and options.decimal in (None, decimal):
                unit = _unit_of(connection, values, decimal)
                if unit == "%":
                    without = _one(connection, f"SELECT count({plain_number('v')}) FROM {values}")[0]
                    unit = "" if without > _with_sign(connection, values) else unit
                    mixed = "numbers with and without %, taken as text" if without else ""
                if unit is not None:
                    readings.append(ColumnFormat(column.name, "number", decimal, unit))
        if not readings:
            return None
        if readings[0].decimal == "," and _are_dotted(connection, values):
            return cls(column, ColumnFormat(column.name, "text"), "numbers between points, taken as codes")
        point = value_of("v", readings[0])
        largest = _one(connection, f"SELECT max(abs(v)) FILTER (v = trunc(v)) FROM (SELECT {point} AS v FROM {values})")
        if largest[0] > _EXACT and readings[0].decimal == ".":
            digits = _one(connection, f"SELECT count_if(regexp_full_match(v, '[-+]?\\d{{16,}}')) FROM {values}")[0]
            if digits and column.name not in options.numeric:
                return cls(column, ColumnFormat(column.name, "text"), "whole numbers beyond 2^53: taken as codes")
        plain = _one(connection, f"SELECT count({point}) <= count({plain_number('v')}) FROM {values}")[0]
        note = "" if plain else "numbers stored as text"
        if len(readings) == 1:
            signs = _one(connection, f"SELECT count_if(contains(v, {literal(readings[0].decimal)})) FROM {values}")[0]
            shows = bool(signs) and not (plain and readings[0].decimal == ",")
            return cls(column, readings[0], note, has_decimals=shows, mixed=mixed)
        comma = value_of("v", readings[1])
        differ = _one(connection, f"SELECT count_if({point} != {comma}) FROM {values}")[0]
        return cls(column, readings[0], note, is_ambiguous=bool(differ), mixed=mixed)

    def settled(self, connection: DuckDBPyConnection, scan: str, comma: bool, orders: set[str]) -> _Guess:
        """Decide between two readings."""
        if not self.is_ambiguous:
            return self
        if self.format.kind == "number":
            sign, other = (",", ".") if comma else (".", ",")
            example = self._example(connection, "contains(raw, ',') OR contains(raw, '.')")
            note = f"{example!r} read with {sign!r} as the decimal sign; --decimal {other!r} if it is not"
            return replace(self, format=replace(self.format, decimal=sign), note=note)
        order, reason = _order_of_dates(connection, scan, self.column, orders)
        example = self._example(connection, f"{date('raw', 'dmy')} != {date('raw', 'mdy')}")
        first, other = ("day", "mdy") if order == "dmy" else ("month", "dmy")
        note = f"dates read {first} first{reason}: {example!r}; --date-format {other} if they are not"
        return replace(self, format=replace(self.format, order=order), note=note)

    def _example(self, connection: DuckDBPyConnection, where: str) -> Any:
        return _one(connection, f"SELECT min(raw) FROM {self.column.values} WHERE {where}")[0]


def _may_be_typed(text: str) -> bool:
    """Say whether a text may be anything else, without asking for its format."""
    return any(character.isdigit() for character in text) or is_typed(text)


_ZEROS = r"[-+]?0\d+"
_SEASON = (
    "regexp_full_match(v, '\\d{4}[-/]\\d{2}') AND TRY_CAST(v[6:7] AS INTEGER) = (TRY_CAST(v[1:4] AS INTEGER) + 1) % 100"
)


def _codes(connection: DuckDBPyConnection, values: str) -> str:
    """Say why whole numbers are codes: some begin with zeros, which numbers would lose; "" if none does."""
    fits, begins = "regexp_full_match(v, '[-+]?\\d+')", f"regexp_full_match(v, {literal(_ZEROS)})"
    asked = f"SELECT count(v), count_if({fits}), count_if({begins}) FROM {values}"
    present, whole, zeros = _one(connection, asked)
    return "whole numbers with leading zeros: taken as codes" if zeros and whole == present else ""


def _with_sign(connection: DuckDBPyConnection, values: str) -> int:
    """Count the values with a per cent sign."""
    return int(_one(connection, f"SELECT count_if(contains(v, '%')) FROM {values}")[0])


def _are_dotted(connection: DuckDBPyConnection, values: str) -> bool:
    """Say whether all values have the same number of points, two or more, as addresses on the net have."""
    points = "length(v) - length(replace(v, '.', ''))"
    commas, least, most = _one(
        connection, f"SELECT count_if(contains(v, ',')), min({points}), max({points}) FROM {values} WHERE v IS NOT NULL"
    )
    return not commas and least == most >= 2


_TESTS = {
    "number.": f"CASE WHEN regexp_full_match(v, {literal(number_pattern('.', UNIT))}) OR "
    f"regexp_full_match(v, {literal(INFINITE)}) THEN 1 END",
    "number,": f"CASE WHEN regexp_full_match(v, {literal(number_pattern(',', UNIT))}) OR "
    f"regexp_full_match(v, {literal(INFINITE)}) THEN 1 END",
    "boolean": truth("v"),
    **{order: date("v", order) for order in ORDERS},
    "duration": duration("v"),
}


@dataclass(frozen=True)
class _Counts:
    """How many values there are, and how many of them each test accepts."""

    present: int
    counts: dict[str, int]

    @classmethod
    def of(cls, connection: DuckDBPyConnection, values: str, tests: list[str]) -> _Counts:
        asked = ", ".join(f"count({_TESTS[name]})" for name in tests)
        present, *found = _one(connection, f"SELECT count(v), {asked} FROM {values}")
        return cls(present, dict(zip(tests, found, strict=True)))


def _several_formats(counts: _Counts) -> str:
    """Say that a column holds dates in several formats, which are then texts."""
    dates = sum(counts.counts[order] > 0 for order in ORDERS)
    total = counts.counts["ymd"] + max(counts.counts["dmy"], counts.counts["mdy"])
    return "dates in several formats, taken as text" if dates > 1 and total == counts.present else ""


def _fits(text: str, column: ColumnFormat) -> str:
    """Return the SQL that is not NULL where a cleaned text has the format of its column."""
    value = value_of(text, column)
    if column.kind != "number":
        return value
    return f"coalesce({value}, CASE WHEN regexp_full_match({text}, {literal(INFINITE)}) THEN 0 END)"


def _unit_of(connection: DuckDBPyConnection, values: str, decimal: str) -> str | None:
    """Return the unit of all numbers, "" for none; None if there are several."""
    fits = f"regexp_full_match(v, {literal(number_pattern(decimal, UNIT))}) AND {plain_number('v')} IS NULL"
    found = f"SELECT DISTINCT {unit_of('v')} AS unit FROM {values} WHERE {fits}"
    listed = [unit for (unit,) in connection.execute(f"SELECT unit FROM ({found}) WHERE unit != '' LIMIT 2").fetchall()]
    return None if len(listed) > 1 or not all(re.fullmatch(UNIT, unit) for unit in listed) else "".join(listed)


def _order_of_dates(connection: DuckDBPyConnection, scan: str, column: TextColumn, orders: set[str]) -> tuple[str, str]:
    """Decide whether day or month comes first in dates that can be read both ways; return it with the reason."""
    if len(orders) == 1:
        return next(iter(orders)), ", like the other dates"
    text = cleaned(column.sql, MISSING_MARKS)
    rows = ", ".join(f"{date(text, order)} AS {order}" for order in ("dmy", "mdy"))
    steps = ", ".join(f"{order} - lag({order}) OVER () AS {order}_step" for order in ("dmy", "mdy"))
    asked = ", ".join(
        f"least(count_if({order}_step < 0), count_if({order}_step > 0)), "
        f"count(DISTINCT extract('day' FROM make_timestamp({order}))), "
        f"count(DISTINCT extract('month' FROM make_timestamp({order})))"
        for order in ("dmy", "mdy")
    )
    found = _one(connection, f"SELECT {asked} FROM (SELECT *, {steps} FROM (SELECT {rows} FROM {scan}))")
    day_first, month_first = found[:3], found[3:]
    for order, one, other in (("dmy", day_first, month_first), ("mdy", month_first, day_first)):
        if one[0] == 0 < other[0]:
            return order, ", in which order the rows are sorted"
    for order, one in (("dmy", day_first), ("mdy", month_first)):
        if one[1] == 1 < one[2]:
            return order, ", the same day of every month"
    slashes = _one(connection, f"SELECT count_if(contains(raw, '/')) > 0 FROM {column.values}")[0]
    return ("mdy" if slashes else "dmy"), ", which they do not show"


def _marks_that_are_values(
    connection: DuckDBPyConnection, column: TextColumn, typed: Sequence[TextColumn], missing: Sequence[str]
) -> tuple[str, ...]:
    """Return the marks that stand among texts of their own kind: NA among EU and AS, - beside +."""
    kept = []
    for mark, alike in AMBIGUOUS.items():
        if mark not in missing:
            continue
        others = cleaned("raw", missing)
        asked = (
            f"SELECT count_if(trim(raw) = {literal(mark)}), count({others}), "
            f"count_if(regexp_full_match({others}, {literal(alike)})) FROM {column.values}"
        )
        found, present, similar = _one(connection, asked)
        enough = similar > 0 if mark == "-" else similar == present > 0
        if found and enough and not any(_has(connection, other, mark) for other in typed):
            kept.append(mark)
    return tuple(kept)


def _has(connection: DuckDBPyConnection, column: TextColumn, mark: str) -> bool:
    return bool(_one(connection, f"SELECT count_if(trim(raw) = {literal(mark)}) FROM {column.values}")[0])


def groups(names: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield some columns at a time."""
    return (names[start : start + COLUMNS_AT_ONCE] for start in range(0, len(names), COLUMNS_AT_ONCE))
