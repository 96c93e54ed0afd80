"""Text tables of columns and figures, and JSON, for the commands' output."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from chainrule._json import plain
from chainrule.cli.terminal import one_line

_HIGHER_IS_BETTER = {"accuracy", "roc_auc", "r2"}


def aligned(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Align rows of cells in columns; the columns numbered in `right` are aligned to the right."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    cells = [
        [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    ]
    return "\n".join("  ".join(row).rstrip() for row in cells)


def figures_table(figures: dict[str, dict[str, float]], title: str = "on the test rows") -> str:
    """Return a text table, a row per model and a column per figure; a star marks the best of several models."""
    names = list(next(iter(figures.values())))
    rows = [[title, *(name.replace("_", " ") for name in names)]]
    best = {name: _best(name, [row[name] for row in figures.values()]) for name in names if len(figures) > 1}
    for model, row in figures.items():
        rows.append([model, *(f"{number(row[name])}{'*' if row[name] == best.get(name) else ' '}" for name in names)])
    return aligned(rows, right=range(1, len(names) + 1))


def _best(name: str, values: list[float]) -> float:
    finite = [value for value in values if not math.isnan(value)]
    if not finite:
        return math.nan
    return max(finite) if name in _HIGHER_IS_BETTER else min(finite)


def number(value: float) -> str:
    """Write a number with four significant digits and thousands separators."""
    if not math.isfinite(value):
        return str(value)
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:z,.{min(digits, 4 if abs(value) < 1 else digits)}f}"


def strict_json(data: Any) -> str:
    """Write standard JSON: numbers that are not finite become null."""
    return json.dumps(plain(data), indent=2)
