"""A gradient check as a table: for the terminal, and for a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from chainrule.derivation.checks.gradient_check import GradientCheck, Row

_HEADS = ("gradient", "relative error", "analytic/numeric", "checked", "verdict")


def check_text(check: GradientCheck) -> str:
    """Write a gradient check as a table, with what it means under it."""
    table = [_HEADS, *(_cells(row) for row in check.rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(_HEADS))]
    lines = [
        "  ".join(
            [c.ljust(w) if i in (0, 3, 4) else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        ).rstrip()
        for line in table
    ]
    return "\n".join([_title(check), "", *lines, "", *_words(check)])


def check_html(check: GradientCheck) -> str:
    """Write a gradient check as a small piece of HTML."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in _HEADS)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in _cells(row)) + "</tr>" for row in check.rows)
    words = "".join(f"<p>{escape(line)}</p>" for line in _words(check))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div><p>{escape(_title(check))}</p>{table}{words}</div>"


def _title(check: GradientCheck) -> str:
    architecture = check.problem.architecture
    widths = "-".join(map(str, architecture.widths))
    examples = f"{check.problem.m:,} example{'s' if check.problem.m != 1 else ''}"
    if check.problem.m + check.at_kink < check.m:
        examples += f" drawn from {check.m:,}"
    return f"Gradient check: {check.problem.origin}, {widths}, {architecture.loss.pair}, {examples}"


def _cells(row: Row) -> tuple[str, ...]:
    measured = row.checked + row.projections
    error = f"{row.relative_error:.1e}" if measured else "-"
    ratio = "-" if np.isnan(row.ratio) else f"{row.ratio:.6f}"
    return row.tensor, error, ratio, _coverage(row), row.verdict


def _coverage(row: Row) -> str:
    every = row.checked + row.skipped == row.entries and not row.projections
    words = f"{row.checked:,} of {row.entries:,}" + ("" if every else " entries")
    if row.projections:
        words += f" + {row.projections} projections"
    return words + (f", {row.skipped:,} at a kink" if row.skipped else "")


def _words(check: GradientCheck) -> list[str]:
    verdicts = [row.verdict for row in check.rows]
    wrong = _wrong([row for row in check.rows if row.verdict == "wrong"], len(check.rows))
    notes = []
    if check.at_kink:
        notes.append(
            f"Left out: {check.at_kink:,} of {check.m:,} examples, of which a Z (or an error) is exactly at a kink."
        )
    if any(row.projections for row in check.rows):
        notes.append("A projection is the slope in a random direction, in which every entry takes part.")
    if "too small to check" in verdicts:
        notes.append("Too small to check: rounding in the cost is not small beside these gradients.")
    if "overflow" in verdicts:
        notes.append("Overflow: J is so large or so steep that its differences are not finite.")
    if "at a kink" in verdicts:
        notes.append(
            "At a kink: J has a corner in every direction measured, so there is no derivative to compare with."
        )
    if wrong:
        return [*wrong, *notes]
    if "ok" not in verdicts:
        return ["Nothing could be checked.", *notes]
    return ["Every gradient that could be checked agrees with the differences of J.", *notes]


def _wrong(rows: list[Row], of: int) -> list[str]:
    """One line for each wrong tensor, or one for all if all are wrong by the same factor."""
    ratios = [row.ratio for row in rows]
    if 1 < len(rows) == of and all(row.proportional for row in rows) and max(ratios) - min(ratios) < 1e-4:
        return [f"Wrong: every gradient is {ratios[0]:.4g} times what differences of J say. {_example(rows[0])}"]
    return [f"Wrong: {_example(row)}{_times(row)}" for row in rows]


def _example(row: Row) -> str:
    entry, stated, numeric = row.worst or (None, np.nan, np.nan)
    place = f"{row.tensor}[{entry[0]}, {entry[1]}]" if entry else f"{row.tensor} in a random direction"
    return f"{place} is {stated:.6g}, differences say {numeric:.6g}."


def _times(row: Row) -> str:
    return (
        f" All of {row.tensor} is {row.ratio:.4g} times the right one." if row.proportional and row.entries > 1 else ""
    )
