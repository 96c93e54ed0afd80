"""A network's activation and loss as SymPy expressions, with what their parameters are worth."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chainrule._errors import InvalidParameterError
from chainrule.derivation.symbolic.formulas import ACTIVATION_FORMULAS, LOSS_FORMULAS
from chainrule.derivation.symbolic.to_sympy import expression_of, parsed, variables
from chainrule.network.activations import ACTIVATIONS, COUPLED, FORMULA, Activation
from chainrule.network.losses import LOSSES, Loss

# What each parameter is called in a formula; the code's names are words.
LETTERS = {
    "negative_slope": "s",
    "alpha": "c",
    "scale": "λ",
    "gamma": "γ",
    "delta": "δ",
    "quantile": "q",
    "power": "p",
}


@dataclass(frozen=True)
class Expression:
    """A function as a formula in z, or in a and y, and what its letters are worth.

    Attributes
    ----------
    name : str
        The library's name of it; empty for a formula of the user's own.
    body : SymPy expression
    parameters : mapping of str to float
        By letter.
    target : SymPy expression, optional
        What t stands for, in y, where a loss is not written in y itself.
    """

    name: str
    body: Any
    parameters: Mapping[str, float]
    target: Any = None


def activation_expression(activation: Activation) -> Expression:
    """The formula of an activation: one of the library's, or the user's own if it is given as text.

    Raises InvalidParameterError where there is none of one number.
    """
    if activation.name == FORMULA:
        return Expression("", parsed(activation.parameters["g"], {"z": variables().z}, what="activation"), {})
    if activation.is_custom:
        raise InvalidParameterError(
            f"the activation {activation.name!r} is a function, which cannot be derived in symbols. Give it as a "
            "formula, such as 'z * sigmoid(z)'."
        )
    if activation.name in COUPLED:
        raise InvalidParameterError(
            f"{activation.name} has no formula of one number; of the two, only a softmax is derived in symbols. For "
            "several quantiles derive one: loss=('quantile', {'quantile': 0.9})."
        )
    values = {**_defaults(ACTIVATIONS[activation.name][0]), **activation.parameters}
    if activation.name == "selu":  # its two constants are no parameters in the code
        values = _selu_constants()
    body = expression_of(ACTIVATION_FORMULAS[activation.name], {"z": variables().z, **_lettered(values)})
    return Expression(activation.name, body, {LETTERS[name]: value for name, value in values.items()})


def loss_expression(loss: Loss) -> Expression:
    """The formula of one of the library's losses for one output."""
    if loss.name not in LOSSES:
        raise InvalidParameterError(
            f"the loss {loss.name!r} is made of functions, which cannot be derived in symbols. derive takes a loss as "
            "a formula in a and y, such as '(a - y)^4'."
        )
    v, name = variables(), loss.name
    values = {**_defaults(LOSSES[name][1]), **loss.parameters}
    target = _target(loss, values.pop("label_smoothing", 0.0))
    if name == "tweedie" and values["power"] in (1, 2):  # the limits of its formula
        name, values = ("poisson" if values["power"] == 1 else "gamma"), {}
    letters = {"a": v.a, "y": v.y if target is None else v.t, **_lettered(values)}
    body = expression_of(LOSS_FORMULAS[name], letters)
    return Expression(loss.name, body, {LETTERS[key]: value for key, value in values.items()}, target)


def _target(loss: Loss, smoothing: float) -> Any:
    """What t is: a class as -1 or 1 for the hinge, a smoothed target, or None."""
    import sympy

    y = variables().y
    if loss.name == "hinge":
        return 2 * y - 1
    share = sympy.Rational(str(smoothing))
    classes = sympy.Symbol("n[L]", positive=True) if loss.sums_outputs else 2
    return (1 - share) * y + share / classes if smoothing else None


def _lettered(values: Mapping[str, float]) -> dict[str, Any]:
    """The letter of each parameter; all of them are positive."""
    import sympy

    return {name: sympy.Symbol(LETTERS[name], positive=True) for name in values}


def _defaults(function: Callable[..., Any]) -> dict[str, float]:
    given = inspect.signature(function).parameters.values()
    return {entry.name: entry.default for entry in given if entry.default is not entry.empty}


def _selu_constants() -> dict[str, float]:
    """Scale and alpha, read off the function: its slope above 0, and its limit far below."""
    import numpy as np

    above, below = ACTIVATIONS["selu"][0](np.array([1.0, -90.0]))
    return {"scale": float(above), "alpha": float(-below / above)}
