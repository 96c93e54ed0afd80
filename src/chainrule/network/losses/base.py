"""The definition of a loss: L(y, z) per example and its derivative dZ[L], both from the logits Z[L] (rows 5 to 7).

Loss and output activation are one *named pair*, such as "sigmoid + binary_cross_entropy". Computed together they are
numerically stable, and the product dL/dA g'(Z) simplifies. The name of the pair says that the derivative is dZ[L], not
dA[L].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, TargetError
from chainrule.network.activations import Activation, named_activation
from chainrule.network.types import Array

Term = Callable[[Array, Array], Array]  # (Z, Y), each (n, m) -> (n, m)


@dataclass(frozen=True)
class Loss:
    """A loss paired with the output activation it is computed for.

    Attributes
    ----------
    name : str
    output : Activation
        A[L] = output.g(Z[L]).
    value, derivative : callable
        The loss of every output of every example, and its derivative with respect to Z.
    sums_outputs : bool
        True if the outputs are one distribution: the loss of an example is the sum over its outputs. Otherwise it is
        the mean over its outputs, and the derivative is that of the mean.
    is_valid, domain : callable, str
        Which targets the loss is defined for, as a test and in words.
    n_outputs : int or None
        The number of outputs that the loss needs; None: any.
    """

    name: str
    output: Activation
    value: Term
    derivative: Term
    sums_outputs: bool = False
    is_valid: Callable[[Array], Array] = np.isfinite
    domain: str = "finite"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    n_outputs: int | None = None

    @property
    def pair(self) -> str:
        """The name of the pair: output activation and loss."""
        return f"{self.output.name} + {self.name}"

    def per_example(self, Z: Array, Y: Array) -> Array:
        """L(y, z) of every example, shape (m,), from Z and Y of shape (n, m)."""
        terms = self.value(Z, Y)
        total: Array = terms.sum(axis=0) if self.sums_outputs else terms.mean(axis=0)
        return total

    def dZ(self, Z: Array, Y: Array) -> Array:
        """dL/dZ[L] of every example, shape (n, m): the derivative of `per_example`."""
        terms = self.derivative(Z, Y)
        return terms if self.sums_outputs else terms / len(terms)

    def check_target(self, Y: Array) -> None:
        """Raise TargetError unless the loss is defined for every target."""
        if not np.all(self.is_valid(Y)):
            worst = Y[~self.is_valid(Y)].ravel()[0]
            raise TargetError(
                f"Some value(s) of y are out of the valid range of the loss {self.name!r}: "
                f"targets must be {self.domain}, got {worst}. Choose another loss or mend the target."
            )


def on_output(loss: Loss, output: Activation) -> Loss:
    """Combine a loss on predictions (its own output activation is the identity) with another output activation.

    Nothing simplifies: dZ[L] = dL/dA[L] * g'(Z[L]) by the chain rule.
    """
    if output.name == loss.output.name:
        return loss
    if loss.output.name != "identity":
        raise InvalidParameterError(
            f"the loss {loss.name!r} is computed from logits and needs the output activation "
            f"{loss.output.name!r}, got {output.name!r}. Change one of the two."
        )

    return replace(
        loss,
        output=output,
        value=partial(value_on_output, loss, output),
        derivative=partial(derivative_on_output, loss, output),
    )


def value_on_output(loss: Loss, output: Activation, Z: Array, Y: Array) -> Array:
    """L(y, g(z))."""
    return loss.value(output.g(Z), Y)


def derivative_on_output(loss: Loss, output: Activation, Z: Array, Y: Array) -> Array:
    """dL/dA[L] * g'(Z[L])."""
    return loss.derivative(output.g(Z), Y) * output.g_prime(Z)


def times(C: Array, V: Array) -> Array:
    """C V with 0 times infinity = 0: an infinite logit that agrees with its target has the loss 0."""
    return np.multiply(C, V, where=C != 0, out=np.zeros(np.broadcast_shapes(C.shape, V.shape), V.dtype))


IDENTITY = named_activation("identity")
SIGMOID = named_activation("sigmoid")
EXPONENTIAL = named_activation("exponential")
