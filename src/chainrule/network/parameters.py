"""W[l], b[l] and E[j] as views of one flat vector θ: all weights first, then all biases, then all embeddings.

So the update of row 11 is one statement for all layers at once, and the penalty and weight decay use one slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from chainrule._errors import ShapeError
from chainrule.network.embeddings import Embedding
from chainrule.network.types import Array


@dataclass(frozen=True)
class Parameters:
    """All weights, biases and embeddings of a network with the given widths n[0] to n[L].

    Examples
    --------
    >>> parameters = Parameters(np.arange(9.0), (2, 2, 1))
    >>> [parameters.W[l].shape for l in (1, 2)], [parameters.b[l].shape for l in (1, 2)]
    ([(2, 2), (1, 2)], [(2, 1), (1, 1)])
    """

    theta: Array
    widths: tuple[int, ...]
    embeddings: tuple[Embedding, ...] = ()

    @property
    def W(self) -> list[Array]:
        """W[l] of shape (n[l], n[l-1]), indexed by layer; W[0] is empty."""
        return _views(self.theta, [(n, p) for p, n in pairwise(self.widths)], 0)

    @property
    def b(self) -> list[Array]:
        """b[l] of shape (n[l], 1), indexed by layer; b[0] is empty."""
        return _views(self.theta, [(n, 1) for n in self.widths[1:]], n_weights(self.widths))

    @property
    def E(self) -> list[Array]:
        """E[j] of shape (size, levels), one per embedding; a category's vector is contiguous."""
        shapes = [(embedding.levels, embedding.size) for embedding in self.embeddings]
        return [view.T for view in _views(self.theta, shapes, n_parameters(self.widths))[1:]]

    @property
    def weights(self) -> slice:
        """The slice of θ that holds the weights."""
        return slice(0, n_weights(self.widths))


def n_weights(widths: Sequence[int]) -> int:
    """Count the weights, Σ n[l] n[l-1]."""
    return sum(n * p for p, n in pairwise(widths))


def n_parameters(widths: Sequence[int], embeddings: Sequence[Embedding] = ()) -> int:
    """Count the weights, biases and entries of embeddings."""
    return n_weights(widths) + sum(widths[1:]) + sum(embedding.levels * embedding.size for embedding in embeddings)


def flatten(W: Sequence[Array], b: Sequence[Array], E: Sequence[Array] = ()) -> Array:
    """Return θ from W[1] to W[L], b[1] to b[L], and the embeddings."""
    return np.concatenate([tensor.ravel() for tensor in (*W, *b, *(E_j.T for E_j in E))])


def parameters_from(
    W: Sequence[Array], b: Sequence[Array], E: Sequence[Array] = (), embeddings: tuple[Embedding, ...] = ()
) -> Parameters:
    """Build Parameters from W[1] to W[L], b[1] to b[L] and the embeddings, checking that their shapes fit together.

    Raises
    ------
    ShapeError
        If a shape does not fit its neighbours.
    """
    if not W or len(W) != len(b) or any(w.ndim != 2 for w in W):
        raise ShapeError(
            f"W must be one or more matrices, with one b for each; got {len(W)} of the shapes "
            f"{[w.shape for w in W]} and {len(b)} b."
        )
    widths = (W[0].shape[1], *(w.shape[0] for w in W))
    for layer, (w, bias, p, n) in enumerate(zip(W, b, widths[:-1], widths[1:], strict=True), start=1):
        if w.shape != (n, p) or bias.size != n:
            raise ShapeError(
                f"W[{layer}] must have shape (n[{layer}], n[{layer - 1}]) = ({n}, {p}) and b[{layer}] {n} entries; "
                f"got {w.shape} and {bias.shape}."
            )
    for j, (vectors, embedding) in enumerate(zip(E, embeddings, strict=True)):
        if vectors.shape != (embedding.size, embedding.levels):
            raise ShapeError(
                f"E[{j}] must have shape (size, levels) = ({embedding.size}, {embedding.levels}), got {vectors.shape}."
            )
    return Parameters(flatten(W, b, E), widths, embeddings)


def _views(theta: Array, shapes: Sequence[tuple[int, int]], start: int) -> list[Array]:
    views = [theta[:0]]
    for rows, columns in shapes:
        views.append(theta[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    return views
