"""The architecture of a network, without parameters: widths, activations, loss, penalty, dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.network.activations import Activation, is_parametrised
from chainrule.network.embeddings import Embedding, check_embeddings, initial_vectors
from chainrule.network.initializers import InitializerSpec, initial_weights
from chainrule.network.losses import IDENTITY, Loss
from chainrule.network.parameters import Parameters, flatten
from chainrule.network.penalties import Penalty


@dataclass(frozen=True)
class Architecture:
    """The layers of a network and the cost it minimises.

    Attributes
    ----------
    widths : tuple of int
        n[0] to n[L]; n[0] is the number of inputs (the rows of A[0]), n[L] of outputs.
    hidden : tuple of Activation
        g[1] to g[L-1]; g[L] is `loss.output`.
    loss : Loss
    penalty : Penalty
    dropout : tuple of float
        The share of units removed from A[0] to A[L-1] during training; empty: no dropout.
    embeddings : tuple of Embedding
        The columns of the table that hold codes of categories; their vectors are the last rows of A[0].
    """

    widths: tuple[int, ...]
    hidden: tuple[Activation, ...]
    loss: Loss
    penalty: Penalty = field(default_factory=Penalty)
    dropout: tuple[float, ...] = ()
    embeddings: tuple[Embedding, ...] = ()

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
        check_embeddings(self.embeddings, self.n_columns)

    def __repr__(self) -> str:
        widths, names = "-".join(map(str, self.widths)), dict.fromkeys(g.name for g in self.hidden)
        return f"Architecture({', '.join([widths, *names, self.loss.pair])})"

    @property
    def L(self) -> int:
        """The number of layers with weights."""
        return len(self.widths) - 1

    @property
    def n_columns(self) -> int:
        """The number of columns of the table: n[0], in which an embedding counts as one column."""
        return self.widths[0] - sum(embedding.size - 1 for embedding in self.embeddings)

    @property
    def g(self) -> tuple[Activation, ...]:
        """g[1] to g[L], indexed by layer; g[0] is the identity, since A[0] is X."""
        return (IDENTITY, *self.hidden, self.loss.output)

    @property
    def drops(self) -> bool:
        """Whether any layer has dropout."""
        return any(self.dropout)


def initial_parameters(
    architecture: Architecture,
    *,
    seed: int,
    kernel_initializer: InitializerSpec | Sequence[InitializerSpec] = "auto",
    bias_initializer: InitializerSpec | Sequence[InitializerSpec] = "zeros",
    dtype: np.dtype[Any] | type[np.floating[Any]] = np.float64,
) -> Parameters:
    """Draw the initial weights, biases and embeddings of every layer, a pure function of the seed.

    An initializer is for all layers, or a list with one for each of the layers 1 to L. "auto" sets biases to 0.
    """
    widths = architecture.widths
    kernel = _per_layer("kernel_initializer", kernel_initializer, architecture.L)
    bias = _per_layer("bias_initializer", bias_initializer, architecture.L)
    W, b = [], []
    for layer in range(1, architecture.L + 1):
        n, p, name = widths[layer], widths[layer - 1], architecture.g[layer].name
        W.append(initial_weights(kernel[layer - 1], n, p, activation=name, seed=seed, layer=layer))
        scheme = "zeros" if bias[layer - 1] == "auto" else bias[layer - 1]
        b.append(initial_weights(scheme, n, 1, activation=name, seed=seed, layer=architecture.L + layer))
    E = [initial_vectors(embedding, seed=seed, number=j) for j, embedding in enumerate(architecture.embeddings)]
    return Parameters(flatten(W, b, E).astype(dtype), widths, architecture.embeddings)


def _per_layer(name: str, initializer: Any, L: int) -> list[InitializerSpec]:
    if not isinstance(initializer, list | tuple) or is_parametrised(initializer):
        return [initializer] * L
    if len(initializer) != L:
        raise InvalidParameterError(f"{name} must be one for all layers or a list of {L}, got {len(initializer)}.")
    return list(initializer)
