"""When an array agrees with the expected one: the residual, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.derivation.judge.rounding import Rounding, rounding
from chainrule.derivation.tracing.trace import Trace
from chainrule.network.types import Array

Key = tuple[str, int]  # a tensor's name and layer
Given = Mapping[Key, Array]

DOUBLE, SINGLE = (float(np.finfo(dtype).eps) for dtype in (np.float64, np.float32))
_RIGHT_IN_DOUBLE = 1e-8  # allows careful finite differences of the cost; rounding takes a thousandth of it
_RIGHT_BELOW = 5e-5  # limit in float32, if rounding reaches that far
_LEAST = 1e-6  # relative to the terms of a sum: if they cancel further, no digit is left to compare


@dataclass(frozen=True)
class Agreement:
    """The agreement of arrays with those of a trace.

    The residual of a tensor is its largest error, relative to the largest expected entry. An array in float64 is right
    up to 1e-8; a coarser one as far as rounding goes, and never beyond 5e-5.

    Attributes
    ----------
    trace : Trace
        The right numbers.
    precision : mapping
        The relative precision of each array.
    """

    trace: Trace
    precision: Mapping[Key, float]
    _tried: dict[float, Rounding] = field(default_factory=dict)

    def residual(self, key: Key, array: Array, expected: Array) -> float:
        """Return the largest error relative to the largest entry; infinite for another shape or numbers not finite."""
        if array.shape != expected.shape:
            return float("inf")
        error, size = _largest(array - expected), max(_largest(expected), self._floors[key])
        if error == 0:
            return 0.0
        return error / size if size and np.isfinite(error) else float("inf")

    def is_right(self, key: Key, residual: float) -> bool:
        """Say whether the residual is that of a right array."""
        if self.precision[key] <= DOUBLE:
            return residual <= _RIGHT_IN_DOUBLE
        return residual <= _RIGHT_BELOW and residual <= self.reach(key)

    def is_rounding(self, key: Key, residual: float) -> bool:
        """Say whether rounding explains the residual, even if it is too large to tell what is right."""
        return self.is_right(key, residual) or residual <= self.reach(key)

    def reach(self, key: Key) -> float:
        """Return how far rounding moves the tensor, as a residual."""
        (name, l), epsilon = key, self.precision[key]
        moved, size = getattr(self.rounding(epsilon), name)[l], max(_largest(self._right(key)), self._floors[key])
        return float(moved / size) if size else float("inf")

    def rounding(self, epsilon: float) -> Rounding:
        """Return how far rounding moves the trace; computed once for each precision."""
        if epsilon not in self._tried:
            self._tried[epsilon] = rounding(self.trace, epsilon)
        return self._tried[epsilon]

    def _right(self, key: Key) -> Array:
        array: Array = getattr(self.trace, key[0])[key[1]]
        return array

    @cached_property
    def _floors(self) -> dict[Key, float]:
        return {key: _LEAST * _largest(_terms(self.trace, *key)) for key in self.precision}


@np.errstate(over="ignore", invalid="ignore")
def _largest(array: Any) -> float:
    return float(np.max(np.abs(array), initial=0.0))


def _terms(trace: Trace, name: str, l: int) -> Any:
    """Return the sum of the absolute terms of a tensor, which may cancel; 0 if it is not a sum."""
    if name == "dW":
        return np.abs(trace.dZ[l]) @ np.abs(np.asarray(trace.A[l - 1])).T / trace.problem.m
    if name == "db":
        return np.abs(trace.dZ[l]).mean(axis=1)
    return np.abs(trace.W[l + 1]).T @ np.abs(trace.dZ[l + 1]) if name == "dA" and l < trace.L else 0.0
