"""The way forward through every layer, the loss and the cost."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.derivation.deriving.letters import loss_letter, scalars
from chainrule.derivation.deriving.setting import Setting
from chainrule.derivation.deriving.steps import DerivationStep, constants, letter, numbered, shaped, values
from chainrule.derivation.equations import EQUATIONS, ONE, J
from chainrule.derivation.layouts import at_layer
from chainrule.derivation.symbolic.expressions import Expression
from chainrule.derivation.symbolic.from_sympy import formula
from chainrule.derivation.tracing import formulas as step_formulas
from chainrule.formula import tree as t

FORWARD, COST = "Forward", "Loss and cost"
_DROPOUT = "Dropout multiplies by the mask M: 0 removes a unit for an example, 1/(1 - rate) makes up for it elsewhere."


def forward_steps(s: Setting) -> Iterator[DerivationStep]:
    """Z[l] and A[l] of every layer."""
    for l in range(1, s.L + 1):
        yield _linear(s, l)
        yield _activation(s, l)


def _linear(s: Setting, l: int) -> DerivationStep:
    row, whole = EQUATIONS["linear"], numbered("linear", l, s)
    z, w, a, b = letter("z", l, "k"), letter("W", l, "k", "j"), letter("a", l - 1, "j"), letter("b", l, "k")
    element = t.Equation(z, t.Total("j", "", w * a) + b)
    return DerivationStep(
        "linear",
        FORWARD,
        f"Linear part of layer {l}",
        (element, whole) if s.element else (whole,),
        "definition",
        row.reason
        + (" Unit k of the layer is row k of W, unit j of the layer before is column j." if s.element else ""),
        row.section,
        shaped(whole, s),
        notes=("A[0] is X, the inputs: one column for each example.",) if l == 1 else (),
        values=values(s, {letter(name, l): (name, l) for name in "WbZ"}),
    )


def _activation(s: Setting, l: int) -> DerivationStep:
    row, g, mask = EQUATIONS["activation"], s.g[l], s.mask(l)
    general = at_layer(step_formulas.activation(masked=mask is not None), l, s.L)
    lines = [general]
    if g is None:
        shares = t.Power(t.Symbol("e"), letter("z", l, "k")) / t.Total(
            "j", "", t.Power(t.Symbol("e"), letter("z", l, "j"))
        )
        lines.append(t.Equation(letter("a", l, "k"), shares))
    else:
        lines.append(t.Equation(t.Apply("g", t.Symbol("z"), str(l)), formula(g.body)))
    known = constants([g])
    notes = ([f"Here {known}."] if known else []) + ([_DROPOUT] if mask is not None else [])
    if g is not None and "Φ" in {type(part).__name__ for part in g.body.args}:
        notes.append("Φ is the distribution function of the standard normal distribution, φ its density.")
    if g is not None and "σ" in str(g.body):
        notes.append("σ(z) = 1/(1 + e^(-z)) is the sigmoid.")
    softmax = "A softmax takes all numbers of a column together: they become shares of 1."
    return DerivationStep(
        "activation",
        FORWARD,
        f"Activation of layer {l}" + (f": {_words(g)}" if _words(g) else ""),
        tuple(lines),
        "definition",
        softmax if g is None else row.reason,
        row.section,
        shaped(general, s),
        notes=tuple(notes),
        values=values(s, {letter("A", l): ("A", l)}),
    )


def _words(g: Expression | None) -> str:
    return "softmax" if g is None else g.name.replace("_", " ")


def cost_steps(s: Setting) -> Iterator[DerivationStep]:
    """The loss of an example, the cost, and the penalty."""
    yield _loss(s)
    penalized = bool(s.penalty.alpha)
    row = EQUATIONS["cost"]
    yield DerivationStep(
        "cost",
        COST,
        "Cost",
        (step_formulas.cost(weighted=s.weighted, penalized=penalized),),
        "definition",
        row.reason if penalized else row.reason.partition(";")[0] + ".",
        row.section,
        values=values(s, {J: s.trace.cost} if s.trace else {}),
    )
    if penalized:
        row = EQUATIONS["penalty"]
        yield DerivationStep(
            "penalty",
            COST,
            "Penalty",
            (step_formulas.penalty_value(s.penalty),),
            "definition",
            row.reason,
            row.section,
            notes=(_strengths(s),),
        )


def _strengths(s: Setting) -> str:
    parts = [("λ₁", s.penalty.l1), ("λ₂", s.penalty.l2)]
    return "Here " + ", ".join(f"{name} = {value:.6g}" for name, value in parts if value) + "."


def _loss(s: Setting) -> DerivationStep:
    row, one = EQUATIONS["loss"], scalars(s)
    body = formula(s.loss.body, one)
    L = t.Symbol("L")
    lines = [t.Equation(L, t.Total("k", "", body) if s.several and s.sums_outputs else body)]
    if s.takes_mean_of_outputs:
        each = loss_letter(s)
        lines = [t.Equation(each, body), t.Equation(L, (ONE / t.Symbol("n", str(s.L))) * t.Total("k", "", each))]
    if s.loss.target is not None:
        lines.append(t.Equation(one["t"], formula(s.loss.target, one)))
    known = constants([s.loss])
    prediction = "aₖ and yₖ are prediction and target of output k" if s.several else "a is the prediction, y the target"
    notes = [f"{prediction}; the predictions of all examples are A[{s.L}], the targets Y."]
    if s.loss.target is not None:
        notes.append("t takes the target's place; the targets t of all examples are T.")
    return DerivationStep(
        "loss",
        COST,
        "Loss of an example" + (f": {_words(s.loss)}" if s.loss.name else ""),
        tuple(lines),
        "definition",
        row.reason,
        row.section,
        notes=(*notes, *([f"Here {known}."] if known else [])),
    )
