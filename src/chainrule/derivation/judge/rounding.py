"""How far rounding may move each quantity of a pass: a running error bound, layer by layer.

Whoever computes the same gradient in another order, or in float32, gets other digits. A judge may call a number wrong
only where it differs by more than that. (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.3.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.checks.kinks import activation_kinks
from chainrule.derivation.tracing import Trace
from chainrule.network.types import Array

_OPERATIONS = 16.0  # roundings of one quantity that may add up: an activation, its derivative, a loss


@dataclass(frozen=True)
class Rounding:
    """The largest error that rounding explains, for each tensor and layer; shapes as in the trace."""

    dZ: list[Any]
    dA: list[Any]
    dW: list[Any]
    db: list[Any]


@np.errstate(over="ignore", invalid="ignore")  # a bound that overflows says that rounding explains anything
def rounding(trace: Trace, epsilon: float) -> Rounding:
    """Bound the rounding errors of a pass computed with the given relative precision.

    Through many layers the worst case would explain any error, while what rounding does stays far below it. So an error
    that comes through a layer is held to the cube root of the precision (6e-6, 5e-3), relative to the terms of its sum,
    or to the share it has of the output's error. Only where rounding takes the whole slope, it is what it is.
    """
    eps, most = _OPERATIONS * epsilon, float(np.cbrt(epsilon))
    error_Z, error_A = _forward(trace, eps, most)
    L, m = trace.L, trace.problem.m
    dZ: list[Any] = [None] * (L + 1)
    dA, dW, db = dZ.copy(), dZ.copy(), dZ.copy()
    slope = _steepness(trace, L)
    dA[L] = eps * np.abs(trace.dA[L]) + error_A[L] * _curvature(trace)
    sides = (np.abs(trace.A[L]) + np.abs(trace.problem.Y)) / trace.widths[L] * _weight(trace)
    smooth = eps * (np.abs(trace.dZ[L]) + sides) + error_Z[L] * (slope * _weight(trace) + np.abs(trace.dZ[L]))
    jump, largest = np.zeros_like(smooth), np.abs(trace.dZ[L]).max(axis=0)
    share = np.maximum(most, smooth.max(axis=0) / np.maximum(largest, np.finfo(float).tiny))  # of each example
    for l in range(L, 0, -1):
        dZ[l] = smooth + jump
        size, inputs = np.abs(trace.dZ[l]), np.abs(np.asarray(trace.A[l - 1]))
        penalty = eps * np.abs(trace.problem.penalty_gradient(trace.W[l]))
        dW[l] = ((dZ[l] + eps * size) @ inputs.T + size @ error_A[l - 1].T) / m + penalty
        db[l] = (dZ[l] + eps * size).mean(axis=1, keepdims=True)
        if l > 1:
            weights, steep = np.abs(trace.W[l]).T, _steepness(trace, l - 1)
            smooth = np.minimum(weights @ (smooth + eps * size), share * (weights @ size))
            jump = weights @ jump
            dA[l - 1] = smooth + jump
            moved, jumped = _slope_errors(trace, l - 1, error_Z[l - 1], eps)
            reach = np.abs(trace.dA[l - 1])
            smooth = smooth * steep + reach * moved
            jump = jump * steep + (reach + dA[l - 1]) * jumped
    return Rounding(dZ, dA, dW, db)


def _forward(trace: Trace, eps: float, most: float) -> tuple[list[Any], list[Any]]:
    """The errors of Z and A, from that of X as it is stored."""
    error_A: list[Any] = [eps * np.abs(np.asarray(trace.A[0]))]
    error_Z: list[Any] = [None]
    for l in range(1, trace.L + 1):
        weights, inputs, bias = np.abs(trace.W[l]), np.abs(np.asarray(trace.A[l - 1])), np.abs(trace.b[l])
        worst = weights @ (error_A[l - 1] + eps * inputs) + eps * bias
        error_Z.append(np.minimum(worst, most * (weights @ inputs + bias)))
        error_A.append(_steepness(trace, l) * error_Z[l] + eps * (np.abs(trace.A[l]) + eps))
    return error_Z, error_A


def _steepness(trace: Trace, l: int) -> Array:
    """|g'(Z[l])| with the mask; at least a little, since rounding moves Z as well; of a softmax at most 1."""
    g = trace.problem.architecture.g[l]
    slope = np.ones_like(trace.Z[l]) if g.name == "softmax" else np.abs(g.g_prime(trace.Z[l]))
    mask = trace.masks[l] if trace.masks and l < trace.L else None
    steep: Array = slope if mask is None else slope * mask
    return steep


def _slope_errors(trace: Trace, l: int, error_Z: Array, eps: float) -> tuple[Array, Array]:
    """How far g'(Z[l]) may be off: by rounding and Z's own error; and where it may be all of it, as at a kink."""
    g, Z = trace.problem.architecture.g[l], trace.Z[l]
    slope = np.abs(g.g_prime(Z))
    moved = eps * (1 + slope) + error_Z
    jumped = np.where(moved >= slope, moved, 0.0)
    for kink in activation_kinks(g).corners:
        jumped = np.where(np.abs(Z - kink) <= error_Z, 1 + np.abs(g.g_prime(Z + 1)), jumped)
    mask = trace.masks[l] if trace.masks else None
    return (moved, jumped) if mask is None else (moved * mask, jumped * mask)


def _curvature(trace: Trace) -> Array:
    """How fast ∂L/∂A[L] moves with A[L]: of the cross-entropies as (dL/dA)², else about 1."""
    return 1 + trace.dA[trace.L] ** 2


def _weight(trace: Trace) -> Any:
    return 1.0 if trace.weights is None else trace.weights
