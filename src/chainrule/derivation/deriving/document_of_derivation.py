"""What a derivation says: its title, how to read it, and every step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from chainrule.derivation.deriving.setting import Setting
from chainrule.derivation.deriving.steps import DerivationStep
from chainrule.derivation.document.blocks import Block, Chain, Document, Formula, Group, Part, Prose, Shapes
from chainrule.derivation.document.matrix_window import window
from chainrule.derivation.symbolic.expressions import Expression
from chainrule.derivation.symbolic.from_sympy import formula
from chainrule.formula import text
from chainrule.formula import tree as t

_MOST = 4  # rows and columns of a matrix that are shown
_READING = (
    "Columns are examples, m of them. dZ, dA, dW, db stand for the derivatives by Z, A, W, b. Products written * and "
    "functions of matrices, powers and fractions too, are taken element by element."
)


def document_of_derivation(s: Setting, steps: Sequence[DerivationStep]) -> Document:
    """The document: its steps are numbered through, and stand under the heading that each has."""
    numbered = groupby(enumerate(steps, 1), key=lambda pair: pair[1].part)
    parts = (Part(title, tuple(_group(n, step) for n, step in part)) for title, part in numbered)
    title = f"Backpropagation for a network {'-'.join(map(str, s.widths))}"
    return Document(title, (Prose(_summary(s)), Prose(_READING), *parts))


def _group(n: int, step: DerivationStep) -> Group:
    source = f"source: {step.section}" if step.section else ""
    return Group(tuple(_blocks(step)), "step", (f"{n}. {step.title}",), source)


def _blocks(step: DerivationStep) -> Iterator[Block]:
    yield Chain(step.formulas)
    if step.shapes is not None:
        yield Shapes(step.shapes)
    yield Prose(step.reason, lead=f"{step.rule[0].upper()}{step.rule[1:]}.")
    yield from (Prose(note, "note") for note in step.notes)
    for value in step.values:
        yield Formula(t.Equation(value.name, window(value.array, rows=_MOST, columns=_MOST)))


def _summary(s: Setting) -> str:
    """Activations and loss in one sentence."""
    hidden = list(dict.fromkeys(_named(g) for g in s.g[1:-1]))
    layers = f"Hidden layers: {', '.join(hidden)}. " if hidden else "No hidden layer. "
    return f"{layers}Output: {_named(s.g[-1])}. Loss: {_named(s.loss)}."


def _named(g: Expression | None) -> str:
    if g is None:
        return "softmax"
    return g.name.replace("_", " ") if g.name else text(formula(g.body))
