"""Activations and losses as SymPy expressions: what the derivation differentiates."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

from chainrule._errors import InvalidParameterError
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


@cache
def variables() -> SimpleNamespace:
    """The letters z, a, y and t, the target after label smoothing."""
    import sympy

    z, a, y, t = sympy.symbols("z a y t", real=True)
    return SimpleNamespace(z=z, a=a, y=y, t=t)


def parameter(letter: str) -> Any:
    """A parameter's letter; all of them are positive."""
    import sympy

    return sympy.Symbol(letter, positive=True)


@cache
def functions() -> SimpleNamespace:
    """Functions that are known by name, each with its derivative: σ, and the normal distribution's Φ and φ."""
    import sympy

    def known(name: str, derivative: Callable[[Any], Any]) -> Any:
        def fdiff(self: Any, argindex: int = 1) -> Any:
            return derivative(self.args[0])

        return type(name, (sympy.Function,), {"nargs": 1, "fdiff": fdiff, "is_real": True, "is_commutative": True})

    density = known("φ", lambda x: -x * density(x))
    cdf = known("Φ", lambda x: density(x))
    sigmoid = known("σ", lambda x: sigmoid(x) * (1 - sigmoid(x)))
    return SimpleNamespace(sigmoid=sigmoid, cdf=cdf, density=density)


@cache
def activation_formulas() -> Mapping[str, Callable[..., Any]]:
    """Each activation as a function of z and its parameters; a kink's value is the one the network takes."""
    from sympy import Abs, Piecewise, exp, log, tanh

    f = functions()
    return {
        "identity": lambda z: z,
        "sigmoid": lambda z: 1 / (1 + exp(-z)),
        "tanh": tanh,
        "relu": lambda z: Piecewise((z, z > 0), (0, True)),
        "leaky_relu": lambda z, negative_slope: Piecewise((z, z > 0), (negative_slope * z, True)),
        "elu": lambda z, alpha: Piecewise((z, z > 0), (alpha * (exp(z) - 1), True)),
        "selu": lambda z, scale, alpha: Piecewise((scale * z, z > 0), (scale * alpha * (exp(z) - 1), True)),
        "gelu": lambda z: z * f.cdf(z),
        "silu": lambda z: z * f.sigmoid(z),
        "softplus": lambda z: log(1 + exp(z)),
        "mish": lambda z: z * tanh(log(1 + exp(z))),
        "hard_tanh": lambda z: Piecewise((z, Abs(z) < 1), (1, z > 0), (-1, True)),
        "exponential": exp,
    }


@cache
def loss_formulas() -> Mapping[str, Callable[..., Any]]:
    """Each loss of one output as a function of prediction, target and its parameters."""
    from sympy import Abs, Piecewise, cosh, log

    def deviance(a: Any, y: Any, power: Any) -> Any:
        p, q = 1 - power, 2 - power
        return y**q / (p * q) - y * a**p / p + a**q / q

    def huber(a: Any, y: Any, delta: Any) -> Any:
        r = Abs(a - y)
        return Piecewise(((a - y) ** 2 / 2, r <= delta), (delta * (r - delta / 2), True))

    def pinball(a: Any, y: Any, quantile: Any) -> Any:
        return Piecewise(((1 - quantile) * (a - y), a > y), (quantile * (y - a), a < y), (0, True))

    def binary_focal(a: Any, y: Any, gamma: Any) -> Any:
        return -y * (1 - a) ** gamma * log(a) - (1 - y) * a**gamma * log(1 - a)

    return {
        "binary_cross_entropy": lambda a, y: -y * log(a) - (1 - y) * log(1 - a),
        "categorical_cross_entropy": lambda a, y: -y * log(a),
        "binary_focal": binary_focal,
        "categorical_focal": lambda a, y, gamma: -y * (1 - a) ** gamma * log(a),
        "hinge": lambda a, t: Piecewise((1 - t * a, t * a < 1), (0, True)),
        "squared_error": lambda a, y: (a - y) ** 2 / 2,
        "absolute_error": lambda a, y: Abs(a - y),
        "huber": huber,
        "log_cosh": lambda a, y: log(cosh(a - y)),
        "quantile": pinball,
        "poisson": lambda a, y: y * log(y / a) - y + a,
        "gamma": lambda a, y: log(a / y) + y / a - 1,
        "tweedie": deviance,
    }


def activation_expression(activation: Activation) -> Expression:
    """The formula of an activation: one of the library's, or the user's own if it is given as text.

    Raises InvalidParameterError where there is none of one number.
    """
    if activation.name == FORMULA:
        from chainrule.derivation.symbolic.written_formula import parsed

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
    body = activation_formulas()[activation.name](variables().z, **_lettered(values))
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
    body = loss_formulas()[name](v.a, v.y if target is None else v.t, **_lettered(values))
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
    return {name: parameter(LETTERS[name]) for name in values}


def _defaults(function: Callable[..., Any]) -> dict[str, float]:
    given = inspect.signature(function).parameters.values()
    return {entry.name: entry.default for entry in given if entry.default is not entry.empty}


def _selu_constants() -> dict[str, float]:
    """Scale and alpha, read off the function: its slope above 0, and its limit far below."""
    import numpy as np

    above, below = ACTIVATIONS["selu"][0](np.array([1.0, -90.0]))
    return {"scale": float(above), "alpha": float(-below / above)}
