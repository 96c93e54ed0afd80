"""Custom losses: an object with three methods, as a pair of loss and output activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeGuard

from chainrule._errors import InvalidParameterError
from chainrule.network.activations import Activation
from chainrule.network.custom.checks import name_of, of_shape, read_only
from chainrule.network.losses.base import Loss
from chainrule.network.types import Array


class CustomLoss(Protocol):
    """The methods of a custom loss. Arrays have one row per example, and must not be written to."""

    def loss(self, y: Array, z: Array, /) -> Array:
        """L of every example, (m,), from targets y and outputs z of the last layer, both (m, k)."""
        ...

    def gradient(self, y: Array, z: Array, /) -> Array:
        """The derivative of each example's L with respect to z: (m, k)."""
        ...

    def inverse_link(self, z: Array, /) -> Array:
        """The prediction, (m, k), from z."""
        ...


def is_custom_loss(given: Any) -> TypeGuard[CustomLoss]:
    """Whether this is an object (not a class) with the three methods."""
    methods = ("loss", "gradient", "inverse_link")
    return not isinstance(given, type) and all(callable(getattr(given, method, None)) for method in methods)


def custom_loss(given: CustomLoss) -> Loss:
    """Return the loss that an object describes. It decides itself how several outputs of an example are combined.

    Raises
    ------
    InvalidParameterError
        If the object lacks one of the three methods.

    Examples
    --------
    >>> import numpy as np
    >>> class Quartic:
    ...     def loss(self, y, z): return ((z - y) ** 4).sum(axis=1)
    ...     def gradient(self, y, z): return 4 * (z - y) ** 3
    ...     def inverse_link(self, z): return z
    >>> custom_loss(Quartic()).dZ(np.array([[3.0]]), np.array([[1.0]])).tolist()
    [[32.0]]
    """
    if not is_custom_loss(given):
        raise InvalidParameterError(
            f"loss must be a name, or an object with loss(y, z), gradient(y, z) and inverse_link(z); got {given!r}."
        )
    adapter = _Turned(given)
    name = f"own {name_of(given)}"
    link = Activation(f"link of {name}", adapter.link, adapter.link_prime)
    return Loss(name, link, adapter.value, adapter.derivative, sums_outputs=True)


@dataclass(frozen=True)
class _Turned:
    """A custom loss in textbook orientation; checks the shapes that it returns."""

    own: CustomLoss

    def value(self, Z: Array, Y: Array) -> Array:
        """L of every example, as one row."""
        L = self.own.loss(read_only(Y.T), read_only(Z.T))
        return of_shape(L, Z.shape[1:], "loss(y, z)")[None, :]

    def derivative(self, Z: Array, Y: Array) -> Array:
        """dL/dZ."""
        return of_shape(self.own.gradient(read_only(Y.T), read_only(Z.T)), Z.T.shape, "gradient(y, z)").T

    def link(self, Z: Array) -> Array:
        """A[L]."""
        return of_shape(self.own.inverse_link(read_only(Z.T)), Z.T.shape, "inverse_link(z)").T

    def link_prime(self, Z: Array) -> NoReturn:
        """Not available: a custom loss gives dZ[L] directly."""
        raise InvalidParameterError(
            "a loss of your own states the gradient by z alone, so that dA[L] and g'(Z[L]) cannot be shown apart. "
            "gradcheck checks such a model; trace needs one of the losses with a name."
        )
