"""What `gradcheck` found, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.derivation.document.blocks import Document, Group, Prose, Table
from chainrule.derivation.document.html import as_fragment
from chainrule.derivation.document.text import NO_WRAP, as_text
from chainrule.derivation.models.problem import Problem

_NOTES = {  # on a verdict
    "too small to check": "Too small to check: rounding in the cost is not small beside these gradients.",
    "overflow": "Overflow: J is so large or so steep that its differences are not finite.",
    "at a kink": "At a kink: J has a corner in every direction measured, so there is no derivative to compare with.",
}


@dataclass(frozen=True)
class Row:
    """What was found for one tensor.

    Attributes
    ----------
    tensor : str
        Such as "dW[1]".
    relative_error : float
        ‖analytic - numeric‖ / max(‖analytic‖, ‖numeric‖) over what was measured.
    ratio : float
        analytic / numeric, by least squares; NaN where the numeric one is 0.
    checked, skipped, entries, projections : int
        Entries measured; entries and projections skipped at a kink; entries there are; projections measured.
    verdict : {"ok", "wrong", "too small to check", "at a kink", "overflow"}
    worst : tuple or None
        Of a wrong tensor: the entry (or None for a projection), its analytic and its numeric slope.
    proportional : bool
        Whether a wrong gradient is `ratio` times the right one everywhere.
    """

    tensor: str
    relative_error: float
    ratio: float
    checked: int
    skipped: int
    entries: int
    projections: int
    verdict: str
    worst: tuple[tuple[int, int] | None, float, float] | None = None
    proportional: bool = False


@dataclass(frozen=True)
class GradientCheck:
    """What `gradcheck` found, row by row.

    Attributes
    ----------
    rows : tuple of Row
        dW[1] to dW[L], then db[1] to db[L], then the dE[j] of embeddings.
    problem : Problem
        The network and the examples it was checked with.
    m : int
        The number of examples that were given.
    at_kink : int
        How many of them were left out since one of their Z is exactly at a kink.
    """

    rows: tuple[Row, ...]
    problem: Problem
    m: int
    at_kink: int = 0

    @property
    def ok(self) -> bool:
        """Whether every tensor is right; one that has no derivative in any direction is left out."""
        verdicts = {row.verdict for row in self.rows} - {"at a kink"}
        return verdicts == {"ok"}

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return as_text(document_of_check(self), NO_WRAP).rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return as_fragment(document_of_check(self))


def document_of_check(check: GradientCheck) -> Document:
    """The table, and what it means under it."""
    head = ("gradient", "relative error", "analytic/numeric", "checked", "verdict")
    table = Table(head, tuple(map(_cells, check.rows)), (False, True, True, False, False))
    return Document("", (Prose(_title(check)), table, Group(tuple(map(Prose, _words(check))))))


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
    notes += [note for verdict, note in _NOTES.items() if verdict in verdicts]
    if wrong:
        return [*wrong, *notes]
    if "ok" not in verdicts:
        return ["Nothing could be checked.", *notes]
    return ["Every gradient that could be checked agrees with finite differences of J.", *notes]


def _wrong(rows: list[Row], of: int) -> list[str]:
    """One line for each wrong tensor, or one for all if all are wrong by the same factor."""
    ratios = [row.ratio for row in rows]
    if 1 < len(rows) == of and all(row.proportional for row in rows) and max(ratios) - min(ratios) < 1e-4:
        return [f"Wrong: every gradient is {ratios[0]:.4g} times what finite differences of J say. {_example(rows[0])}"]
    return [f"Wrong: {_example(row)}{_times(row)}" for row in rows]


def _example(row: Row) -> str:
    entry, stated, numeric = row.worst or (None, np.nan, np.nan)
    place = f"{row.tensor}[{entry[0]}, {entry[1]}]" if entry else f"{row.tensor} in a random direction"
    return f"{place} is {stated:.6g}, finite differences say {numeric:.6g}."


def _times(row: Row) -> str:
    return (
        f" All of {row.tensor} is {row.ratio:.4g} times the right one." if row.proportional and row.entries > 1 else ""
    )
