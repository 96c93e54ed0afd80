"""What every view of a derivation says in words, and how it shows numbers."""

from __future__ import annotations

from chainrule.derivation.deriving.setting import Setting
from chainrule.derivation.symbolic.expressions import Expression
from chainrule.derivation.symbolic.from_sympy import formula
from chainrule.derivation.tracing.matrix_window import window
from chainrule.formula import text
from chainrule.formula import tree as t
from chainrule.network.types import Array

_WINDOW = 4

READING = (
    "Columns are examples, m of them. dZ, dA, dW, db stand for the derivatives by Z, A, W, b. Products written * and "
    "functions of matrices, powers and fractions too, are taken element by element."
)


def title(s: Setting) -> str:
    """The network in one line."""
    return f"Backpropagation for a network {'-'.join(map(str, s.widths))}"


def summary(s: Setting) -> str:
    """Activations and loss in one sentence."""
    hidden = list(dict.fromkeys(_named(g) for g in s.g[1:-1]))
    layers = f"Hidden layers: {', '.join(hidden)}. " if hidden else "No hidden layer. "
    return f"{layers}Output: {_named(s.g[-1])}. Loss: {_named(s.loss)}."


def _named(g: Expression | None) -> str:
    if g is None:
        return "softmax"
    return g.name.replace("_", " ") if g.name else text(formula(g.body))


def numbers(array: Array) -> t.Matrix:
    """At most 4 x 4 numbers of a matrix; the rest is left out."""
    return window(array, rows=_WINDOW, columns=_WINDOW)
