"""SQL that parses missing values and numbers in text, and quotes names and texts.

Each function takes and returns SQL, so that values are parsed inside DuckDB, without a Python object per value.
"""

from __future__ import annotations

import re

# Lower-case "none" is left out: it is a common answer ("damage: none").
MISSING_MARKS = (
    *("", "?", "-", "NA", "N/A", "#N/A", "<NA>", "na", "n/a"),
    *("NaN", "nan", "NAN", "NULL", "null", "Null", "None"),
    *("#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"),  # of spreadsheets
)

_BLANKS = " \t\r\n\u00a0"
_NUMBER = r"[-+]?[$€£]?\s?[-+]?(\d+|\d{1,3}(,\d{3})+)?(\.\d*)?([eE][-+]?\d+)?\s?%?"
_AROUND_NUMBERS = r"[$€£,%\s]"


def literal(text: str) -> str:
    """Write a text as an SQL literal.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Write a column name as an SQL identifier.

    Examples
    --------
    >>> identifier("fixed acidity")
    '"fixed acidity"'
    """
    return '"' + name.replace('"', '""') + '"'


def clean(text: str) -> str:
    """Return the SQL for a text without the blanks around it, NULL where it marks a missing value."""
    trimmed = f"trim({text}, {literal(_BLANKS)})"
    # Not `IN`: DuckDB turns a long one into a hash join, and a join on several threads reorders the rows.
    is_mark = f"regexp_full_match({trimmed}, {literal('|'.join(map(re.escape, MISSING_MARKS)))})"
    return f"CASE WHEN NOT {is_mark} THEN {trimmed} END"


def number(text: str) -> str:
    """Return the SQL for the number that a text spells, NULL if it is not a number.

    Thousands separators, a leading currency sign and a trailing per cent sign are allowed: "$1,234.50", "12 %".
    """
    bare = f"regexp_replace({text}, {literal(_AROUND_NUMBERS)}, '', 'g')"
    return f"CASE WHEN regexp_full_match({text}, {literal(_NUMBER)}) THEN TRY_CAST({bare} AS DOUBLE) END"


def spells_number(text: str) -> bool:
    """Say whether a text spells a number, by the rule of `number`.

    Examples
    --------
    >>> spells_number("$1,234.50"), spells_number("about 3")
    (True, False)
    """
    return re.fullmatch(_NUMBER, text) is not None


def finite(value: str) -> str:
    """Return the SQL for a float, NULL where it is not a finite number."""
    return f"CASE WHEN isfinite({value}::DOUBLE) THEN {value}::DOUBLE END"
