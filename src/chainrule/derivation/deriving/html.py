"""A derivation as HTML with MathML: a page of its own, or a part of a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import groupby

from chainrule.derivation.deriving.derivation import Derivation
from chainrule.derivation.deriving.steps import Step
from chainrule.derivation.deriving.words import READING, numbers, summary, title
from chainrule.derivation.document import html_page as page
from chainrule.formula import math
from chainrule.formula import tree as t
from chainrule.formula.mathml import mathml, operator

_STYLE = """
mtable.chain > mtr > mtd { text-align: left; padding: .3em .25em; }
mtable.chain > mtr > mtd:first-child { text-align: right; }
.derivation .why b { font-weight: 600; }
.derivation .source { color: var(--faint); font-size: .85rem; font-weight: 400; float: right; }
.derivation .note { border-left: 3px solid var(--line); padding-left: .8rem; color: var(--faint); }
"""


def derivation_html(derivation: Derivation) -> str:
    """The whole page."""
    return page.page(title(derivation.setting), _body(derivation), style=_STYLE)


def derivation_view(derivation: Derivation) -> str:
    """The derivation for a notebook, which has a page and colours of its own."""
    colours = ":root { --line: #8886; --faint: inherit; --accent: inherit; }"
    return f"<style>{page.font_face()}{colours}{page.MATHS}{_STYLE}</style>\n{_body(derivation)}"


def _body(derivation: Derivation) -> str:
    s = derivation.setting
    parts = [f"<h1>{escape(title(s))}</h1>", f"<p>{escape(summary(s))}</p>", f"<p>{escape(READING)}</p>"]
    number = 0
    for part, steps in groupby(derivation.steps, key=lambda step: step.part):
        parts.append(f"<h2>{escape(part)}</h2>")
        for step in steps:
            number += 1
            parts.append(f"<section>{''.join(_step(step, number))}</section>")
    return '<main class="derivation">\n' + "\n".join(parts) + "\n</main>"


def _step(step: Step, number: int) -> Iterator[str]:
    source = f' <span class="source">source: {escape(step.section)}</span>' if step.section else ""
    yield f"<h3>{number}. {escape(step.title)}{source}</h3>"
    yield _chain(step.formulas)
    if step.shapes is not None:
        yield f'<div class="shapes">{math(step.shapes)}</div>'
    rule = step.rule[0].upper() + step.rule[1:]
    yield f'<p class="why"><b>{escape(rule)}.</b> {escape(step.reason)}</p>'
    yield from (f'<p class="note">{escape(note)}</p>' for note in step.notes)
    yield from (math(t.Equation(value.name, numbers(value.array))) for value in step.values)


def _chain(formulas: tuple[t.Relation, ...]) -> str:
    """Equations under each other; a left side that stays the same is written once."""
    rows, before = [], None
    for formula in formulas:
        left = "" if formula.left == before else mathml(formula.left)
        cells = (left, operator(formula.sign) + mathml(formula.right))
        rows.append("<mtr>" + "".join(f"<mtd><mrow>{cell}</mrow></mtd>" for cell in cells) + "</mtr>")
        before = formula.left
    return f'<math display="block"><mtable class="chain" displaystyle="true">{"".join(rows)}</mtable></math>'
