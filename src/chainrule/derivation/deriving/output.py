"""The output layer: the loss by its prediction, the slope of the output activation, and their product, simplified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chainrule.derivation.deriving.letters import (
    OUTPUT,
    delta_notes,
    loss_letter,
    loss_slope,
    matrices,
    over_outputs,
    scalars,
)
from chainrule.derivation.deriving.setting import Setting
from chainrule.derivation.deriving.softmax import softmax_delta, softmax_slope
from chainrule.derivation.deriving.steps import DerivationStep, chain, constants, letter, numbered, shaped, values
from chainrule.derivation.equations import EQUATIONS
from chainrule.derivation.symbolic.calculus import derivative, inverse, rules, simplest, through_value
from chainrule.derivation.symbolic.expressions import Expression
from chainrule.derivation.symbolic.from_sympy import formula
from chainrule.derivation.symbolic.to_sympy import variables
from chainrule.formula import tree as t


def output_steps(s: Setting) -> Iterator[DerivationStep]:
    """∂L/∂A[L], the slope, and dZ[L]."""
    yield _by_prediction(s)
    if s.softmax:
        yield softmax_slope(s)
        yield softmax_delta(s)
    else:
        yield _slope(s, _output(s))
        yield _delta(s, _output(s))


def best_slope(g: Expression) -> Any:
    """g'(z), through a = g(z) where that is shorter."""
    v = variables()
    through = through_value(g.body, v.z, v.a)
    return simplest(derivative(g.body, v.z)) if through is None else through


def delta(s: Setting) -> Any:
    """∂L/∂z of one output that is not a softmax, simplified."""
    return simplest(loss_slope(s) * best_slope(_output(s)))


def _output(s: Setting) -> Expression:
    g = s.g[-1]
    assert g is not None  # the caller has asked s.softmax
    return g


def _by_prediction(s: Setting) -> DerivationStep:
    v, one = variables(), scalars(s)
    left = t.Derivative(loss_letter(s), one["a"])
    raw = derivative(s.loss.body, v.a)
    matrix = over_outputs(s, formula(loss_slope(s), matrices(s), elementwise=True))
    dA = letter("dA", s.L)
    if s.weighted:
        matrix = t.Symbol("w").hadamard(matrix)
    lines = chain(
        t.Equation(left, formula(raw, one)),
        t.Equation(left, formula(loss_slope(s), one)),
        t.Equation(dA, matrix),
    )
    notes = _notes(s)
    return DerivationStep(
        "loss_by_prediction",
        OUTPUT,
        "The loss by its prediction",
        lines,
        rules(s.loss.body, v.a),
        f"How the loss of an example changes with its prediction, its target held fixed; dA[{s.L}] holds it for every "
        "output and example.",
        "3 A",
        notes=notes,
        values=values(s, {dA: ("dA", s.L)}),
    )


def _notes(s: Setting) -> tuple[str, ...]:
    notes = []
    if s.takes_mean_of_outputs:
        notes.append(f"The loss of an example is the mean over its outputs, hence the factor 1/n[{s.L}].")
    if s.weighted:
        notes.append("Each example's error counts by its weight w, relative to the mean weight.")
    if s.loss.name in ("binary_focal", "hinge"):
        notes.append("The target y is 0 or 1.")
    if s.loss.name in ("absolute_error", "quantile"):
        notes.append(
            "At the kink a = y there is no derivative; 0, which lies between the slopes on both sides, is taken."
        )
    if s.loss.name == "hinge":
        notes.append("At the kink t a = 1 there is no derivative; 0, the slope on the right, is taken.")
    known = constants([s.loss])
    return (*notes, *([f"Here {known}."] if known else []))


def slope_lines(g: Expression, left: t.Node, z: t.Node, letters: dict[str, t.Node]) -> tuple[t.Relation, ...]:
    """g'(z): as the rules give it, simplified, and through the value a, for which z is solved where need be."""
    v = variables()
    raw = derivative(g.body, v.z)
    through = through_value(g.body, v.z, v.a)
    if through is None:
        return chain(t.Equation(left, formula(raw, letters)), t.Equation(left, formula(simplest(raw), letters)))
    solved: list[t.Relation] = []
    if v.z in simplest(raw).subs(g.body, v.a).free_symbols:
        solved = [t.Equation(z, formula(inverse(g.body, v.z, v.a), letters))]
    return chain(t.Equation(left, formula(raw, letters)), *solved, t.Equation(left, formula(through, letters)))


def _slope(s: Setting, g: Expression) -> DerivationStep:
    one = scalars(s)
    a, z = one["a"], one["z"]
    lines = slope_lines(g, t.Derivative(a, z), z, one)
    solved = len(lines) == 3 and lines[1].left == z
    why = "How the prediction changes with the linear part"
    if solved:
        why += "; solving a = g(z) for z and putting it in leaves the prediction alone"
    elif lines[-1] != lines[0]:
        why += f"; g(z) is the prediction {'aₖ' if s.several else 'a'} itself"
    known = constants([g])
    return DerivationStep(
        "output_slope",
        OUTPUT,
        "The slope of the output activation",
        chain(t.Equation(a, formula(g.body, one)), *lines),
        rules(g.body, variables().z),
        why + ".",
        "1 B",
        notes=(f"Here {known}.",) if known else (),
    )


def _delta(s: Setting, g: Expression) -> DerivationStep:
    v, one = variables(), scalars(s)
    L, left = loss_letter(s), t.Derivative(loss_letter(s), one["z"])
    product = t.Derivative(L, one["a"]).hadamard(t.Derivative(one["a"], one["z"]))
    factors = formula(loss_slope(s), one).hadamard(formula(best_slope(g), one))
    short = delta(s)
    simple = short - (v.a - v.y) == 0 or short - (v.a - v.t) == 0
    dZ = letter("dZ", s.L)
    matrix = over_outputs(s, formula(short, matrices(s), elementwise=True))
    whole = t.Equation(dZ, t.Symbol("w").hadamard(matrix) if s.weighted else matrix)
    general = whole if simple else numbered("output_delta_product", s.L, s)
    lines = [t.Equation(left, product)]
    if g.body != v.z:
        lines.append(t.Equation(left, factors))
    lines.append(t.Equation(left, formula(short, one)))
    row = EQUATIONS["output_delta" if simple else "output_delta_product"]
    return DerivationStep(
        "output_delta",
        OUTPUT,
        "The error of the output",
        chain(*lines, general, whole),
        "chain rule",
        row.reason
        if simple
        else "The slope of the loss times the slope of the output activation, for each number by itself.",
        row.section,
        shaped(general, s),
        notes=delta_notes(s, simple),
        values=values(s, {dZ: ("dZ", s.L)}),
    )
