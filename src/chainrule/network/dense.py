"""One dense layer: Z[l] = W[l] A[l-1] + b[l] (row 3), and under it the derivatives of that line (rows 8 and 10).

Columns are examples: A[l-1] is (p, m), W is (n, p), b is (n, 1), Z is (n, m).
"""

from __future__ import annotations

from typing import Any

from chainrule.network.types import Array


def linear(W: Array, A_previous: Any, b: Array) -> Array:
    """Z = W A_previous + b: (n, m) = (n, p) (p, m) + (n, 1)."""
    Z: Array = W @ A_previous + b
    return Z


def dA_previous(W: Array, dZ: Array) -> Array:
    """Z = W A, so dA = Wᵀ dZ: (p, m) = (p, n) (n, m)."""
    dA: Array = W.T @ dZ
    return dA


def dW(dZ: Array, A_previous: Any) -> Array:
    """Z = W A, so dW = (1/m) dZ Aᵀ: (n, p) = (n, m) (m, p)."""
    m = dZ.shape[1]
    gradient: Array = dZ @ A_previous.T / m
    return gradient


def db(dZ: Array) -> Array:
    """Z = W A + b, so db = (1/m) Σ dZ: (n, 1), summed over the examples."""
    m = dZ.shape[1]
    total: Array = dZ.sum(axis=1, keepdims=True)
    return total / m
