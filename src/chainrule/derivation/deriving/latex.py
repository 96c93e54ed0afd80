"""A derivation as a LaTeX document."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from chainrule.derivation.deriving.derivation import Derivation
from chainrule.derivation.deriving.steps import Step
from chainrule.derivation.deriving.words import READING, numbers, summary, title
from chainrule.derivation.document.latex_document import document, plain
from chainrule.formula import latex
from chainrule.formula import tree as t

_WIDE = 230  # characters of a formula's source that may not fit on a line of the page


def derivation_latex(derivation: Derivation) -> str:
    """The whole document."""
    s = derivation.setting
    parts = [f"{plain(summary(s))} {plain(READING)}"]
    number = 0
    for part, steps in groupby(derivation.steps, key=lambda step: step.part):
        parts.append(rf"\section*{{{plain(part)}}}")
        for step in steps:
            number += 1
            parts += _step(step, number)
    return document(title(s), "\n\n".join(parts))


def _step(step: Step, number: int) -> Iterator[str]:
    source = rf"\hfill{{\small\normalfont source: {plain(step.section)}}}" if step.section else ""
    yield rf"\subsection*{{{number}. {plain(step.title)}{source}}}"
    yield _sized(aligned(step.formulas, "align*"), step.formulas)
    if step.shapes is not None:
        yield _sized(rf"\[{latex(step.shapes)}\]", (step.shapes,))
    rule = step.rule[0].upper() + step.rule[1:]
    yield rf"\textbf{{{plain(rule)}.}} {plain(step.reason)}"
    yield from (rf"\emph{{Note.}} {plain(note)}" for note in step.notes)
    yield from (rf"\[{latex(t.Equation(value.name, numbers(value.array)))}\]" for value in step.values)


def aligned(formulas: tuple[t.Relation, ...], environment: str) -> str:
    """Equations under each other, their signs aligned; a left side that stays the same is written once."""
    lines, before = [], None
    for formula in formulas:
        left = "" if formula.left == before else latex(formula.left)
        sign = (
            latex(t.Relation(t.Text(""), formula.sign, t.Text(""))).removeprefix(r"\text{} ").removesuffix(r" \text{}")
        )
        lines.append(rf"{left} &{sign} {latex(formula.right)}")
        before = formula.left
    return "\n".join((rf"\begin{{{environment}}}", " \\\\\n".join(lines), rf"\end{{{environment}}}"))


def _sized(maths: str, formulas: tuple[t.Relation, ...]) -> str:
    wide = max(len(latex(formula)) for formula in formulas) > _WIDE
    return f"{{\\footnotesize\n{maths}\n}}" if wide else maths
