"""`check_derivative`: one function's derivative against differences, with a counterexample if it is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.types import Array
from chainrule.slopes.breaks import Kink, kinks_and_jumps
from chainrule.slopes.derivative_check_result import Counterexample, DerivativeCheck
from chainrule.slopes.numeric_slope import central
from chainrule.slopes.scalar_function import ScalarFunction, scalar_function

_TOLERANCE = 1e-5
_SLACK = 10.0  # times the estimated error of a difference
_TINY = 1e-100  # far out in a tail, where intermediate results underflow
_TELLING = 1e-3  # a point says something if its slope is known to so much
_ORDINARY = 30.0  # where a derivative must be finite if its function is
# Short numbers first, and 2 before 1: of a wrong power or a forgotten factor, 1 shows nothing.
_PLAIN = (2, -2, 1, -1, 3, -3, 0.5, -0.5, 0, 4, -4, 5, -5, 10, -10)


def check_derivative(g: Any, g_prime: Any, *, points: Any = None, seed: int = 0) -> DerivativeCheck:
    """Check the derivative of a function of one number against differences.

    Parameters
    ----------
    g, g_prime : callable or str
        Functions of arrays or of a float, formulas such as "z*sigmoid(z)" and "1 if z > 0 else 0", or names of
        activations; "tanh_prime" names a derivative. A formula for g' may be written in a, which stands for g(z).
    points : array-like of float, optional
        Where to compare; by default some 300 points of all sizes and both signs.
    seed : int, default 0
        Decides the points that are drawn at random.

    Returns
    -------
    DerivativeCheck

    Raises
    ------
    InvalidParameterError
        If g or g_prime is no function of one number, or takes arrays, of one or two axes, and does not return of each
        entry what it returns of it alone.

    Examples
    --------
    >>> from chainrule import check_derivative
    >>> check_derivative("z*sigmoid(z)", "sigmoid(z) * (1 + z*(1 - sigmoid(z)))").ok
    True
    >>> slip = check_derivative(lambda z: max(z, 0.0), lambda z: z if z > 0 else 0.0)
    >>> slip.ok, slip.counterexample.z, slip.counterexample.stated, round(slip.counterexample.numeric, 9)
    (False, 2.0, 2.0, 1.0)
    """
    function, derivative = scalar_function(g, "g"), scalar_function(g_prime, "g_prime")
    z = _points(seed) if points is None else _given_points(points)
    if derivative.of_value:
        inner, name = derivative, derivative.name
        derivative = ScalarFunction(name, lambda z: inner(function(z)))
    with np.errstate(all="ignore"):
        return _Judge(function, derivative, z).check()


class _Judge:
    """A function, what is said to be its derivative, and both at the points."""

    def __init__(self, g: ScalarFunction, g_prime: ScalarFunction, z: Array) -> None:
        self.g, self.g_prime = g, g_prime
        found, jumps = kinks_and_jumps(g)
        self.kinks = [Kink(at, left, right, float(g_prime(np.array([at]))[0])) for at, left, right in found]
        self.jumps = jumps
        breaks = np.array([*(kink.z for kink in self.kinks), *jumps])
        self.z = z[~np.isin(z, breaks)]
        self.value, self.slope, self.stated = g(self.z), central(g, self.z), g_prime(self.z)

    def check(self) -> DerivativeCheck:
        wrong = self._differs(self.stated)
        telling = self._telling()
        odd = [kink for kink in self.kinks if not kink.fine]
        verdict = "wrong" if wrong.any() or odd else ("right" if telling.any() else "not checked")
        notes = self._regions()
        if verdict == "not checked" and self.g.epsilon > np.finfo(np.float64).eps:
            notes.append("g returns float32, too coarse for its differences: let it return float64.")
        if wrong.any():
            if self._of_value():
                verdict = "of a"
            else:
                notes += self._likeness()
        counterexample = self._counterexample(wrong) if wrong.any() else None
        worst = self._at(int(np.argmax(self._distance() * wrong))) if wrong.any() else None
        return DerivativeCheck(
            self.g.name,
            self.g_prime.name,
            verdict,
            counterexample,
            worst,
            tuple(self.kinks),
            tuple(self.jumps),
            tuple(notes),
            int(telling.sum()),
        )

    def _telling(self) -> Array:
        """Where the slope is known well enough to say something."""
        size = np.maximum(np.abs(self.slope.value), np.abs(self.stated))
        told: Array = np.isfinite(self.slope.error) & (_SLACK * self.slope.error <= _TELLING * size)
        return told | (np.isfinite(self.slope.error) & (size == 0))

    def _differs(self, stated: Array) -> Array:
        """Where a derivative is not the slope; being not finite counts where g is ordinary."""
        size = np.maximum(np.abs(self.slope.value), np.abs(stated))
        far = np.abs(stated - self.slope.value) > _TOLERANCE * size + _SLACK * self.slope.error + _TINY
        missing = ~np.isfinite(stated) & (np.abs(self.z) <= _ORDINARY)
        differs: Array = (far & np.isfinite(stated) | missing) & np.isfinite(self.slope.error) & np.isfinite(self.value)
        return differs

    def _distance(self) -> Array:
        distance = np.abs(self.stated - self.slope.value)
        return np.where(np.isfinite(distance), distance, np.finfo(np.float64).max)

    def _counterexample(self, wrong: Array) -> Counterexample:
        """The plainest of the wrong points, among those where the error shows in the first digits if there are any."""
        clear = wrong & ~(self._distance() <= 0.05 * np.maximum(np.abs(self.stated), np.abs(self.slope.value)))
        among = np.flatnonzero(clear if clear.any() else wrong)
        return self._at(min(among.tolist(), key=lambda i: _plainness(float(self.z[i]))))

    def _at(self, i: int) -> Counterexample:
        return Counterexample(float(self.z[i]), float(self.stated[i]), float(self.slope.value[i]))

    def _of_value(self) -> bool:
        """Whether g' is right once it is given a = g(z)."""
        of_value = self.g_prime(np.where(np.isfinite(self.value), self.value, 0.0))
        return not self._differs(of_value).any()

    def _likeness(self) -> list[str]:
        """What a wrong derivative looks like."""
        finite = self._telling() & np.isfinite(self.stated) & (np.abs(self.z) <= _ORDINARY)
        stated, slope = self.stated[finite], self.slope.value[finite]
        if np.allclose(stated, self.value[finite], rtol=1e-9, atol=0):
            return [f"It returns {self.g.name} itself, not its derivative."]
        power = float(slope @ slope)
        ratio = float(stated @ slope) / power if power else 0.0
        if f"{ratio:.6g}" not in ("0", "1") and np.allclose(
            stated, ratio * slope, rtol=1e-4, atol=1e-9 * float(np.abs(slope).max())
        ):
            return ["It has the wrong sign." if abs(ratio + 1) < 1e-4 else f"It is {ratio:.6g} times the derivative."]
        return []

    def _regions(self) -> list[str]:
        """Where g, or g' alone, is not finite."""
        notes = []
        lost = ~np.isfinite(self.value)
        for name, where in (("g", lost), ("g'", ~np.isfinite(self.stated) & ~lost)):
            notes += [f"{name} is not finite {region}." for region in _stretches(self.z, where)]
        return notes


def _stretches(z: Array, where: Array) -> list[str]:
    """Neighbouring points in words: at most three stretches."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], where.astype(int), [0]])))
    words = []
    for first, after in edges.reshape(-1, 2)[:3]:
        low, high = z[first], z[after - 1]
        if low == high:
            words.append(f"at z = {low:.6g}")
        elif first == 0 or after == len(z):
            words.append(f"at z = {high:.6g} and below" if first == 0 else f"at z = {low:.6g} and above")
        else:
            words.append(f"from z = {low:.6g} to {high:.6g}")
    return words


def _plainness(z: float) -> tuple[float, float]:
    return (_PLAIN.index(z), 0.0) if z in _PLAIN else (len(_PLAIN) + len(f"{z:g}"), abs(z))


def _points(seed: int) -> Array:
    """Points of all sizes and both signs, in order."""
    if isinstance(seed, bool) or not (isinstance(seed, int | np.integer) and seed >= 0):
        raise InvalidParameterError(f"seed must be a whole number of at least 0, got {seed!r}.")
    random = np.random.default_rng(seed)
    sizes = np.concatenate([np.logspace(-5, 3, 33), np.arange(1, 13), [0.25, 0.5, 0.75, 1.5, 2.5, 20, 50, 700, 800]])
    return np.unique(
        np.concatenate([sizes, -sizes, [0.0], random.uniform(-5, 5, 60).round(3), random.normal(0, 1, 60)])
    )


def _given_points(points: Any) -> Array:
    try:
        z = np.unique(np.asarray(points, np.float64).ravel())
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(f"points must be numbers: {error}.") from error
    if not z.size or not np.isfinite(z).all():
        raise InvalidParameterError("points must be one or more finite numbers.")
    return z
