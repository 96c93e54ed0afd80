"""Text tables of columns and figures, and JSON, for the commands' output."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from chainrule._json import plain
from chainrule.cli.terminal import one_line
from chainrule.metrics.catalogue import CATALOGUE, Figures

if TYPE_CHECKING:
    from chainrule.tabular.model import TableModel

WIDTH = 80  # of a terminal


def aligned(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Align rows of cells in columns; the columns numbered in `right` are aligned to the right."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    cells = [
        [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    ]
    return "\n".join("  ".join(row).rstrip() for row in cells)


def figures_table(figures: Mapping[str, Figures], title: str = "on the test rows") -> str:
    """Return a text table, a row per figure and a column per model; a star marks the best of several models."""
    rows = [[title, *(f"{model} " for model in figures)]]
    for name in dict.fromkeys(name for of in figures.values() for name in of):
        values = [of.get(name) for of in figures.values()]
        best = _best(name, [value for value in values if value is not None and not math.isnan(value)])
        rows.append([shown_name(name), *(f"{number(value)}{'*' if value == best else ' '}" for value in values)])
    return aligned(rows, right=range(1, len(figures) + 1))


def shown_name(figure: str) -> str:
    """Return what a figure is called where it is shown."""
    return CATALOGUE[figure].shown if figure in CATALOGUE else figure.replace("_", " ")


def _best(name: str, values: list[float]) -> float:
    """Return the best of several values; NaN of one alone, or of a figure of which it is unknown what is better."""
    if len(values) < 2 or name not in CATALOGUE:
        return math.nan
    return max(values) if CATALOGUE[name].higher_is_better else min(values)


def coverage_line(model: TableModel, covered: Sequence[float], rows: str) -> str:
    """Say which share of rows a model's intervals cover, for each target."""
    assert model.intervals is not None
    shares = [f"{share:.1%}".replace("%", " %") for share in covered]
    if len(shares) > 1:
        shares = [f"{share} ({one_line(name)})" for share, name in zip(shares, model.target.names, strict=True)]
    return f"intervals for {100 * model.intervals.coverage:g} % cover {', '.join(shares)} of {rows}"


def number(value: float | None) -> str:
    """Write a number with four significant digits and thousands separators."""
    if value is None or math.isnan(value):
        return "undefined"
    if not math.isfinite(value):
        return str(value)
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:z,.{min(digits, 4 if abs(value) < 1 else digits)}f}"


def wrapped(text: str) -> str:
    """Break a text at words; its further lines are indented."""
    return fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def strict_json(data: Any) -> str:
    """Write standard JSON: numbers that are not finite become null."""
    return json.dumps(plain(data), indent=2)
