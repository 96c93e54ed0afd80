"""Activations of the user's own: a formula as text, a pair of functions, an object that goes forward and back.

Whatever is given becomes an `Activation`, g and g' as functions of Z alone; nothing else in the network knows of it.
A function may not write into Z, which others still need, and must return an array of its shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, check_known
from chainrule.network.activations import FORMULA, Activation, is_parametrised
from chainrule.network.custom.checks import name_of, of_shape, read_only
from chainrule.network.custom.formula import Formula, formula, is_formula
from chainrule.network.custom.formula_derivative import derivative
from chainrule.network.types import Array


@dataclass(frozen=True)
class CustomFunction:
    """A function of arrays, element by element, that may not write into its argument."""

    function: Callable[[Array], Array]

    def __call__(self, Z: Array) -> Array:
        """The values at Z."""
        return of_shape(self.function(read_only(Z)), Z.shape, name_of(self.function))


@dataclass(frozen=True)
class CustomBackward:
    """g'(Z) of an object that goes back: what it makes of dA = 1."""

    forward: CustomFunction
    backward: Callable[[Array, Array, Array], Array]

    def __call__(self, Z: Array) -> Array:
        """The slopes at Z."""
        return self.from_above(Z, np.ones_like(Z))

    def from_above(self, Z: Array, dA: Array) -> Array:
        """What the object makes of dA."""
        dZ = self.backward(read_only(Z), read_only(self.forward(Z)), read_only(dA))
        return of_shape(dZ, Z.shape, name_of(self.backward))


def custom_activation(spec: Any) -> Activation:
    """Take an activation that is no name.

    Parameters
    ----------
    spec : str, pair of str, pair of callables, or object
        A formula in z, whose derivative is found by rules, or with its derivative beside it; (g, g_prime), both
        functions of arrays; an object with forward(Z) -> A and backward(Z, A, dA) -> dZ.

    Raises
    ------
    InvalidParameterError
        If it is none of these.

    Examples
    --------
    >>> g = custom_activation("z * sigmoid(z)")
    >>> g.g(np.array([0.0])).tolist(), g.g_prime(np.array([0.0])).tolist()
    ([0.0], [0.5])
    >>> custom_activation((np.sin, np.cos)).name
    'own sin'
    """
    if isinstance(spec, str):
        return of_formulas(spec)
    if is_parametrised(spec) and "g" in spec[1]:
        check_known("activation 'formula'", spec[1], ["g", "g_prime"])
        return of_formulas(**spec[1])
    if is_pair(spec):
        g, g_prime = spec
        if isinstance(g, str):
            return of_formulas(g, g_prime)
        return Activation(f"own {name_of(g)}", CustomFunction(g), CustomFunction(g_prime))
    if not isinstance(spec, type) and all(callable(getattr(spec, way, None)) for way in ("forward", "backward")):
        forward = CustomFunction(spec.forward)
        return Activation(f"own {name_of(spec)}", forward, CustomBackward(forward, spec.backward))
    raise InvalidParameterError(
        "activation must be a name or a pair (name, parameters), such as ('leaky_relu', {'negative_slope': 0.01}); a "
        "formula, such as 'z * sigmoid(z)'; a pair of functions or of formulas, (g, g_prime); or an object with "
        f"forward(Z) and backward(Z, A, dA); got {spec!r}."
    )


def of_formulas(g: str, g_prime: str | None = None) -> Activation:
    """The activation of a formula, and of its derivative if that is given, too."""
    function = formula(g)
    slope: Formula = derivative(function) if g_prime is None else formula(g_prime)
    return Activation(FORMULA, function, slope, {"g": g} if g_prime is None else {"g": g, "g_prime": g_prime})


def is_pair(spec: Any) -> bool:
    """Whether it is (g, g_prime), two functions or two formulas; a tuple of names has one for each layer."""
    if not isinstance(spec, tuple) or len(spec) != 2:
        return False
    formulas = all(isinstance(part, str) for part in spec) and is_formula(spec[0], "z")
    return formulas or all(callable(part) for part in spec)
