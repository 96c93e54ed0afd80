"""The output layer behind a softmax, for any number of classes."""

from __future__ import annotations

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
from chainrule.derivation.deriving.steps import DerivationStep, letter, shaped, values
from chainrule.derivation.equations import EQUATIONS
from chainrule.derivation.symbolic.calculus import simplest
from chainrule.derivation.symbolic.from_sympy import formula
from chainrule.derivation.symbolic.to_sympy import variables
from chainrule.formula import tree as t


def softmax_slope(s: Setting) -> DerivationStep:
    """Both cases, by SymPy: S = e^(z_j) + R, where R holds the other terms and does not contain z_j."""
    import sympy

    zj, zk, aj, ak, rest = sympy.symbols("zj zk aj ak R", positive=True)
    own, other = (sympy.exp(z) / (sympy.exp(zj) + rest) for z in (zj, zk))
    names: dict[str, t.Node] = {f"{name}{i}": t.Symbol(name, "", (i,)) for name in "za" for i in "jk"}
    # From a_j = e^(z_j)/S and S = e^(z_j) + R follow both exponentials.
    solved = {sympy.exp(zj): aj * rest / (1 - aj), sympy.exp(zk): ak * rest / (1 - aj)}
    lines: list[t.Relation] = []
    for name, share in (("aj", own), ("ak", other)):
        raw = sympy.factor(sympy.diff(share, zj))
        left = t.Derivative(names[name], names["zj"])
        lines += [t.Equation(names[name], formula(share, names)), t.Equation(left, formula(raw, names))]
        lines.append(t.Equation(left, formula(sympy.factor(sympy.cancel(raw.subs(solved))), names)))
    both = names["ak"] * (t.Symbol("δ", "", ("k", "j")) - names["aj"])
    lines.append(t.Equation(t.Derivative(names["ak"], names["zj"]), both))
    return DerivationStep(
        "output_slope",
        OUTPUT,
        "The slopes of the softmax",
        tuple(lines),
        "quotient rule",
        "Every prediction depends on every z, since all share the sum S = Σ e^z; R is that sum without the term of zⱼ, "
        "so it does not change with zⱼ. The first case is k = j, the second any other k; with δₖⱼ = 1 if k = j, else "
        "0, both are one line.",
        "3 A",
    )


def softmax_delta(s: Setting) -> DerivationStep:
    """With c = a ∂L/∂a of each output: c_j - a_j Σₖ c_k, which for cross-entropy is a_j - y_j."""
    v, j, k = variables(), scalars(s, "j"), scalars(s, "k")
    left, shares = t.Derivative(t.Symbol("L"), j["z"]), t.Symbol("δ", "", ("k", "j")) - j["a"]
    slope = t.Derivative(loss_letter(s), k["a"])
    weighed = simplest(v.a * loss_slope(s))
    target = next((x for x in (v.y, v.t) if weighed == -x), None)
    c_j, c_k = (
        formula(weighed, letters) if target is not None else t.Symbol("c", "", (i,))
        for letters, i in ((j, "j"), (k, "k"))
    )
    lines = [
        t.Equation(left, over_outputs(s, t.Total("k", "", slope * t.Derivative(k["a"], j["z"])))),
        t.Equation(left, over_outputs(s, t.Total("k", "", c_k * shares))),
        t.Equation(left, over_outputs(s, _taken_apart(c_j, c_k, j["a"]))),
    ]
    named: list[t.Relation] = []
    dZ = letter("dZ", s.L)
    if target is not None:
        lines.append(t.Equation(left, formula(v.a - target, j)))
        right = formula(v.a - target, matrices(s), elementwise=True)
    else:
        C = t.Symbol("C")
        lines.insert(0, t.Equation(c_k, k["a"] * slope))
        lines.insert(1, t.Equation(c_k, formula(weighed, k)))
        named = [t.Equation(C, formula(weighed, matrices(s), elementwise=True))]
        right = over_outputs(s, C - letter("A", s.L).hadamard(t.Total("k", "", C)))
    whole = t.Equation(dZ, t.Symbol("w").hadamard(right) if s.weighted else right)
    simple = target is not None
    why = "The loss depends on zⱼ through every prediction, so the paths are added; δ picks one term out of the sum. "
    why += (
        "The targets of an example add up to 1, which leaves prediction minus target."
        if simple
        else "Nothing more cancels; the sum over k runs down each column."
    )
    return DerivationStep(
        "output_delta",
        OUTPUT,
        "The error of the output",
        (*lines, *named, whole),
        "chain rule, sum over all paths",
        why,
        EQUATIONS["output_delta"].section,
        shaped(whole, s) if simple else None,
        notes=delta_notes(s, simple),
        values=values(s, {dZ: ("dZ", s.L)}),
    )


def _taken_apart(own: t.Node, each: t.Node, a: t.Node) -> t.Node:
    """c_j - a_j Σₖ c_k: δ picks one term out of the sum; a minus sign is drawn out of it."""
    if isinstance(each, t.Negative):
        return t.Sum((own, a * t.Total("k", "", each.part)))
    return own - a * t.Total("k", "", each)
