"""Quote names and texts for SQL."""

from __future__ import annotations


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


def finite(value: str) -> str:
    """Return the SQL for a float, NULL where it is not a finite number."""
    return f"CASE WHEN isfinite({value}::DOUBLE) THEN {value}::DOUBLE END"
