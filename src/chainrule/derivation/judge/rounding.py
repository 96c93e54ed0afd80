"""How far rounding may move each quantity of a pass: a running error bound, layer by layer.

Whoever computes the same gradient in another order, or in float32, gets other digits. A judge may call a number wrong
only where it differs by more than that. (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.3.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.tracing import Trace
from chainrule.network.types import Array

_OPERATIONS = 16.0  # roundings of one quantity that may add up: an activation, its derivative, a loss
_KINKS = {"relu": (0.0,), "leaky_relu": (0.0,), "elu": (0.0,), "selu": (0.0,), "hard_tanh": (-1.0, 1.0)}


@dataclass(frozen=True)
class Rounding:
    """The largest error that rounding explains, for each tensor and layer; shapes as in the trace."""

    dZ: list[Any]
    dA: list[Any]
    dW: list[Any]
    db: list[Any]


@np.errstate(over="ignore", invalid="ignore")  # a bound that overflows says that rounding explains anything
def rounding(trace: Trace, epsilon: float) -> Rounding:
    """Bound the rounding errors of a pass computed with the given relative precision."""
    eps = _OPERATIONS * epsilon
    error_Z, error_A = _forward(trace, eps)
    L, m = trace.L, trace.problem.m
    dZ: list[Any] = [None] * (L + 1)
    dA, dW, db = dZ.copy(), dZ.copy(), dZ.copy()
    slope = _steepness(trace, L)
    dA[L] = eps * np.abs(trace.dA[L]) + error_A[L] * _curvature(trace)
    sides = (np.abs(trace.A[L]) + np.abs(trace.problem.Y)) / trace.widths[L] * _weight(trace)
    dZ[L] = eps * (np.abs(trace.dZ[L]) + sides) + error_Z[L] * (slope * _weight(trace) + np.abs(trace.dZ[L]))
    for l in range(L, 0, -1):
        size, inputs = np.abs(trace.dZ[l]), np.abs(np.asarray(trace.A[l - 1]))
        penalty = eps * np.abs(trace.problem.penalty_gradient(trace.W[l]))
        dW[l] = ((dZ[l] + eps * size) @ inputs.T + size @ error_A[l - 1].T) / m + penalty
        db[l] = (dZ[l] + eps * size).mean(axis=1, keepdims=True)
        if l > 1:
            weights = np.abs(trace.W[l]).T
            dA[l - 1] = weights @ (dZ[l] + eps * size)
            dZ[l - 1] = dA[l - 1] * _steepness(trace, l - 1) + np.abs(trace.dA[l - 1]) * _slope_error(
                trace, l - 1, error_Z[l - 1], eps
            )
    return Rounding(dZ, dA, dW, db)


def _forward(trace: Trace, eps: float) -> tuple[list[Any], list[Any]]:
    """The errors of Z and A, from that of X as it is stored."""
    error_A: list[Any] = [eps * np.abs(np.asarray(trace.A[0]))]
    error_Z: list[Any] = [None]
    for l in range(1, trace.L + 1):
        weights, inputs = np.abs(trace.W[l]), np.abs(np.asarray(trace.A[l - 1]))
        error_Z.append(weights @ (error_A[l - 1] + eps * inputs) + eps * np.abs(trace.b[l]))
        error_A.append(_steepness(trace, l) * error_Z[l] + eps * np.abs(trace.A[l]))
    return error_Z, error_A


def _steepness(trace: Trace, l: int) -> Array:
    """|g'(Z[l])| with the mask; at least a little, since rounding moves Z as well; of a softmax at most 1."""
    g = trace.problem.architecture.g[l]
    slope = np.ones_like(trace.Z[l]) if g.name == "softmax" else np.abs(g.g_prime(trace.Z[l]))
    mask = trace.masks[l] if trace.masks and l < trace.L else None
    steep: Array = slope if mask is None else slope * mask
    return steep


def _slope_error(trace: Trace, l: int, error_Z: Array, eps: float) -> Array:
    """How far g'(Z[l]) may be off: by rounding, by Z's own error, and at a kink by the whole jump."""
    g = trace.problem.architecture.g[l]
    Z = trace.Z[l]
    error = eps * (1 + np.abs(g.g_prime(Z))) + error_Z
    for kink in _KINKS.get(g.name, ()):
        error = np.where(np.abs(Z - kink) <= error_Z, 1 + np.abs(g.g_prime(Z + 1)), error)
    mask = trace.masks[l] if trace.masks else None
    off: Array = error if mask is None else error * mask
    return off


def _curvature(trace: Trace) -> Array:
    """How fast ∂L/∂A[L] moves with A[L]: of the cross-entropies as (dL/dA)², else about 1."""
    return 1 + trace.dA[trace.L] ** 2


def _weight(trace: Trace) -> Any:
    return 1.0 if trace.weights is None else trace.weights
