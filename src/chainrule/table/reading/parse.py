"""SQL that turns texts into values: numbers, dates, durations, truth values; NULL where a text is none.

The SQL depends on the recorded format alone, never on the other rows, so that a text always means the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chainrule.table.reading.sql import literal
from chainrule.table.table_format import ColumnFormat

_BLANKS = " \t\r\n\u00a0\u202f"
_GROUPS = {".": r"[1-9]\d{0,2}(?:,\d{3})+", ",": r"[1-9]\d{0,2}(?:\.\d{3})+"}
_GROUPS_BY_BLANK = r"|[1-9]\d{0,2}(?:[ \x{a0}\x{202f}\x{2009}]\d{3})+|[1-9]\d{0,2}(?:['\x{2019}]\d{3})+"
_PLAIN = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
CURRENCIES = r"[$€£¥₹]|USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|RUB|KRW|TRY|SGD|HKD"
MEASURES = (
    r"%|‰|°|°C|°F|kg|mg|lbs?|km|cm|mm|mi|ft|km/h|kph|mph|kmpl|mpg|ms|sec|min|hrs?|[kMGT]B|[kM]?Wh|[kM]W|[kMG]?Hz|Nm|"
    r"bhp|hp|ml|cc|CC"
)
_SHORT_MEASURES = "[gmlsh]"  # only apart from the number
UNIT = f"{CURRENCIES}|{MEASURES}|{_SHORT_MEASURES}"  # the units that are recognised
_SIGNS = r"[-+\x{2212}]?"
_NEGATIVE = r"^[(\x{2212}]"
_EXPONENT = r"[0-9][eE][-+]?[0-9]+"
_AROUND_UNITS = r"[-+0-9.,'()\s\x{2212}\x{a0}\x{202f}\x{2009}\x{2019}]"
_NO_PART = r"[^0-9eE.,+-]"

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_PART = {"y": r"(\d{4}|\d{2})", "m": rf"(\d{{1,2}}|{_NAMED_MONTH})", "d": r"(\d{1,2})(?:st|nd|rd|th)?"}
_BETWEEN = r"(?:[-/.]|,?\s+)"
_TIME = r"(?:(?:[tT]|,?\s+)(\d{1,2}):(\d{2})(?::(\d{2}(?:[.,]\d+)?))?\s*(?:([ap])\.?m\.?)?)?"
_ZONE = r"\s*(z|utc|gmt|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
_CLOCK = r"(-)?(?:(\d+)\s*d(?:ays?)?[,\s]+)?(\d{1,4}):(\d{2})(?::(\d{2}(?:\.\d+)?))?\s*(?:([ap])\.?m\.?)?"
ORDERS = ("ymd", "dmy", "mdy")


def cleaned(text: str, marks: Sequence[str]) -> str:
    """Return the SQL for a text without the blanks around it, NULL where it marks a missing value."""
    trimmed = f"trim({text}, {literal(_BLANKS)})"
    # Not `IN`: DuckDB turns a long one into a hash join, and a join on several threads reorders the rows.
    is_mark = f"regexp_full_match({trimmed}, {literal('|'.join(map(re.escape, ('', *marks))))})"
    return f"CASE WHEN NOT {is_mark} THEN {trimmed} END"


def value_of(text: str, column: ColumnFormat) -> str:
    """Return the SQL for the value of a cleaned text: a DOUBLE, microseconds since 1970 for dates, or the text."""
    if column.kind == "number":
        return number(text, column.decimal, column.unit)
    if column.kind == "date":
        return date(text, column.order)
    if column.kind == "duration":
        return duration(text)
    return truth(text) if column.kind == "boolean" else text


def plain_number(text: str) -> str:
    """Return the SQL for a number without thousands and units, with a decimal point: faster than `number`."""
    return f"CASE WHEN regexp_full_match({text}, {literal(_PLAIN)}) THEN TRY_CAST({text} AS DOUBLE) END"


def may_be_grouped(text: str) -> str:
    """Return the SQL for whether the points of a plain number may stand before thousands."""
    pattern = literal(rf"\s*[-+]?(?:\d+|{_GROUPS[',']})\s*")
    return f"regexp_full_match({text}, {pattern})"


def number_pattern(decimal: str, unit: str) -> str:
    """Return the pattern of a number, as a regular expression with the unit before and after it in groups.

    Parameters
    ----------
    decimal : {".", ","}
    unit : str
        The pattern of the unit, `UNIT` for any.
    """
    point = re.escape(decimal)
    whole = rf"(?:\d+|{_GROUPS[decimal]}{_GROUPS_BY_BLANK})"
    digits = rf"(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?"
    if unit == UNIT:
        before, after = rf"({CURRENCIES})?\s?", rf"(?:\s?({CURRENCIES}|{MEASURES})|\s({_SHORT_MEASURES}))?"
    else:
        before, after = (rf"({unit})?\s?", rf"\s?({unit})?()") if unit else ("()", "()()")
        if unit == "%":  # 0.5 and 50% are no numbers of one scale: all have the sign
            before, after = "()", r"\s?(%)()"
    return rf"{_SIGNS}{before}{_SIGNS}{digits}{after}|\({before}{digits}{after}\)"


def unit_of(text: str) -> str:
    """Return the SQL for what a text that fits `number_pattern` has beside the number."""
    without_exponent = f"regexp_replace({text}, {literal(_EXPONENT)}, '', 'g')"
    return f"regexp_replace({without_exponent}, {literal(_AROUND_UNITS)}, '', 'g')"


def number(text: str, decimal: str, unit: str) -> str:
    """Return the SQL for the number that a text spells.

    Thousands may be grouped, a unit may stand before or after it, and parentheses mean a negative number: "$1,234.50",
    "12 %", "(5)", and with a decimal comma "12.345,10".
    """
    bare = f"replace({text}, {literal(unit)}, '')" if unit else text
    bare = f"regexp_replace({bare}, {literal(_NO_PART)}, '', 'g')"
    bare = f"replace({bare}, ',', '')" if decimal == "." else f"replace(replace({bare}, '.', ''), ',', '.')"
    negative = f"regexp_matches({text}, {literal(_NEGATIVE)})"
    value = f"TRY_CAST({bare} AS DOUBLE) * CASE WHEN {negative} THEN -1 ELSE 1 END"
    fits = f"regexp_full_match({text}, {literal(number_pattern(decimal, re.escape(unit)))})"
    slow = f"CASE WHEN {fits} THEN {value} END"
    return f"coalesce({plain_number(text)}, {slow})" if decimal == "." and unit != "%" else slow


def date(text: str, order: str) -> str:
    """Return the SQL for the microseconds from 1970 to a date, in UTC if it names a zone.

    Parameters
    ----------
    text : str
    order : str
        "ymd", "dmy", "mdy", or a format of strptime.
    """
    if order not in ORDERS:
        return f"epoch_us(try_strptime({text}, {literal(order)})::TIMESTAMP)"
    names = [*order, "h", "mi", "s", "p", "z"]
    pattern = literal(f"^(?i:{_date_pattern(order)})$")
    parts = f"regexp_extract({text}, {pattern}, [{', '.join(map(literal, names))}])"
    return f"list_transform([{parts}], lambda p: {_microseconds('p')})[1]"


def _date_pattern(order: str) -> str:
    parts = [_PART[part] for part in order]
    if order == "ymd":
        parts[0] = r"(\d{4})"  # two digits at the beginning are a day or a month
        return rf"{parts[0]}(?:{_BETWEEN}){parts[1]}(?:(?:{_BETWEEN}){parts[2]})?{_TIME}{_ZONE}"
    return _BETWEEN.join(parts) + _TIME + _ZONE


def _microseconds(parts: str) -> str:
    """Return the SQL for the time that the parts of a date mean."""
    y, m, d, h, mi, s, p, z = (f"{parts}.{name}" for name in ("y", "m", "d", "h", "mi", "s", "p", "z"))
    year = f"CASE WHEN length({y}) = 4 THEN {y} WHEN {y}::INTEGER < 69 THEN '20' || {y} ELSE '19' || {y} END"
    named = f"list_position([{', '.join(map(literal, _MONTHS))}], lower({m}[:3]))"
    month = f"CASE WHEN regexp_full_match({m}, '\\d+') THEN {m}::INTEGER ELSE {named} END"
    clock = f"CASE WHEN {h} = '' THEN '' ELSE ' ' || {_hour(h, p)} || ':' || {mi} || ':' || {_or_zero(s)} END"
    zone = f"CASE WHEN regexp_matches({z}, '^[+-]') THEN {z} ELSE '' END"
    day = f"CASE WHEN {d} = '' THEN '01' ELSE {d} END"
    spelled = f"({year}) || '-' || ({month}) || '-' || ({day}) || ({clock}) || ({zone})"
    return f"CASE WHEN {y} != '' THEN epoch_us(TRY_CAST({spelled} AS TIMESTAMPTZ)) END"


def _hour(hour: str, half: str) -> str:
    """Return the SQL for an hour of 24 from one that may be of 12, with a or p for the half of the day."""
    twelve = f"{hour}::INTEGER % 12 + CASE WHEN lower({half}) = 'p' THEN 12 ELSE 0 END"
    return f"CASE WHEN {half} = '' THEN {hour}::INTEGER WHEN {hour}::INTEGER > 12 THEN NULL ELSE {twelve} END"


def _or_zero(seconds: str) -> str:
    return f"CASE WHEN {seconds} = '' THEN '00' ELSE replace({seconds}, ',', '.') END"


def duration(text: str) -> str:
    """Return the SQL for the seconds of a duration or of a time of day: "14:35", "2:35 PM", "3 days 04:00:00"."""
    names, pattern = ", ".join(map(literal, ("sign", "days", "h", "mi", "s", "p"))), literal(f"^(?i:{_CLOCK})$")
    parts = f"regexp_extract({text}, {pattern}, [{names}])"
    days = "CASE WHEN p.days = '' THEN 0 ELSE p.days::DOUBLE END"
    seconds = f"({days}) * 86400 + ({_hour('p.h', 'p.p')}) * 3600 + p.mi::DOUBLE * 60 + ({_or_zero('p.s')})::DOUBLE"
    signed = f"CASE WHEN p.sign = '-' THEN -1 ELSE 1 END * ({seconds})"
    value = f"CASE WHEN p.h != '' AND p.mi::INTEGER < 60 THEN {signed} END"
    return f"list_transform([{parts}], lambda p: {value})[1]"


def truth(text: str) -> str:
    """Return the SQL for 1 or 0 from a text true or false."""
    return f"CASE lower({text}) WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 END"
