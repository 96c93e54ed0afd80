"""The quantities calculated on a worksheet: the lines of a pass, each with the formula that computes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.document.blocks import Value
from chainrule.derivation.equations import Row
from chainrule.derivation.layouts import at_layer
from chainrule.derivation.tracing.output_delta import derivative_by_prediction
from chainrule.derivation.tracing.step import TraceStep
from chainrule.derivation.tracing.steps import steps
from chainrule.derivation.tracing.trace import Trace
from chainrule.formula import tree as t
from chainrule.formula.evaluate import evaluate
from chainrule.network.types import Array

Written = Mapping[str, Array]  # from a quantity's name to its numbers on a sheet


@dataclass(frozen=True)
class Quantity:
    """A line: its name, such as "dW[2]", its step, its right numbers, and the lines that it is computed from."""

    name: str
    step: TraceStep
    value: Array
    sources: tuple[str, ...]


def quantities(trace: Trace) -> dict[str, Quantity]:
    """Return every line of a pass by name, in the order of calculation.

    Examples
    --------
    >>> from chainrule import Dense, Network, trace
    >>> net = Network([Dense(2, "tanh"), Dense(1, "sigmoid")], n_inputs=2)
    >>> " ".join(quantities(trace(net, [[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0]])))
    'Z[1] A[1] Z[2] A[2] L J dZ[2] dW[2] db[2] dA[1] dZ[1] dW[1] db[1]'
    """
    found: dict[str, Quantity] = {}
    for step in _steps(trace):
        name = _name(step.formula.left, trace)
        sources = (_name(part, trace) for part in t.parts(step.formula.right))
        value = np.atleast_2d(step.result) + 0.0  # no minus before 0
        found[name] = Quantity(name, step, value, tuple(dict.fromkeys(s for s in sources if s in found)))
    return found


def _steps(trace: Trace) -> Iterator[TraceStep]:
    for step in steps(trace):
        if step.row.id == "output_delta_product":
            yield _prediction_error(trace)
        if step.part != "update":
            yield step


def _name(node: t.Node, trace: Trace) -> str:
    if not isinstance(node, t.Symbol):
        return ""
    name, layer = ("A", str(trace.L)) if node.name == "ŷ" else (node.name, node.layer)
    return f"{name}[{layer}]" if layer else name


def _prediction_error(trace: Trace) -> TraceStep:
    """Return the step of dA[L] of the squared error, if it does not cancel."""
    prediction, error, n = t.Symbol("A", "L"), t.Symbol("dA", "L"), trace.widths[-1]
    right: t.Node = prediction - t.Symbol("Y")
    right = (t.Number(1) / t.Symbol("n", "L")) * right if n > 1 else right
    general = t.Equation(error, right)
    reason = "The derivative of ½ (ŷ - y)² by ŷ." + (" The loss is the mean over the outputs." if n > 1 else "")
    row = Row("prediction_error", 7, "error of the prediction", general, derivative_by_prediction, reason, "3 A")
    formula = at_layer(general, trace.L, trace.L)
    return TraceStep(row, "backward", trace.L, general, formula, (Value(formula.left, trace.dA[-1]),), reason)


def computed(quantity: Quantity, trace: Trace, written: Written) -> Array:
    """Compute the quantity's formula from the numbers on a sheet."""
    with np.errstate(all="ignore"):  # the logarithm of a wrong prediction
        value: Array = np.atleast_2d(evaluate(quantity.step.formula.right, letters(trace, written)))
    return value


def letters(trace: Trace, written: Written) -> dict[t.Node | str, Any]:
    """Return the value of each letter of the formulas."""
    last = str(trace.L)
    values: dict[t.Node | str, Any] = {
        t.Symbol("m"): trace.problem.m,
        t.Symbol("n", last): trace.widths[-1],
        t.Symbol("A", "0"): trace.A[0],
        t.Symbol("Y"): trace.problem.Y,
        t.Symbol("y"): trace.problem.Y,
        "log": np.log,
    }
    for l in range(1, trace.L + 1):
        g = trace.problem.architecture.g[l]
        values |= {t.Symbol("W", str(l)): trace.W[l], t.Symbol("b", str(l)): trace.b[l]}
        values |= {f"g[{l}]": g.g, f"g[{l}]′": g.g_prime}
    for name, array in written.items():
        letter, _, layer = name.rstrip("]").partition("[")
        values[t.Symbol(letter, layer)] = array
    return values | {t.Symbol("ŷ"): values[t.Symbol("A", last)]}
