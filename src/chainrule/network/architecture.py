"""What a network is, before it has any numbers: widths, activations, loss, penalty, dropout."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.network.activations import Activation
from chainrule.network.initializers import initial_weights
from chainrule.network.losses import IDENTITY, Loss
from chainrule.network.parameters import Parameters, flatten
from chainrule.network.penalties import Penalty


@dataclass(frozen=True)
class Architecture:
    """The shape of a network and the function it minimises.

    Attributes
    ----------
    widths : tuple of int
        n[0] to n[L]; n[0] is the number of inputs, n[L] of outputs.
    hidden : tuple of Activation
        g[1] to g[L-1]; g[L] is `loss.output`.
    loss : Loss
    penalty : Penalty
    dropout : tuple of float
        The share of units removed from A[0] to A[L-1] while training; empty for none at all.
    """

    widths: tuple[int, ...]
    hidden: tuple[Activation, ...]
    loss: Loss
    penalty: Penalty = field(default_factory=Penalty)
    dropout: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.hidden) != self.L - 1:
            raise InvalidParameterError(
                f"a network with {self.L - 1} hidden layers needs as many activations, got {len(self.hidden)}."
            )
        if self.dropout and len(self.dropout) != self.L:
            raise InvalidParameterError(
                f"dropout needs one rate for each of A[0] to A[{self.L - 1}], got {len(self.dropout)}."
            )
        if self.loss.n_outputs not in (None, self.widths[-1]):
            raise ShapeError(
                f"the loss {self.loss.name!r} is for {self.loss.n_outputs} outputs, the network has {self.widths[-1]}. "
                "Change the width of the last layer or the loss."
            )
        for rate in self.dropout:
            if not 0 <= rate < 1:
                raise InvalidParameterError(f"a dropout rate must be at least 0 and below 1, got {rate!r}.")

    @property
    def L(self) -> int:
        """The number of layers with weights."""
        return len(self.widths) - 1

    @property
    def g(self) -> tuple[Activation, ...]:
        """g[1] to g[L], indexed by layer; g[0] is the identity, since A[0] is X."""
        return (IDENTITY, *self.hidden, self.loss.output)

    @property
    def drops(self) -> bool:
        """Whether any layer drops units while training."""
        return any(self.dropout)


def initial_parameters(
    architecture: Architecture,
    *,
    seed: int,
    kernel_initializer: str = "auto",
    bias_initializer: str = "zeros",
    dtype: np.dtype[Any] | type[np.floating[Any]] = np.float64,
) -> Parameters:
    """Draw the initial weights and biases of every layer, a pure function of the seed."""
    widths = architecture.widths
    W, b = [], []
    for layer in range(1, architecture.L + 1):
        n, p, name = widths[layer], widths[layer - 1], architecture.g[layer].name
        W.append(initial_weights(kernel_initializer, n, p, activation=name, seed=seed, layer=layer))
        b.append(initial_weights(bias_initializer, n, 1, activation=name, seed=seed, layer=architecture.L + layer))
    return Parameters(flatten(W, b).astype(dtype), widths)
