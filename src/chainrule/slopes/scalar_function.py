"""A function of one number, however it is given: by name, as a formula, vectorised, or as plain Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.custom.formula import FUNCTIONS, formula
from chainrule.network.types import Array

_ORDINARY = np.linspace(-3, 3, 12)
_TRIED = ((-1,), (1, -1), (3, 4))  # shapes of arrays: a list, one row, a layer of a network
_SAME, _ROUNDINGS = 1e-6, 100.0  # relative, and times the precision: how far values alone and within an array may lie
_OUT_OF_DOMAIN = (ArithmeticError, ValueError)  # math.exp(1000), math.log(-1), 1 / 0


@dataclass(frozen=True)
class ScalarFunction:
    """A function of arrays, element by element, and the relative precision of what it returns.

    `of_value` tells that it is a derivative written in a = g(z).
    """

    name: str
    call: Callable[[Array], Array]
    epsilon: float = float(np.finfo(np.float64).eps)
    of_value: bool = False

    def __call__(self, z: Array) -> Array:
        """The values at z, an array of floats; z stays as it is."""
        with np.errstate(all="ignore"):
            return self.call(np.array(z, np.float64))

    @cached_property
    def size(self) -> float:
        """How large its values are at ordinary points, and so perhaps what cancels on the way to a small one."""
        values = np.abs(self(_ORDINARY))
        finite = values[np.isfinite(values)]
        return float(np.median(finite)) if len(finite) else 1.0


def scalar_function(given: Any, role: str) -> ScalarFunction:
    """Take a function as it is given; `role` is its name in messages.

    Raises
    ------
    InvalidParameterError
        If it is no function of one number.
    """
    if isinstance(given, str):
        if given in FUNCTIONS:
            return ScalarFunction(given, FUNCTIONS[given])
        function = formula(given, ("z", "x") if role == "g" else ("z", "x", "a"))
        return ScalarFunction(given, function, of_value=function.variable == "a")
    if not callable(given):
        raise InvalidParameterError(
            f"{role} must be a function, a formula such as 'z*sigmoid(z)', or an activation's name; got {given!r}."
        )
    return _python_function(given, role)


def _python_function(given: Callable[..., Any], role: str) -> ScalarFunction:
    """A function that is called with arrays if it takes them, else with one number after the other."""
    name = getattr(given, "__name__", role)
    with np.errstate(all="ignore"):
        shape, alone = _alone(given, f"{role} ({name})")
        tables = [_ORDINARY.reshape(tried) for tried in _TRIED]
        wholes = [(table.shape, _whole(given, table)) for table in tables]
    for tried, values in wholes:
        if values is not None:
            _check_element_by_element(f"{role} ({name})", values, alone.reshape(tried))
    for along, (_, values) in zip(_TRIED[:2], wholes, strict=False):
        if values is not None:
            return ScalarFunction(name, _Along(given, along), _precision(values))
    return ScalarFunction(name, lambda z: _each(given, z, shape).reshape(z.shape))


@dataclass(frozen=True)
class _Along:
    """A function that takes arrays, of arrays of any shape: it sees them along one axis."""

    given: Callable[..., Any]
    shape: tuple[int, ...]

    def __call__(self, z: Array) -> Array:
        table = z.reshape(self.shape)
        size = table.shape
        return np.broadcast_to(np.asarray(self.given(table), np.float64), size).reshape(z.shape)


def _alone(given: Callable[..., Any], name: str) -> tuple[tuple[int, ...] | None, Array]:
    """The shape of an array with one entry that it takes, or None if it takes floats; and its values one by one."""
    problems = []
    for shape in (None, (1,), (1, 1)):
        try:
            return shape, _each(given, _ORDINARY, shape)
        except _NoNumberError as error:
            problems.append(str(error))
        except Exception as error:  # noqa: BLE001 - it is the user's function, which may raise anything
            problems.append(f"{type(error).__name__}: {error}")
    raise InvalidParameterError(f"{name} must take a number z and return one: {problems[0]}.")


class _NoNumberError(Exception):
    """What a function returns of a number is none."""


def _each(given: Callable[..., Any], z: Array, shape: tuple[int, ...] | None) -> Array:
    """The values at the entries of z, one call for each."""
    entries = z.ravel().tolist() if shape is None else [np.full(shape, entry) for entry in z.ravel()]
    return np.array([_one(given, entry) for entry in entries])


def _one(given: Callable[..., Any], z: Any) -> float:
    """The value at one number; NaN where the function is not defined."""
    try:
        value = np.asarray(given(z))
    except _OUT_OF_DOMAIN:
        return float("nan")
    if value.size != 1 or value.dtype.kind not in "fiub":
        raise _NoNumberError(f"it returns an array of shape {value.shape} and type {value.dtype}")
    if value.dtype == np.float16:
        raise _NoNumberError("it returns float16, whose three digits hide what is wrong; let it return float64")
    return float(value.reshape(()))


def _whole(given: Callable[..., Any], z: Array) -> Array | None:
    """What it returns of an array; None if it takes none."""
    try:
        return np.asarray(given(z.copy()))
    except Exception:  # noqa: BLE001 - it is the user's function, which may raise anything
        return None


def _precision(values: Array) -> float:
    return float(np.finfo(values.dtype if values.dtype.kind == "f" else np.float64).eps)


def _check_element_by_element(name: str, values: Array, alone: Array) -> None:
    """Raise unless an array gives what its entries give alone, each in its place."""
    must = f"{name} must work element by element, as networks call it with arrays"
    try:
        whole = np.broadcast_to(values.astype(np.float64), alone.shape)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(
            f"{must}; of an array of shape {alone.shape} it returns shape {values.shape}, type {values.dtype}."
        ) from error
    told = np.isfinite(alone)
    tolerance = max(_SAME, _ROUNDINGS * _precision(values))
    allowed = tolerance * (np.abs(alone) + 0.01 * np.abs(alone[told]).max(initial=0.0))
    off = told & ~(np.abs(whole - alone) <= allowed)
    if off.any():
        i = int(np.argmax(off))
        raise InvalidParameterError(
            f"{must}; at z = {_ORDINARY[i]:.6g} it returns {alone.flat[i]:.6g}, but {whole.flat[i]:.6g} within an "
            f"array of shape {alone.shape}. Each value may depend on its own z alone."
        )
