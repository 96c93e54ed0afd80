"""Cells that a spreadsheet would run as a formula, as text."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from chainrule.network.types import Array
from chainrule.table.columns import Column

_RUN = re.compile("[=+\\-@\t\r\n＝＋－＠]")  # spreadsheets take the wide signs of East Asian keyboards for the others
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def as_text(cell: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run; numbers stay as they are.

    Examples
    --------
    >>> as_text("=1+1"), as_text("-5e3"), as_text("-5-3"), as_text("rose")
    ("'=1+1", '-5e3', "'-5-3", 'rose')
    """
    return f"'{cell}" if _RUN.match(cell) and not _NUMBER.fullmatch(cell) else cell


def safe_column(values: Column | Array) -> Column | Array:
    """Return the column with each of its texts `as_text`."""
    if isinstance(values, Column):
        return replace(values, levels=tuple(map(as_text, values.levels))) if values.kind == "text" else values
    if values.dtype.kind not in "OU":
        return values
    return np.array([as_text(value) if isinstance(value, str) else value for value in values.tolist()], object)
