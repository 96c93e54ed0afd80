"""What the user's own activation or loss is held to before anything is trained with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.activations import FORMULA, Activation
from chainrule.network.architecture import Architecture
from chainrule.network.custom.any_activation import CustomBackward
from chainrule.network.losses import LOSSES, Loss
from chainrule.network.types import Array
from chainrule.slopes.derivative_check import check_derivative
from chainrule.slopes.derivative_check_result import Counterexample, DerivativeCheck
from chainrule.slopes.numeric_slope import central

_REACH = 20.0
_ROWS = 12
_TOLERANCE, _SLACK = 1e-5, 10.0  # relative, and times the estimated error of a difference
_TINY = 1e-100  # where intermediate results underflow
_OFF = "Set check_derivatives=False to use it all the same."


def check_custom_functions(architecture: Architecture, Y: Array) -> None:
    """Hold every activation and the loss of the user's own against differences, and against what a network needs.

    Parameters
    ----------
    architecture : Architecture
    Y : array of shape (m, n[L])
        The targets, some of which the loss is tried with.

    Raises
    ------
    InvalidParameterError
        If a derivative is wrong, with a point at which it is; or if a value is not finite, of another type than its
        argument, dependent on its neighbours, or if the argument is written into.
    ShapeError
        If a function returns an array of another shape.
    """
    for i, g in enumerate(architecture.hidden):
        if g.is_custom and g not in architecture.hidden[:i]:
            check_custom_activation(g)
    if architecture.loss.name not in LOSSES:
        check_custom_loss(architecture.loss, Y)


def check_custom_activation(activation: Activation) -> None:
    """Raise unless g and g' keep shape and type, are finite on [-20, 20] and element-wise, and belong together.

    Examples
    --------
    >>> from chainrule.network import activation
    >>> check_custom_activation(activation((np.sin, lambda z: -np.cos(z))))
    Traceback (most recent call last):
    chainrule._errors.InvalidParameterError: activation 'own sin' has a wrong derivative: at z = 2 it says 0.416147, ...
    """
    name, g, g_prime = f"activation {activation.label!r}", activation.g, activation.g_prime
    for dtype in (np.float64, np.float32):
        Z = np.linspace(-_REACH, _REACH, 402, dtype=dtype).reshape(2, -1)
        for role, function in (("g", g), ("g'", g_prime)):
            values = _tried(f"{role} of {name}", function, Z)
            _check_apart(f"{role} of {name}", _one_by_one(function, Z[:, ::20]), values[:, ::20])
    if isinstance(g_prime, CustomBackward):
        dA = np.random.default_rng(0).normal(size=Z.shape)
        _check_backward(name, g_prime, Z.astype(np.float64), dA)
    if activation.name != FORMULA or "g_prime" in activation.parameters:  # else it follows from g by rules
        check = check_derivative(as_columns(g), as_columns(g_prime))
        if not check.ok:
            raise InvalidParameterError(f"{name} has a wrong derivative: {_wrong(check)} {_OFF}")


def check_custom_loss(loss: Loss, Y: Array) -> None:
    """Raise unless a loss and its gradient fit together at some of the targets, and keep shape and type."""
    rows = np.linspace(0, len(Y) - 1, _ROWS).astype(int)  # of a single target too: each beside another output
    Y = np.asarray(Y[rows], np.float64).T
    Z = np.random.default_rng(0).normal(0, 1.5, Y.shape)
    for dtype in (np.float64, np.float32):
        z, y = Z.astype(dtype), Y.astype(dtype)
        for role, function in (("loss", loss.value), ("gradient", loss.derivative)):
            values = _tried(f"{role} of {loss.name!r}", _at_targets(function, y), z)
            alone = [function(z[:, [i]], y[:, [i]]) for i in range(_ROWS)]
            _check_apart(f"{role} of {loss.name!r}", np.concatenate(alone, axis=-1), values)
        _tried(f"inverse_link of {loss.name!r}", loss.output.g, z)
    for k in range(len(Z)):
        _check_gradient(loss, Z, Y, k)


def _at_targets(term: Callable[[Array, Array], Array], Y: Array) -> Callable[[Array], Array]:
    return lambda Z: term(Z, Y)


def _tried(name: str, function: Callable[[Array], Any], Z: Array) -> Array:
    """The values, of the type of Z and finite."""
    try:
        values: Array = function(Z)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise InvalidParameterError(f"{name} must not write into its argument: copy it first.") from error
    if values.dtype != Z.dtype:
        raise InvalidParameterError(
            f"{name} must keep the type of its argument: of {Z.dtype} it made {values.dtype}. Build new arrays with "
            f"np.zeros_like, np.where and the like. {_OFF}"
        )
    if not np.isfinite(values).all():
        raise InvalidParameterError(
            f"{name} must be finite for ordinary arguments; between {Z.min():.3g} and {Z.max():.3g} it is not. {_OFF}"
        )
    return values


def _check_apart(name: str, alone: Array, among_others: Array) -> None:
    """Raise unless values are the same without their neighbours."""
    if not np.allclose(alone, among_others, rtol=1e-4, atol=1e-6):
        raise InvalidParameterError(f"{name} must be the same whatever the neighbours of an entry or row are. {_OFF}")


def _one_by_one(function: Callable[[Array], Array], Z: Array) -> Array:
    """The values at the entries of Z, each of which the function sees as a table of its own."""
    return np.array([[function(Z[i : i + 1, k : k + 1]).item() for k in range(Z.shape[1])] for i in range(len(Z))])


def as_columns(function: Callable[[Array], Array]) -> Callable[[Any], Array]:
    """The function for arrays of any shape, each of which it sees as a table with one row."""
    return lambda z: function(np.asarray(z, np.float64).reshape(1, -1)).reshape(np.shape(z))


def _wrong(check: DerivativeCheck) -> str:
    if check.counterexample is not None:
        hint = " It is right as a function of a = g(z), not of z." if check.verdict == "of a" else ""
        return f"{_at('z', check.counterexample)}{hint}"
    odd = next((kink for kink in check.kinks if not kink.fine), None)
    if odd is None:
        return "no slope of g could be told."
    return f"at the kink z = {odd.z:.6g} it says {odd.stated:.6g}, the slopes are {odd.left:.6g} and {odd.right:.6g}."


def _at(letter: str, point: Counterexample) -> str:
    return f"at {letter} = {point.z:.6g} it says {point.stated:.6g}, the slope is {point.numeric:.6g}."


def _check_backward(name: str, g_prime: CustomBackward, Z: Array, dA: Array) -> None:
    """Raise unless dZ = dA * g'(Z), which is what element by element means."""
    stated, right = g_prime.from_above(Z, dA), dA * g_prime(Z)
    if not np.allclose(stated, right, rtol=1e-6, atol=1e-12):
        i = np.unravel_index(np.argmax(np.abs(stated - right)), Z.shape)
        raise InvalidParameterError(
            f"backward of {name} must be dA times g'(Z), entry by entry: at Z = {Z[i]:.6g} it makes {stated[i]:.6g} of "
            f"dA = {dA[i]:.6g}, but {right[i] / dA[i]:.6g} of 1."
        )


@dataclass(frozen=True)
class _AlongOutput:
    """The loss of every row as a function of its output k alone."""

    loss: Loss
    Z: Array
    Y: Array
    k: int
    size: float
    epsilon: float = float(np.finfo(np.float64).eps)

    def __call__(self, z: Array) -> Array:
        return np.array([self._row(values) for values in z.reshape(-1, self.Z.shape[1])]).reshape(z.shape)

    def _row(self, values: Array) -> Array:
        Z = self.Z.copy()
        Z[self.k] = values
        return self.loss.per_example(Z, self.Y)


def _check_gradient(loss: Loss, Z: Array, Y: Array, k: int) -> None:
    """Raise unless the gradient by output k is the slope, wherever one can be told."""
    size = float(np.median(np.abs(loss.per_example(Z, Y))))
    slope, stated = central(_AlongOutput(loss, Z, Y, k, size), Z[k]), loss.dZ(Z, Y)[k]
    allowed = _TOLERANCE * np.maximum(np.abs(slope.value), np.abs(stated)) + _SLACK * slope.error
    off = np.abs(stated - slope.value)
    if not np.isfinite(allowed).any():
        raise InvalidParameterError(f"loss {loss.name!r} is too rough: no slope of it could be told. {_OFF}")
    wrong = np.flatnonzero(off > allowed + _TINY)
    if len(wrong):
        i = wrong[np.argmax(off[wrong])]
        z = ", ".join(f"{value:.6g}" for value in Z[:, i])
        y = ", ".join(f"{value:.6g}" for value in Y[:, i])
        raise InvalidParameterError(
            f"loss {loss.name!r} has a wrong gradient: at z = ({z}) and y = ({y}) it says {stated[i]:.6g} for output "
            f"{k}, the slope of the loss is {slope.value[i]:.6g}. {_OFF}"
        )
