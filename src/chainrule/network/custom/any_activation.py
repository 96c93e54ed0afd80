"""Any activation: by name, a formula as text, a pair of functions, an object that goes forward and back.

Whatever is given becomes an `Activation`, g and g' as functions of Z alone; nothing else in the network knows of it.
A function may not write into Z, which others still need, and must return an array of its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from chainrule._errors import InvalidParameterError, check_known
from chainrule.network.activations import ACTIVATIONS, FORMULA, Activation, Function, is_parametrised, named_activation
from chainrule.network.custom.checks import name_of, of_shape, read_only
from chainrule.network.custom.formula import derivative, formula, is_formula
from chainrule.network.types import Array


class TwoWay(Protocol):
    """An activation of the user's own that goes forward and back."""

    def forward(self, Z: Array, /) -> Array:
        """A = g(Z)."""
        ...

    def backward(self, Z: Array, A: Array, dA: Array, /) -> Array:
        """What dA becomes: dZ = dA * g'(Z)."""
        ...


ActivationSpec: TypeAlias = (
    str | tuple[str, Mapping[str, Any]] | tuple[str, str] | tuple[Function, Function] | TwoWay | Activation
)


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


def activation(spec: ActivationSpec) -> Activation:
    """Look an activation up by name, or by (name, parameters), or take one of the user's own.

    Parameters
    ----------
    spec : str, tuple or object
        A name, alone or in a pair with its parameters; a formula in z, whose derivative is found by rules, or in a
        pair with its derivative; a pair of functions of arrays (g, g_prime); an object with forward(Z) -> A and
        backward(Z, A, dA) -> dZ.

    Raises
    ------
    InvalidParameterError
        If it is none of these; of a name or a parameter that is unknown it names the nearest valid one.

    Examples
    --------
    >>> activation(("leaky_relu", {"negative_slope": 0.2})).g(np.array([-1.0, 1.0])).tolist()
    [-0.2, 1.0]
    >>> activation("max(z, 0) ** 2").g_prime(np.array([-1.0, 3.0])).tolist()
    [0.0, 6.0]
    >>> activation((np.sin, np.cos)).name
    'own sin'
    """
    if isinstance(spec, Activation):
        return spec
    if isinstance(spec, str):
        if spec in ACTIVATIONS:
            return named_activation(spec)
        return _of_formulas(spec) if is_formula(spec, "z") else named_activation(spec)
    given: Any = spec  # may be anything
    if is_parametrised(given):
        name, parameters = given
        if name != FORMULA and not is_formula(name, "z"):
            return named_activation(name, parameters)
        if "g" in parameters:
            check_known("activation 'formula'", parameters, ["g", "g_prime"])
            return _of_formulas(**parameters)
    if is_pair(given):
        g, g_prime = given
        if isinstance(g, str):
            return _of_formulas(g, g_prime)
        return Activation(f"own {name_of(g)}", CustomFunction(g), CustomFunction(g_prime))
    if not isinstance(given, type) and all(callable(getattr(given, way, None)) for way in ("forward", "backward")):
        forward = CustomFunction(given.forward)
        return Activation(f"own {name_of(given)}", forward, CustomBackward(forward, given.backward))
    raise InvalidParameterError(
        "activation must be a name or a pair (name, parameters), such as ('leaky_relu', {'negative_slope': 0.01}); a "
        "formula, such as 'z * sigmoid(z)'; a pair of functions or of formulas, (g, g_prime); or an object with "
        f"forward(Z) and backward(Z, A, dA); got {given!r}."
    )


def _of_formulas(g: str, g_prime: str | None = None) -> Activation:
    """The activation of a formula, and of its derivative if that is given, too."""
    function = formula(g)
    slope = derivative(function) if g_prime is None else formula(g_prime)
    return Activation(FORMULA, function, slope, {"g": g} if g_prime is None else {"g": g, "g_prime": g_prime})


def is_pair(spec: Any) -> bool:
    """Whether it is (g, g_prime), two functions or two formulas; a tuple of names has one for each layer."""
    if not isinstance(spec, tuple) or len(spec) != 2:
        return False
    formulas = all(isinstance(part, str) for part in spec) and is_formula(spec[0], "z")
    return formulas or all(callable(part) for part in spec)
