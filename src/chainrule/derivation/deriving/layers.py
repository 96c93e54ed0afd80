"""The way back through each layer, and the update."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chainrule.derivation.deriving.output import best_slope, slope_lines
from chainrule.derivation.deriving.setting import Setting
from chainrule.derivation.deriving.steps import DerivationStep, chain, constants, letter, numbered, shaped, values
from chainrule.derivation.equations import EQUATIONS, ONE, J, m
from chainrule.derivation.layouts import at_layer
from chainrule.derivation.symbolic.calculus import rules
from chainrule.derivation.symbolic.expressions import Expression
from chainrule.derivation.symbolic.from_sympy import formula
from chainrule.derivation.symbolic.to_sympy import variables
from chainrule.derivation.tracing import formulas as step_formulas
from chainrule.formula import tree as t

UPDATE = "Update"


def layer_steps(s: Setting) -> Iterator[DerivationStep]:
    """From the last layer to the first: the error goes back, and each layer's gradients are taken."""
    for l in range(s.L, 0, -1):
        if l > 1:
            yield _previous_activation(s, l)
            yield _slope(s, l - 1)
            yield _hidden_delta(s, l)
        yield _weights(s, l)
        yield _biases(s, l)


def _part(l: int) -> str:
    return f"Layer {l}, back"


def _previous_activation(s: Setting, l: int) -> DerivationStep:
    row, whole = EQUATIONS["previous_activation"], numbered("previous_activation", l, s)
    z, a, w = letter("z", l, "k"), letter("a", l - 1, "j"), letter("W", l, "k", "j")
    left, L = t.Derivative(t.Symbol("L"), a), t.Symbol("L")
    element = (
        t.Equation(left, t.Total("k", "", t.Derivative(L, z) * t.Derivative(z, a))),
        t.Equation(t.Derivative(z, a), w),
        t.Equation(letter("dA", l - 1, "j"), t.Total("k", "", w * letter("dZ", l, "k"))),
    )
    why = (
        f"Unit j feeds every unit k of layer {l}, so all paths from aⱼ to the loss are added; zₖ is linear in aⱼ, with "
        "slope Wₖⱼ. The sum runs over k, the first index of W, and a matrix product sums over the second index of its "
        "first factor: so W stands transposed."
    )
    return DerivationStep(
        "previous_activation",
        _part(l),
        f"Error of the activation of layer {l - 1}",
        (*element, whole) if s.element else (whole,),
        "chain rule, sum over all paths; linearity",
        why if s.element else row.reason.replace("l-1", str(l - 1)).replace("layer l ", f"layer {l} "),
        row.section,
        shaped(whole, s),
        values=values(s, {letter("dA", l - 1): ("dA", l - 1)}),
    )


def _matrix_slope(s: Setting, l: int) -> t.Node:
    """g'(Z[l]) written out; through A[l] where that is shorter and no mask is in it."""
    g = s.g[l]
    assert g is not None  # a softmax stands only behind the last layer
    letters: dict[str, t.Node] = {"a": letter("A", l), "z": letter("Z", l)}
    if s.mask(l) is not None and variables().a in best_slope(g).free_symbols:
        letters["a"] = t.Apply("g", letter("Z", l), str(l))
    return formula(best_slope(g), letters, elementwise=True)


def _slope(s: Setting, l: int) -> DerivationStep:
    g = s.g[l]
    assert g is not None  # as above
    left = t.Apply("g", t.Symbol("z"), str(l), prime=True)
    lines = slope_lines(g, left, t.Symbol("z"), {"z": t.Symbol("z"), "a": t.Symbol("a")})
    whole = t.Equation(t.Apply("g", letter("Z", l), str(l), prime=True), _matrix_slope(s, l))
    through = "a" in {part.name for part in t.parts(lines[-1]) if isinstance(part, t.Symbol)}
    why = "The activation is differentiated by its own argument, and applied to each number by itself."
    return DerivationStep(
        "hidden_slope",
        _part(l + 1),
        f"Slope of the activation of layer {l}",
        chain(t.Equation(t.Apply("g", t.Symbol("z"), str(l)), formula(g.body)), *lines, whole),
        rules(g.body, variables().z),
        why + (" With a = g(z), the forward pass has computed nearly all of it already." if through else ""),
        "1 B",
        notes=_slope_notes(g),
        values=values(s, {whole.left: s.trace.problem.architecture.g[l].g_prime(s.trace.Z[l])} if s.trace else {}),
    )


_KINKS = {
    "relu": "At the kink z = 0 there is no derivative; 0, the slope on the left, is taken.",
    "leaky_relu": "At the kink z = 0 there is no derivative; s, the slope on the left, is taken.",
    "hard_tanh": "At the kinks z = -1 and z = 1 there is no derivative; 0, the slope outside, is taken.",
    "elu": "At z = 0 the slopes are 1 on the right and c on the left; c is taken.",
    "selu": "At the kink z = 0 there is no derivative; the slope on the left, λ c, is taken.",
}
_SOURCE_ON_RELU = (
    "The source's table prints the derivative of ReLU as “z if z > 0, 0 otherwise”. That is ReLU itself: at z = 2 it "
    "says 2, where the slope is 1."
)


def _slope_notes(g: Expression) -> tuple[str, ...]:
    known = constants([g])
    kink = [_KINKS[g.name]] if g.name in _KINKS else []
    source = [_SOURCE_ON_RELU] if g.name == "relu" else []
    return (*source, *kink, *([f"Here {known}."] if known else []))


def _hidden_delta(s: Setting, l: int) -> DerivationStep:
    row, mask = EQUATIONS["hidden_delta"], s.mask(l - 1)
    whole = at_layer(step_formulas.hidden_delta(masked=mask is not None), l, s.L)
    dZ, dA = letter("dZ", l - 1), letter("dA", l - 1)
    factors = (dA, letter("M", l - 1)) if mask is not None else (dA,)
    spelled = t.Equation(dZ, t.Product((*factors, _matrix_slope(s, l - 1)), "elementwise"))
    z, a, L = letter("z", l - 1, "j"), letter("a", l - 1, "j"), t.Symbol("L")
    element = (
        t.Equation(t.Derivative(L, z), t.Derivative(L, a) * t.Derivative(a, z)),
        t.Equation(letter("dZ", l - 1, "j"), letter("dA", l - 1, "j") * t.Apply("g", z, str(l - 1), prime=True)),
    )
    return DerivationStep(
        "hidden_delta",
        _part(l),
        f"Error of the linear part of layer {l - 1}",
        (*(element if s.element and mask is None else ()), whole, *([spelled] if _short(spelled) else [])),
        "chain rule",
        row.reason,
        row.section,
        shaped(whole, s),
        notes=("A unit that was removed passes no error: the mask again.",) if mask is not None else (),
        values=values(s, {dZ: ("dZ", l - 1)}),
    )


def _short(formula: t.Node) -> bool:
    """Whether it helps to see it once more, written out."""
    nodes = list(t.parts(formula))
    return len(nodes) < 20 and not any(isinstance(node, t.Cases) for node in nodes)


def _over_examples(body: t.Node) -> t.Node:
    return (ONE / m) * t.Total("i", "m", body)


def _weights(s: Setting, l: int) -> DerivationStep:
    row = EQUATIONS["weights_penalized" if s.penalty.alpha else "weights"]
    whole = at_layer(step_formulas.weights(s.penalty) if s.penalty.alpha else row.formula, l, s.L)
    z, a, w, L = letter("z", l, "k"), letter("a", l - 1, "j"), letter("W", l, "k", "j"), t.Symbol("L")
    errors = letter("dZ", l, "k", "i") * letter("A", l - 1, "j", "i")
    element = (
        t.Equation(t.Derivative(L, w), t.Derivative(L, z) * t.Derivative(z, w)),
        t.Equation(t.Derivative(z, w), a),
        t.Equation(t.Derivative(L, w), letter("dZ", l, "k") * a),
        t.Equation(t.Derivative(t.Text("mean loss") if s.penalty.alpha else J, w), _over_examples(errors)),
    )
    why = (
        "Of all linear parts only zₖ contains Wₖⱼ, and it is linear in it, with slope aⱼ. The cost is the mean over "
        "the examples i, so the derivative is too. The sum runs over i, the second index of both factors, and a matrix "
        "product sums over the first index of its second factor: so A stands transposed."
    )
    return DerivationStep(
        "weights",
        _part(l),
        f"Gradient of the weights of layer {l}",
        (*element, whole) if s.element else (whole,),
        "chain rule; sum rule",
        why if s.element else row.reason,
        row.section,
        shaped(whole, s),
        notes=("The mean over the examples, 1/m, is taken here and in db, and nowhere else.",) if l == s.L else (),
        values=values(s, {letter("dW", l): ("dW", l)}),
    )


def _biases(s: Setting, l: int) -> DerivationStep:
    row, whole = EQUATIONS["biases"], numbered("biases", l, s)
    z, b, L = letter("z", l, "k"), letter("b", l, "k"), t.Symbol("L")
    element = (
        t.Equation(t.Derivative(L, b), t.Derivative(L, z) * t.Derivative(z, b)),
        t.Equation(t.Derivative(z, b), ONE),
        t.Equation(letter("db", l, "k"), _over_examples(letter("dZ", l, "k", "i"))),
    )
    why = row.reason + " Hence the sum over the examples i of row k of dZ, divided by m."
    return DerivationStep(
        "biases",
        _part(l),
        f"Gradient of the biases of layer {l}",
        (*element, whole) if s.element else (whole,),
        "chain rule; sum rule",
        why if s.element else row.reason,
        row.section,
        shaped(whole, s),
        values=values(s, {letter("db", l): ("db", l)}),
    )


def update_steps(s: Setting) -> Iterator[DerivationStep]:
    """W and b of every layer, by gradient descent."""
    row = EQUATIONS["update_weights"]
    lines = [numbered(name, l, s) for l in range(1, s.L + 1) for name in ("update_weights", "update_biases")]
    shown: dict[t.Node, Any] = {}
    for l in range(1, s.L + 1):
        shown |= {letter("W", l): ("new_W", l), letter("b", l): ("new_b", l)}
    rate = (f"Here α = {s.trace.learning_rate:.6g}.",) if s.trace is not None else ()
    yield DerivationStep(
        "update",
        UPDATE,
        "Gradient descent",
        tuple(lines),
        "gradient descent",
        "Against the gradient, by the learning rate α. " + row.reason.partition(", ")[2].capitalize(),
        row.section,
        notes=rate,
        values=values(s, shown),
    )
