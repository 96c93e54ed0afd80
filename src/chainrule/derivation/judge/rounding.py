"""Measure how far rounding moves each quantity of a pass.

The same gradient computed in another order, or in float32, has other digits. A bound from products of norms grows with
every layer, until it allows anything. So the pass is repeated with a random error in every quantity, of the size of
its rounding error, and the changes are measured (Parker, "Monte Carlo arithmetic", 1997). A sum of n terms has an error
of about sqrt(n) roundings (Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.checks.kinks import activation_kinks
from chainrule.derivation.tracing.output_delta import derivative_by_prediction
from chainrule.derivation.tracing.trace import Trace
from chainrule.network.dropout import drop
from chainrule.network.types import Array

_REPETITIONS = 4
_FURTHER = 2.0  # allowed multiple of the largest change; in practice rounding goes a tenth as far
_STEPS = 4.0  # roundings of one number in an activation, its derivative or a loss
_SMALLEST = 2.0**16  # times the smallest normal number: smaller numbers lose digits


@dataclass(frozen=True)
class Rounding:
    """The largest error of an entry that rounding explains, for each tensor and layer; index 0 is not used."""

    Z: list[float]
    dZ: list[float]
    dA: list[float]
    dW: list[float]
    db: list[float]


@np.errstate(all="ignore")  # values that overflow have no digits left
def rounding(trace: Trace, epsilon: float) -> Rounding:
    """Repeat a pass with random errors of a relative precision, and return how far each tensor moves."""
    repeated = [_Shaken(trace, epsilon, np.random.default_rng(seed)).passed() for seed in range(_REPETITIONS)]
    smallest = _SMALLEST * float(np.finfo(np.float32 if epsilon > np.finfo(np.float64).eps else np.float64).tiny)

    def furthest(name: str, l: int) -> float:
        moved = [np.abs(pass_[name][l] - getattr(trace, name)[l]).max(initial=0.0) for pass_ in repeated]
        return _FURTHER * float(np.nan_to_num(max(moved), nan=np.inf)) + smallest

    layers = range(1, trace.L + 1)
    return Rounding(*([0.0, *(furthest(name, l) for l in layers)] for name in ("Z", "dZ", "dA", "dW", "db")))


@dataclass(frozen=True)
class _Shaken:
    """One repetition. No Z moves across a corner: `sides.py` decides its side."""

    trace: Trace
    epsilon: float
    draw: np.random.Generator

    def _error(self, size: Any, roundings: float = _STEPS) -> Any:
        return self.epsilon / 2 * roundings * size * self.draw.standard_normal(np.shape(size))

    def _product(self, left: Array, right: Array, of: float = 1.0) -> Array:
        """Return a matrix product divided by a number, with the errors of its sums."""
        terms = np.abs(left) @ np.abs(right)
        exact: Array = left @ right
        return (exact + self._error(terms, np.sqrt(left.shape[1]) + 1)) / of

    def passed(self) -> dict[str, list[Any]]:
        """Return Z, dZ, dA, dW and db."""
        trace = self.trace
        W = [None, *(w + self._error(np.abs(w), 1) for w in trace.W[1:])]
        Z, settled, A = self._forward(W)
        dZ: list[Any] = [None] * (trace.L + 1)
        dA, dW, db = dZ.copy(), dZ.copy(), dZ.copy()
        dA[-1], dZ[-1] = self._output(settled[-1], A[-1])
        for l in range(trace.L, 0, -1):
            penalty = trace.problem.penalty_gradient(W[l])
            dW[l] = self._product(dZ[l], A[l - 1].T, trace.problem.m) + penalty + self._error(np.abs(penalty))
            db[l] = self._product(dZ[l], np.ones((trace.problem.m, 1)), trace.problem.m)
            if l > 1:
                dA[l - 1] = self._product(W[l].T, dZ[l])
                slope = trace.problem.architecture.g[l - 1].g_prime(settled[l - 1])
                slope = slope + self._error(1 + np.abs(slope))  # 1 - a² and a (1 - a) are differences
                dZ[l - 1] = drop(dA[l - 1], trace.masks[l - 1] if trace.masks else None) * slope
        return {"Z": Z, "dZ": dZ, "dA": dA, "dW": dW, "db": db}

    def _forward(self, W: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Return Z with errors, the same Z kept on its side of the corners, and A."""
        trace, inputs = self.trace, np.asarray(self.trace.A[0])
        Z: list[Any] = [None]
        settled, A = Z.copy(), [inputs + self._error(np.abs(inputs), 1)]
        for l in range(1, trace.L + 1):
            g = trace.problem.architecture.g[l]
            Z.append(self._product(W[l], A[-1]) + trace.b[l] + self._error(np.abs(trace.b[l]), 1))
            crosses = [np.sign(Z[l] - c) != np.sign(trace.Z[l] - c) for c in activation_kinks(g).corners]
            settled.append(np.where(np.any(crosses, axis=0), trace.Z[l], Z[l]) if crosses else Z[l])
            a = g.g(settled[l])
            a = a + self._error(np.abs(a))
            A.append(drop(a, trace.masks[l] if trace.masks and l < trace.L else None))
        return Z, settled, A

    def _output(self, Z: Array, A: Array) -> tuple[Array, Array]:
        """Return dA[L] and dZ[L], which are differences such as A - Y."""
        problem, loss = self.trace.problem, self.trace.problem.architecture.loss
        weights = 1.0 if problem.weights is None else problem.weights
        sides = (np.abs(A) + np.abs(problem.Y)) / (1 if loss.sums_outputs else len(A))
        dA, dZ = derivative_by_prediction(loss, Z, problem.Y), loss.dZ(Z, problem.Y)
        dA = dA + self._error(np.abs(dA) + np.abs(A) * (1 + dA**2))  # for cross-entropies the slope of dA is dA²
        return dA * weights, (dZ + self._error(np.abs(dZ) + sides)) * weights
