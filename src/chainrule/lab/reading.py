"""Read answers: arrays, lists, numbers as text, fractions, decimal commas, empty cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from chainrule.network.types import Array

_LONGEST = 40
_FRACTION = re.compile(r"([+-]?\d+)\s*/\s*(\d+)")
_EXACT = 99  # number of decimals of a fraction
_LARGEST = 1e100


@dataclass(frozen=True)
class Reading:
    """The numbers of an answer.

    Attributes
    ----------
    values : ndarray
        NaN if there is no number.
    decimals : ndarray of int
        The number of decimals of each.
    unreadable : tuple of str
        Texts that are not numbers.
    blank : ndarray of bool
        Whether the cell is empty.
    """

    values: Array
    decimals: Array
    unreadable: tuple[str, ...]
    blank: Array


def reading(given: Any, shape: tuple[int, int]) -> Reading | None:
    """Read an answer, which should have a shape; return None if it is not a table.

    Examples
    --------
    >>> reading([["0,5", "-1/4"], [None, "two"]], (2, 2)).values.tolist()
    [[0.5, -0.25], [nan, nan]]
    """
    rows = (
        [[None] * shape[1]] * shape[0]
        if _is_blank(given) or (isinstance(given, list) and not given)
        else _rows(given, shape)
    )
    if rows is None:
        return None
    cells = [[_cell(entry) for entry in row] for row in rows]
    texts = [str(entry)[:_LONGEST] for row in rows for entry in row if _cell(entry)[0] is None and not _is_blank(entry)]
    return Reading(
        np.array([[np.nan if value is None else value for value, _ in row] for row in cells]),
        np.array([[decimals for _, decimals in row] for row in cells]),
        tuple(texts),
        np.array([[_is_blank(entry) for entry in row] for row in rows]),
    )


def _rows(given: Any, shape: tuple[int, int]) -> list[list[Any]] | None:
    """Return rows of entries; a list of numbers is a row or a column, as the shape says; a number is a 1×1 table."""
    given = given.tolist() if isinstance(given, np.ndarray | np.generic) else given
    if not isinstance(given, list | tuple):
        return [[given]]
    rows = [row.tolist() if isinstance(row, np.ndarray) else row for row in given]
    if not any(isinstance(row, list | tuple) for row in rows):
        rows = [[entry] for entry in rows] if shape[1] == 1 else [rows]
    if not rows or not all(isinstance(row, list | tuple) for row in rows) or len({len(row) for row in rows}) != 1:
        return None
    if any(isinstance(entry, list | tuple | dict | set) for row in rows for entry in row) or not len(rows[0]):
        return None
    return [list(row) for row in rows]


def _is_blank(entry: Any) -> bool:
    missing = isinstance(entry, float | np.floating) and bool(np.isnan(entry))
    return entry is None or missing or (isinstance(entry, str) and not entry.strip())


def _cell(entry: Any) -> tuple[float | None, int]:
    """Return a number and its decimals; None if it is not a number."""
    if isinstance(entry, bool | np.bool_) or _is_blank(entry):
        return None, 0
    text = str(entry).strip().replace("\N{MINUS SIGN}", "-").replace(",", ".")
    if len(text) > _LONGEST:
        return None, 0
    fraction = _FRACTION.fullmatch(text)
    if fraction:
        under = int(fraction[2])
        return (int(fraction[1]) / under, _EXACT) if under else (None, 0)
    return _decimal(text)


def _decimal(text: str) -> tuple[float | None, int]:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None, 0
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(float(number)) > _LARGEST:
        return None, 0
    return float(number), max(0, -exponent)
