"""The table of losses: each with its output activation, value, derivative and valid targets (rows 5 to 7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from chainrule._errors import InvalidParameterError, check_keywords, nearest
from chainrule.network.activations import COUPLED, Activation
from chainrule.network.custom.any_activation import activation
from chainrule.network.losses import classification as ce
from chainrule.network.losses import quantiles as qs
from chainrule.network.losses import regression as rg
from chainrule.network.losses.base import EXPONENTIAL, IDENTITY, SIGMOID, Loss, on_output
from chainrule.network.losses.custom import custom_loss, is_custom_loss

__all__ = ["IDENTITY", "LOSSES", "LOSS_ALIASES", "Loss", "custom_loss", "is_custom_loss", "loss", "natural"]

_PROBABILITY = {"is_valid": ce.is_probability, "domain": "between 0 and 1"}
_DISTRIBUTION = {**_PROBABILITY, "sums_outputs": True}
_COUNT = {"is_valid": rg.is_not_negative, "domain": "at least 0"}
_POSITIVE = {"is_valid": rg.is_positive, "domain": "above 0"}

# name: (output activation, value, derivative with respect to Z, valid targets)
LOSSES: dict[str, tuple[Activation, Callable[..., Any], Callable[..., Any], dict[str, Any]]] = {
    "binary_cross_entropy": (SIGMOID, ce.binary_cross_entropy, ce.binary_cross_entropy_dZ, _PROBABILITY),
    "categorical_cross_entropy": (
        ce.SOFTMAX,
        ce.categorical_cross_entropy,
        ce.categorical_cross_entropy_dZ,
        _DISTRIBUTION,
    ),
    "binary_focal": (SIGMOID, ce.binary_focal, ce.binary_focal_dZ, _PROBABILITY),
    "categorical_focal": (ce.SOFTMAX, ce.categorical_focal, ce.categorical_focal_dZ, _DISTRIBUTION),
    "hinge": (IDENTITY, ce.hinge, ce.hinge_dZ, _PROBABILITY),
    "squared_error": (IDENTITY, rg.squared_error, rg.squared_error_dZ, {}),
    "absolute_error": (IDENTITY, rg.absolute_error, rg.absolute_error_dZ, {}),
    "huber": (IDENTITY, rg.huber, rg.huber_dZ, {}),
    "log_cosh": (IDENTITY, rg.log_cosh, rg.log_cosh_dZ, {}),
    "quantile": (IDENTITY, rg.pinball, rg.pinball_dZ, {}),
    "poisson": (EXPONENTIAL, rg.poisson, rg.poisson_dZ, _COUNT),
    "gamma": (EXPONENTIAL, rg.gamma, rg.gamma_dZ, _POSITIVE),
    "tweedie": (EXPONENTIAL, rg.tweedie, rg.tweedie_dZ, _COUNT),
    "quantiles": (qs.ASCENDING, qs.pinballs, qs.pinballs_dZ, {}),
}
LOSS_ALIASES = {
    "pinball": "quantile",
    "cross_entropy": "categorical_cross_entropy",
    "log_loss": "binary_cross_entropy",
}

_RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "label_smoothing": (lambda v: 0 <= v < 1, "at least 0 and below 1"),
    "gamma": (lambda v: v >= 0, "at least 0"),
    "delta": (lambda v: v > 0, "above 0"),
    "quantile": (lambda v: 0 < v < 1, "between 0 and 1"),
    "power": (lambda v: v >= 1, "at least 1"),
    "quantiles": (qs.rise_within_0_and_1, "numbers between 0 and 1, each above the one before"),
}


def loss(name: str, *, output: str | Activation | None = None, **parameters: Any) -> Loss:
    """Look a loss up by name, with its parameters.

    Parameters
    ----------
    name : str
        A key of `LOSSES`, or "pinball" for "quantile".
    output : str or Activation, optional
        The activation of the last layer; by default the one the loss is paired with.
    **parameters : float or sequence of float
        `label_smoothing` (cross-entropies), `gamma` (focal), `delta` (huber), `quantile`, `power` (tweedie);
        `quantiles`, one for each output (by default they cut into equal shares).

    Raises
    ------
    InvalidParameterError
        If a name is unknown, a value out of range, or the output does not fit the loss.

    Examples
    --------
    >>> import numpy as np
    >>> pair = loss("binary_cross_entropy")
    >>> pair.pair
    'sigmoid + binary_cross_entropy'
    >>> float(pair.per_example(np.array([[1000.0]]), np.array([[0.0]]))[0])
    1000.0
    """
    name = LOSS_ALIASES.get(name, name)
    if name not in LOSSES:
        raise InvalidParameterError(f"loss={name!r} is not known. {nearest(name, LOSSES)}")
    natural, value, derivative, target = LOSSES[name]
    _check_parameters(name, value, parameters)
    if name == "tweedie" and parameters.get("power", 1.5) >= 2:
        target = _POSITIVE
    if "quantiles" in parameters:
        parameters["quantiles"] = tuple(float(q) for q in parameters["quantiles"])
        target = {"n_outputs": len(parameters["quantiles"])}
    value, derivative = partial(value, **parameters), partial(derivative, **parameters)
    paired = Loss(name, natural, value, derivative, parameters=parameters, **target)
    if output is None or output in (natural.name, natural):
        return paired
    if output in COUPLED:
        owners = " and ".join(repr(key) for key, (own, *_) in LOSSES.items() if own.name == output)
        raise InvalidParameterError(f"{output} is the output of {owners}, not of {name!r}.")
    return on_output(paired, activation(output))


def natural(loss: Loss) -> bool:
    """Tell whether the loss is computed from Z[L] itself, behind the output activation it is paired with."""
    return loss.name not in LOSSES or loss.output.name == LOSSES[loss.name][0].name


def _check_parameters(name: str, value: Callable[..., Any], parameters: dict[str, Any]) -> None:
    check_keywords(f"loss {name!r}", parameters, value, behind=2)
    for key, given in parameters.items():
        holds, words = _RANGES[key]
        if not holds(given):
            raise InvalidParameterError(f"{key} must be {words}, got {given!r}.")
