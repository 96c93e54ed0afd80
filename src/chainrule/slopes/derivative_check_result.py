"""What `check_derivative` found, and how it is said."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from chainrule._json import plain
from chainrule.slopes.breaks import Kink

_VERDICTS = {
    "right": "right at {points} points",
    "of a": "right as a function of a = g(z), not of z: call it with a",
    "wrong": "wrong",
    "not checked": "not checked: no slope of g could be told",
}


@dataclass(frozen=True)
class Counterexample:
    """A point at which the stated derivative is not the slope."""

    z: float
    stated: float
    numeric: float


@dataclass(frozen=True)
class DerivativeCheck:
    """What `check_derivative` found.

    Attributes
    ----------
    name, derivative : str
        What g and g' are called.
    verdict : {"right", "of a", "wrong", "not checked"}
        "of a": right as a function of a = g(z), not of z.
    counterexample, worst : Counterexample or None
        A point with a short z at which g' is wrong, and the point at which it is most wrong.
    kinks : tuple of Kink
        Where g has two slopes, and what g' says there.
    jumps : tuple of float
        Where g itself jumps.
    notes : tuple of str
        Where g or g' overflows or is not defined, and what a wrong g' looks like.
    points : int
        How many points were compared.
    """

    name: str
    derivative: str
    verdict: str
    counterexample: Counterexample | None
    worst: Counterexample | None
    kinks: tuple[Kink, ...]
    jumps: tuple[float, ...]
    notes: tuple[str, ...]
    points: int

    @property
    def ok(self) -> bool:
        """Whether g' is right as a function of z."""
        return self.verdict == "right"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, with None for a number that is not finite."""
        return {**plain(asdict(self)), "ok": self.ok}

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        lines = [
            f"{self.derivative} as the derivative of {self.name}: {_VERDICTS[self.verdict].format(points=self.points)}"
        ]
        first, worst = self.counterexample, self.worst
        if first is not None:
            lines.append(_point(first))
        if self.verdict == "wrong" and worst is not None and first is not None and worst.z != first.z:
            lines.append("most wrong " + _point(worst))
        lines += [_kink(kink) for kink in self.kinks]
        lines += [f"break at z = {z:.6g}: g itself is not continuous, and has no derivative there" for z in self.jumps]
        return "\n  ".join([*lines, *self.notes])

    __repr__ = __str__


def _point(point: Counterexample) -> str:
    return f"at z = {point.z:.6g} stated {_number(point.stated)}, numeric {_number(point.numeric)}"


def _kink(kink: Kink) -> str:
    judged = "fine, it lies between" if kink.fine else "wrong, it does not lie between"
    left, right = _number(kink.left), _number(kink.right)
    slopes = f"slope {left} from the left, {right} from the right"
    return f"kink at z = {kink.z:.6g}: {slopes}; g' says {kink.stated:.6g}: {judged}"


def _number(value: float) -> str:
    """Six digits, without the last ones' rounding: 1e-13 beside 1 is 0."""
    return f"{round(value, 9) + 0.0:.6g}" if abs(value) > 1e-4 or abs(value) < 1e-9 else f"{value:.6g}"
