"""A function of one number, however it is given: by name, as a formula, vectorised, or as plain Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.formula import FUNCTIONS, formula
from chainrule.network.types import Array

_ORDINARY = np.linspace(-3, 3, 12)
_TRIED = np.array([0.5, -1.25, 2.0])
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
    name = getattr(given, "__name__", role)

    def one(z: float) -> float:
        try:
            value = given(z)
        except _OUT_OF_DOMAIN:
            return float("nan")
        return _number(value)

    with np.errstate(all="ignore"):
        vectorised, dtype, problem = _vectorised(given)
        singles = _tried_one_by_one(given)
    if vectorised is not None and (singles is None or np.allclose(vectorised, singles, rtol=1e-4, equal_nan=True)):
        precision = dtype if dtype.kind == "f" else np.dtype(np.float64)
        return ScalarFunction(name, lambda z: np.asarray(given(z), np.float64), float(np.finfo(precision).eps))
    if singles is None:
        raise InvalidParameterError(f"{role} ({name}) must take a number z and return one: {problem}.")
    if vectorised is not None:
        raise InvalidParameterError(
            f"{role} ({name}) must work element by element; of an array it returns other values than of its entries "
            "(softmax has no derivative of one number)."
        )
    return ScalarFunction(name, lambda z: np.array([one(float(entry)) for entry in z.ravel()]).reshape(z.shape))


def _vectorised(given: Callable[..., Any]) -> tuple[Array | None, np.dtype[Any], str]:
    """What it returns of an array, if it takes arrays, else why not."""
    try:
        value = np.asarray(given(_TRIED.copy()))
        if value.dtype == np.float16:
            return None, value.dtype, "it returns float16, whose three digits hide what is wrong; let it return float64"
        if value.shape != _TRIED.shape or value.dtype.kind not in "fiub":
            return None, value.dtype, f"of 3 numbers it returns an array of shape {value.shape} and type {value.dtype}"
    except Exception as error:  # noqa: BLE001 - it is the user's function, which may raise anything
        return None, np.dtype(np.float64), f"{type(error).__name__}: {error}"
    return value.astype(np.float64), value.dtype, ""


def _tried_one_by_one(given: Callable[..., Any]) -> Array | None:
    values = []
    for z in _TRIED.tolist():
        try:
            value = given(z)
        except _OUT_OF_DOMAIN:
            value = float("nan")
        except Exception:  # noqa: BLE001 - it is the user's function, which may raise anything
            return None
        dtype = np.asarray(value).dtype
        if np.size(value) != 1 or dtype.kind not in "fiub" or dtype == np.float16:
            return None
        values.append(_number(value))
    return np.array(values)


def _number(value: Any) -> float:
    """One number, also of an array that has one entry."""
    return float(np.asarray(value).reshape(()))
