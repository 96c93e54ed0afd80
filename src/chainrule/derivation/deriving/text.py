"""A derivation as plain text for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby

from chainrule.derivation.deriving.derivation import Derivation
from chainrule.derivation.deriving.steps import Step
from chainrule.derivation.deriving.words import READING, numbers, summary, title
from chainrule.formula import text
from chainrule.formula import tree as t

WIDTH = 100


def derivation_text(derivation: Derivation) -> str:
    """Write every step: formulas, shapes, the rule and its reason, numbers."""
    heading = title(derivation.setting)
    lines = [heading, "=" * len(heading), "", *_wrapped(summary(derivation.setting)), *_wrapped(READING)]
    number = 0
    for part, steps in groupby(derivation.steps, key=lambda step: step.part):
        lines += ["", part, "-" * len(part)]
        for step in steps:
            number += 1
            lines += ["", *_step(step, number)]
    return "\n".join(lines) + "\n"


def _step(step: Step, number: int) -> Iterator[str]:
    source = f"[source: {step.section}]" if step.section else ""
    head = f"{number}. {step.title}"
    yield f"{head}{source.rjust(WIDTH - len(head))}" if source else head
    yield from equations(step.formulas)
    if step.shapes is not None:
        yield from _wrapped("shapes: " + text(step.shapes), "      ", "              ")
    yield from _wrapped(f"{step.rule[0].upper()}{step.rule[1:]}. {step.reason}", "   ")
    for note in step.notes:
        yield from _wrapped(f"Note: {note}", "   ", "         ")
    for value in step.values:
        yield from _numbers(value.name, numbers(value.array))


def equations(formulas: tuple[t.Relation, ...]) -> Iterator[str]:
    """Set a chain of equalities under each other; a left side that stays the same is written once."""
    before: t.Node | None = None
    for formula in formulas:
        left = text(formula.left)
        shown = " " * len(left) if formula.left == before else left
        indent = " " * (len(left) + 10)
        yield from _wrapped(f"      {shown} {formula.sign} {text(formula.right)}", "", indent)
        before = formula.left


def _numbers(name: t.Node, matrix: t.Matrix) -> Iterator[str]:
    cells = [["…" if cell is None else cell for cell in row] for row in matrix.rows]
    widths = [max(len(row[j]) for row in cells) for j in range(len(cells[0]))]
    head = f"      {text(name)} = "
    for i, row in enumerate(cells):
        yield (head if i == 0 else " " * len(head)) + "  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True))


def _wrapped(words: str, first: str = "", later: str | None = None) -> list[str]:
    later = first if later is None else later
    kept = len(words) - len(words.lstrip())
    lines = textwrap.wrap(
        words.strip(), WIDTH, initial_indent=first + " " * kept, subsequent_indent=later, break_long_words=False
    )
    return [line.rstrip() for line in lines]
