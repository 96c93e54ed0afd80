"""Slopes of a function of one number by differences, each with an estimate of its error.

The step is chosen point by point: from long to short, where neighbouring steps agree best beside what rounding does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from chainrule.network.types import Array

_GOOD = 1e-3
_LONGEST, _SHORTER, _RUNGS = 0.05, 6.0, 13


class Curve(Protocol):
    """A function of arrays, element by element; how precise its values are, and how large where they are ordinary."""

    @property
    def epsilon(self) -> float:
        """The relative precision of a value."""
        ...

    @property
    def size(self) -> float:
        """The size of an ordinary value."""
        ...

    def __call__(self, z: Array, /) -> Array:
        """The values at z."""
        ...


@dataclass(frozen=True)
class Slope:
    """Slopes at points, and how far off they may be; infinite where none can be told."""

    value: Array
    error: Array


def central(g: Curve, z: Array) -> Slope:
    """The slope by central differences of fourth order."""
    return _best(g, z, {-2: 1 / 12, -1: -8 / 12, 1: 8 / 12, 2: -1 / 12})


def one_sided(g: Curve, z: Array, side: int) -> Slope:
    """The slope from the right (side 1) or from the left (-1)."""
    return _best(g, z, {0: -1.5 * side, side: 2.0 * side, 2 * side: -0.5 * side})


def _best(g: Curve, z: Array, weights: dict[int, float]) -> Slope:
    steps = _LONGEST * np.maximum(1, np.abs(z)) / _SHORTER ** np.arange(_RUNGS)[:, None]
    exact = (z + steps) - z  # a step that the sum really takes
    values = {k: g(z + k * exact) for k in weights}
    with np.errstate(all="ignore"):
        slopes = sum(weight * values[k] for k, weight in weights.items()) / exact
        size = g.size + np.max([np.abs(value) for value in values.values()], axis=0)
        noise = 4 * g.epsilon * size / exact + 4 * np.finfo(np.float64).eps * np.abs(z * slopes) / exact
        apart = np.abs(np.diff(slopes, axis=0))
        return _chosen(slopes[1:-1], np.maximum(apart[:-1], apart[1:]) + noise[1:-1], noise[1:-1])


def _chosen(slopes: Array, error: Array, noise: Array) -> Slope:
    """The slope of the best step of each point.

    Near a pole the longest steps agree on a slope that is far too small; so relative agreement decides where it can,
    and where it cannot, no shorter step may contradict beyond its noise.
    """
    error = np.where(np.isfinite(error), error, np.inf)
    relative = np.where(error == 0, 0, error / np.abs(slopes))
    relative = np.where(np.isfinite(relative), relative, np.inf)
    good = relative.min(axis=0) < _GOOD
    best, at = np.where(good, relative.argmin(axis=0), error.argmin(axis=0)), np.arange(slopes.shape[1])
    value, error = slopes[best, at], error[best, at]
    shorter = np.arange(len(slopes))[:, None] > best
    contradicted = (shorter & ~(np.abs(slopes - value) <= 10 * (error + noise))).any(axis=0)
    return Slope(value, np.where(good | ~contradicted, error, np.inf))
