"""Forward through all layers (rows 3 and 4), and back in the opposite order (rows 7 to 10).

Lists are indexed by layer 0 to L; entries that layer 0 does not have are None. dZ and dA carry no 1/m: the mean over
the examples is taken once, in dW and db. Every gradient is computed before any parameter changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chainrule.network import dense, embeddings
from chainrule.network.architecture import Architecture
from chainrule.network.dropout import Masks, drop
from chainrule.network.parameters import Parameters
from chainrule.network.types import Array


@dataclass(frozen=True)
class Forward:
    """The result of the forward pass, as the backward pass needs it.

    `A[l]` is the input of the next layer, with the dropout mask applied; A[0] is the input, A[L] the prediction.
    `C[j]` are the codes of the examples in embedding j.
    """

    Z: list[Any]
    A: list[Any]
    masks: Masks | None = None
    C: list[Array] = field(default_factory=list)


@dataclass(frozen=True)
class Gradients:
    """dZ, dA per example (dA[0] where there are embeddings); dW, db, dE of the mean data loss over the examples."""

    dZ: list[Any]
    dA: list[Any]
    dW: list[Any]
    db: list[Any]
    dE: list[Any] = field(default_factory=list)


def forward(architecture: Architecture, parameters: Parameters, X: Any, masks: Masks | None = None) -> Forward:
    """Z[l] = W[l] A[l-1] + b[l], A[l] = g[l](Z[l]), for l = 1 to L.

    Parameters
    ----------
    architecture : Architecture
    parameters : Parameters
    X : array of shape (n[0], m), columns are examples; may be sparse (CSC). With embeddings, one row for each column
        of the table.
    masks : list, optional
        Dropout factors for A[0] to A[L-1].
    """
    W, b, g = parameters.W, parameters.b, architecture.g
    Z: list[Any] = [None]
    C = embeddings.codes(architecture.embeddings, X)
    A: list[Any] = [drop(embeddings.embed(architecture.embeddings, parameters.E, X, C), masks[0] if masks else None)]
    for l in range(1, architecture.L + 1):
        Z.append(dense.linear(W[l], A[l - 1], b[l]))
        A.append(g[l].g(Z[l]))
        if masks and l < architecture.L:
            A[l] = drop(A[l], masks[l])
    return Forward(Z, A, masks, C)


def backward(
    architecture: Architecture, parameters: Parameters, pass_: Forward, Y: Array, weights: Array | None = None
) -> Gradients:
    """From dZ[L] of the output pair back to dW[1], db[1] and the embeddings.

    Parameters
    ----------
    architecture : Architecture
    parameters : Parameters
        Those of the forward pass.
    pass_ : Forward
    Y : ndarray of shape (n[L], m)
    weights : ndarray of shape (m,), optional
        Each example's weight, relative to the mean weight of the whole training set.
    """
    W, g, L = parameters.W, architecture.g, architecture.L
    Z, A, masks = pass_.Z, pass_.A, pass_.masks
    dZ: list[Any] = [None] * (L + 1)
    dA, dW, db = dZ.copy(), dZ.copy(), dZ.copy()

    dZ[L] = architecture.loss.dZ(Z[L], Y)  # the named output pair
    if weights is not None:
        dZ[L] = dZ[L] * weights
    for l in range(L, 0, -1):
        dW[l] = dense.dW(dZ[l], A[l - 1])
        db[l] = dense.db(dZ[l])
        if l > 1:
            dA[l - 1] = dense.dA_previous(W[l], dZ[l])
            dZ[l - 1] = drop(dA[l - 1], masks[l - 1] if masks else None) * g[l - 1].g_prime(Z[l - 1])
    if not architecture.embeddings:
        return Gradients(dZ, dA, dW, db)
    dA[0] = drop(dense.dA_previous(W[1], dZ[1]), masks[0] if masks else None)
    return Gradients(dZ, dA, dW, db, embeddings.dE(architecture.embeddings, dA[0], pass_.C))


def logits(architecture: Architecture, parameters: Parameters, X: Any) -> Array:
    """Z[L] of shape (n[L], m), without keeping Z and A of the other layers."""
    W, b, g = parameters.W, parameters.b, architecture.g
    C = embeddings.codes(architecture.embeddings, X)
    Z: Array = dense.linear(W[1], embeddings.embed(architecture.embeddings, parameters.E, X, C), b[1])
    for l in range(2, architecture.L + 1):
        Z = dense.linear(W[l], g[l - 1].g(Z), b[l])
    return Z
