"""What trace, gradient check and judge look at: a network at its weights, and the examples it is looked at with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule._errors import ShapeError
from chainrule.network import propagate
from chainrule.network.architecture import Architecture
from chainrule.network.dropout import Masks
from chainrule.network.parameters import Parameters, flatten
from chainrule.network.types import Array


@dataclass(frozen=True)
class Problem:
    """A network at its weights, and examples; all in float64, columns are examples.

    Attributes
    ----------
    architecture : Architecture
    parameters : Parameters
    X : ndarray of shape (n[0], m)
    Y : ndarray of shape (n[L], m)
    weights : ndarray of shape (m,), optional
        Each example's weight, relative to the mean weight.
    masks : list, optional
        Dropout factors of A[0] to A[L-1], frozen.
    gradient : callable, optional
        Of the model's own library, where it has one: takes this problem and returns θ's gradient. By default the
        network's equations.
    origin : str
        Whose model it is, in words.
    """

    architecture: Architecture
    parameters: Parameters
    X: Array
    Y: Array
    weights: Array | None = None
    masks: Masks | None = None
    gradient: Callable[[Problem], Array] | None = None
    origin: str = "chainrule"

    @property
    def m(self) -> int:
        """The number of examples."""
        return int(self.X.shape[1])

    def forward(self) -> propagate.Forward:
        """Z and A of every layer."""
        return propagate.forward(self.architecture, self.parameters, self.X, self.masks)

    def backward(self, pass_: propagate.Forward) -> propagate.Gradients:
        """dZ, dA, dW, db of the data's loss."""
        return propagate.backward(self.architecture, self.parameters, pass_, self.Y, self.weights)

    def at(self, theta: Array) -> Problem:
        """The same problem at other weights."""
        return replace(self, parameters=replace(self.parameters, theta=theta))

    def losses(self, pass_: propagate.Forward) -> Array:
        """The loss of each example, unweighted, of shape (m,)."""
        return self.architecture.loss.per_example(pass_.Z[-1], self.Y)

    def cost(self) -> float:
        """J = Σ w L / Σ w + penalty."""
        losses = self.losses(self.forward())
        return float(np.mean(losses if self.weights is None else losses * self.weights)) + self.penalty()

    def penalty(self) -> float:
        """The penalty on the weights."""
        return self.architecture.penalty.value(self.parameters.W[1:])

    def penalty_gradient(self, W: Array) -> Array:
        """The penalty's derivative: l2 W + l1 sign(W), where sign(0) = 0."""
        penalty = self.architecture.penalty
        return penalty.l2 * W + penalty.l1 * np.sign(W)

    def theta_gradient(self) -> Array:
        """∂J/∂θ, penalty included: all W, then all b."""
        if self.gradient is not None:
            return self.gradient(self)
        gradients = self.backward(self.forward())
        d, w = flatten(gradients.dW[1:], gradients.db[1:], gradients.dE), self.parameters.weights
        d[w] += self.penalty_gradient(self.parameters.theta[w])
        return d


def dense(values: Any) -> Array:
    """A float64 array, from a sparse one too."""
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, np.float64)


def relative(weights: Any, m: int) -> Array | None:
    """Weights of mean 1."""
    if weights is None:
        return None
    weights = np.asarray(weights, np.float64)
    if weights.shape != (m,) or not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ShapeError(
            f"sample_weight must be {m} finite numbers of at least 0, one for each example and not all 0; got shape "
            f"{weights.shape}."
        )
    return weights / weights.mean()
