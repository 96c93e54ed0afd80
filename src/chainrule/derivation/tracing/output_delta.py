"""The last layer: how its error is written for a pair of output activation and loss, and dL/dA of that loss."""

from __future__ import annotations

import numpy as np

from chainrule.derivation.equations import A_last, Y, Z_last, dZ_last
from chainrule.formula import tree as t
from chainrule.network.activations import COUPLED
from chainrule.network.losses import Loss, natural
from chainrule.network.losses.base import derivative_on_output
from chainrule.network.losses.quantiles import pinballs_dA
from chainrule.network.types import Array

_SIMPLE = {"binary_cross_entropy", "categorical_cross_entropy", "squared_error", "poisson"}


def simplifies(loss: Loss) -> bool:
    """Whether the derivative through loss and output activation is prediction minus target.

    Examples
    --------
    >>> from chainrule.network.losses import loss
    >>> simplifies(loss("binary_cross_entropy")), simplifies(loss("squared_error", output="tanh"))
    (True, False)
    """
    simple = loss.name in _SIMPLE or (loss.name == "tweedie" and loss.parameters.get("power") == 1)
    return simple and natural(loss)


def output_formula(loss: Loss, n_outputs: int, *, weighted: bool) -> t.Relation:
    """dZ[L] of a pair, as the network computes it: with the mean over several outputs, and each example's weight."""
    right: t.Node
    if simplifies(loss):
        smoothed = bool(loss.parameters.get("label_smoothing"))
        right = A_last - (t.Symbol("Ỹ") if smoothed else Y)
        if n_outputs > 1 and not loss.sums_outputs:
            right = (t.Number(1) / t.Symbol("n", "L")) * right
        right = t.Symbol("w").hadamard(right) if weighted else right
    elif loss.output.name in COUPLED:
        slopes = t.Symbol(f"{loss.output.name}′", "L")
        right = (slopes if loss.output.name == "softmax" else slopes.T) @ t.Symbol("dA", "L")
    else:
        right = t.Symbol("dA", "L").hadamard(t.Apply("g", Z_last, "L", prime=True))
    return t.Equation(dZ_last, right)


def derivative_by_prediction(loss: Loss, Z: Array, Y: Array) -> Array:
    """∂L/∂A[L] of every example, shape (n[L], m): the derivative of the loss by its prediction, at A[L] = g(Z[L]).

    Where the network computes the pair in one go, it is dZ[L] divided by g'(Z[L]); behind a softmax or ascending
    outputs, whose slope is a matrix, it is the loss's own formula.
    """
    A = loss.output.g(Z)
    if loss.output.name == "softmax":
        return _behind_softmax(loss, A, Y)
    if loss.output.name == "ascending":
        return pinballs_dA(A, Y, loss.parameters.get("quantiles")) / len(Y)
    if not natural(loss) and _function(loss.derivative) is derivative_on_output:
        behind = loss.derivative.args[0]  # type: ignore[attr-defined]  # the loss on predictions
        return behind.derivative(A, Y) / (1 if loss.sums_outputs else len(Y))
    slope = loss.output.g_prime(Z)
    return np.divide(loss.dZ(Z, Y), slope, out=np.zeros_like(Z), where=slope != 0)


def _behind_softmax(loss: Loss, A: Array, Y: Array) -> Array:
    smoothing = loss.parameters.get("label_smoothing", 0.0)
    Y = (1 - smoothing) * Y + smoothing / len(Y)
    gamma = loss.parameters.get("gamma", 2.0) if loss.name == "categorical_focal" else 0.0
    p = np.maximum(A, np.finfo(A.dtype).tiny)
    played_down = gamma * (1 - p) ** (gamma - 1) * np.log(p) if gamma else 0.0
    return Y * (played_down - (1 - p) ** gamma / p)


def _function(f: object) -> object:
    return getattr(f, "func", f)
