"""The letters of the output layer, for one output and for all, and what is said of its error."""

from __future__ import annotations

from typing import Any

from chainrule.derivation.deriving.setting import Setting
from chainrule.derivation.deriving.steps import letter
from chainrule.derivation.equations import ONE
from chainrule.derivation.symbolic.calculus import derivative, simplest
from chainrule.derivation.symbolic.to_sympy import variables
from chainrule.formula import tree as t
from chainrule.network.losses import natural

OUTPUT = "The output layer, back"  # the heading of its steps


def scalars(s: Setting, index: str = "k") -> dict[str, t.Node]:
    """The letters of one output, with its index where there are several."""
    indices = (index,) if s.several else ()
    letters: dict[str, t.Node] = {name: t.Symbol(name, "", indices) for name in "azyt"}
    return letters | {"n[L]": t.Symbol("n", str(s.L))}


def matrices(s: Setting) -> dict[str, t.Node]:
    """The letters of all outputs and examples."""
    letters: dict[str, t.Node] = {"a": letter("A", s.L), "z": letter("Z", s.L), "y": t.Symbol("Y"), "t": t.Symbol("T")}
    return letters


def loss_letter(s: Setting) -> t.Symbol:
    """The loss of an example, or of one of several outputs whose mean is taken."""
    return t.Symbol("L", "", ("k",) if s.takes_mean_of_outputs else ())


def loss_slope(s: Setting) -> Any:
    """∂L/∂a of one output, simplified."""
    return simplest(derivative(s.loss.body, variables().a))


def over_outputs(s: Setting, node: t.Node) -> t.Node:
    """Divided by the number of outputs, where the loss is their mean; a number in front goes over the fraction."""
    if not s.takes_mean_of_outputs:
        return node
    n = t.Symbol("n", str(s.L))
    if isinstance(node, t.Product) and node.kind == "scalar" and isinstance(node.factors[0], t.Number):
        return t.Product((node.factors[0] / n, *node.factors[1:]))
    return (ONE / n) * node


def delta_notes(s: Setting, simple: bool) -> tuple[str, ...]:
    """What a reader may ask about dZ[L]."""
    notes = [f"dZ[{s.L}] stands for ∂L/∂Z[{s.L}] of every example. It carries no 1/m; the mean is taken in dW and db."]
    if s.library_loss is not None and natural(s.library_loss) and s.library_loss.output.name != "identity":
        notes.append(
            f"chainrule computes the pair from Z[{s.L}] in one go, never as the product: where the prediction rounds "
            "to the end of its range, the product would be 0 times infinity."
        )
    elif not simple and s.g[-1] is not None and s.g[-1].body != variables().z:
        notes.append(
            "Where the output saturates, its slope is near 0, and so is the error, however wrong the output is."
        )
    return tuple(notes)
