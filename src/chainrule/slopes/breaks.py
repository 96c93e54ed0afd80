"""Where a function of one number has a kink, at which its slope jumps, or a jump, at which it does itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.network.types import Array
from chainrule.slopes.numeric_slope import central, one_sided
from chainrule.slopes.scalar_function import ScalarFunction

_SPACING, _REACH = 0.1, 20.0
_SHARP = 0.1  # of the slopes nearby: how much they change from one point of the grid to the next, at least
_NEAR = 5  # points on either side are nearby
_HALVINGS = 40
_ROUNDING = 1e-6  # of a value: what may be a step of its rounding only, in float32 too


@dataclass(frozen=True)
class Kink:
    """A place where the slope jumps, the slopes on both sides, and what g' says there."""

    z: float
    left: float
    right: float
    stated: float

    @property
    def fine(self) -> bool:
        """Whether what g' says lies between the two slopes."""
        low, high = sorted((self.left, self.right))
        slack = 1e-5 * max(abs(low), abs(high))
        return bool(low - slack <= self.stated <= high + slack)


def kinks_and_jumps(g: ScalarFunction) -> tuple[list[tuple[float, float, float]], list[float]]:
    """Find the kinks, each with its slopes from the left and from the right, and the jumps."""
    grid = np.arange(-_REACH, _REACH + _SPACING / 2, _SPACING) + _SPACING / np.pi  # off the places people choose
    a, b = grid[:-1], grid[1:]
    slope, value = central(g, grid), g(grid)
    told = np.isfinite(slope.error) & np.isfinite(value)
    near = np.array([np.abs(slope.value[max(0, i - _NEAR) : i + _NEAR + 1]).max() for i in range(len(grid))])
    rise, by_slope = np.diff(value), (slope.value[1:] + slope.value[:-1]) / 2 * _SPACING
    with np.errstate(all="ignore"):
        bend = np.abs(np.diff(slope.value))
        sharp = (bend > _SHARP * near[1:]) & (bend > 10 * (slope.error[1:] + slope.error[:-1]))
        torn = np.abs(rise - by_slope) > _SHARP * (np.abs(rise) + np.abs(by_slope))
        torn &= np.abs(rise) > _ROUNDING * np.abs(value[1:])
    suspects = np.flatnonzero((sharp | torn) & told[1:] & told[:-1])[:20]
    kinks, jumps = [], []
    for i in suspects:
        jump = _jump(g, a[i], b[i])
        if jump is not None:
            jumps.append(jump)
            continue
        found = _kink(g, a[i], b[i])
        if found is not None:
            kinks.append(found)
    return kinks, jumps


def _jump(g: ScalarFunction, a: float, b: float) -> float | None:
    """Halve towards the larger rise; a jump's stays as it is."""
    rise = _rise(g, a, b)
    for _ in range(_HALVINGS):
        middle = (a + b) / 2
        first, second = _rise(g, a, middle), _rise(g, middle, b)
        a, b = (a, middle) if first >= second else (middle, b)
    left = _rise(g, a, b)
    return _short(b) if left > 0.01 * rise and left > _ROUNDING * abs(float(g(np.array([b]))[0])) else None


def _kink(g: ScalarFunction, a: float, b: float) -> tuple[float, float, float] | None:
    """Halve towards the larger change of slope."""
    for _ in range(_HALVINGS // 2):
        middle = (a + b) / 2
        slopes = central(g, np.array([a, middle, b])).value
        a, b = (a, middle) if abs(slopes[1] - slopes[0]) >= abs(slopes[2] - slopes[1]) else (middle, b)
    z = np.array([_short((a + b) / 2)])
    left, right = one_sided(g, z, -1), one_sided(g, z, 1)
    gap, error = abs(right.value - left.value)[0], (left.error + right.error)[0]
    size = max(abs(left.value[0]), abs(right.value[0]))
    if not (gap > 1e-3 * size and error < 0.05 * gap):
        return None
    return float(z[0]), float(left.value[0]), float(right.value[0])


def _rise(g: ScalarFunction, a: float, b: float) -> float:
    values: Array = g(np.array([a, b]))
    return abs(float(values[1] - values[0]))


def _short(z: float) -> float:
    """The place as a short decimal, if one is near enough."""
    for digits in range(7):
        if abs(round(z, digits) - z) < 1e-6:
            return round(z, digits) + 0.0
    return z
