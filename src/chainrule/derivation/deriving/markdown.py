"""A derivation as Markdown, with formulas in the blocks that GitHub sets as mathematics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from chainrule.derivation.deriving.derivation import Derivation
from chainrule.derivation.deriving.latex import aligned
from chainrule.derivation.deriving.steps import Step
from chainrule.derivation.deriving.words import READING, numbers, summary, title
from chainrule.formula import latex
from chainrule.formula import tree as t


def derivation_markdown(derivation: Derivation) -> str:
    """The whole page."""
    s = derivation.setting
    parts = [f"# {title(s)}", plain(summary(s)), plain(READING)]
    number = 0
    for part, steps in groupby(derivation.steps, key=lambda step: step.part):
        parts.append(f"## {plain(part)}")
        for step in steps:
            number += 1
            parts += _step(step, number)
    return "\n\n".join(parts) + "\n"


def plain(words: str) -> str:
    """Words with the signs that Markdown would take for its own marked as plain.

    Examples
    --------
    >>> plain("dA * g'(Z), x_1")
    "dA \\\\* g'(Z), x\\\\_1"
    """
    return re.sub(r"([\\`*_<])", r"\\\1", words)


def _step(step: Step, number: int) -> Iterator[str]:
    yield f"### {number}. {plain(step.title)}"
    yield _block(aligned(step.formulas, "aligned"))
    if step.shapes is not None:
        yield _block(latex(step.shapes))
    rule = step.rule[0].upper() + step.rule[1:]
    source = f" *(source: {plain(step.section)})*" if step.section else ""
    yield f"**{plain(rule)}.** {plain(step.reason)}{source}"
    yield from (f"> {plain(note)}" for note in step.notes)
    yield from (_block(latex(t.Equation(value.name, numbers(value.array)))) for value in step.values)


def _block(maths: str) -> str:
    return f"```math\n{maths}\n```"
