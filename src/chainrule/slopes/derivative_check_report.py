"""The check of a derivative in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.slopes.breaks import Kink
    from chainrule.slopes.derivative_check import Counterexample, DerivativeCheck

_VERDICTS = {
    "right": "right at {points} points",
    "of a": "right as a function of a = g(z), not of z: call it with a",
    "wrong": "wrong",
    "not checked": "not checked: no slope of g could be told",
}


def derivative_text(check: DerivativeCheck) -> str:
    """Write the check as lines: the verdict, the counterexample, and what is particular."""
    lines = [
        f"{check.derivative} as the derivative of {check.name}: {_VERDICTS[check.verdict].format(points=check.points)}"
    ]
    first, worst = check.counterexample, check.worst
    if first is not None:
        lines.append(_point(first))
    if check.verdict == "wrong" and worst is not None and first is not None and worst.z != first.z:
        lines.append("most wrong " + _point(worst))
    lines += [_kink(kink) for kink in check.kinks]
    lines += [f"break at z = {z:.6g}: g itself is not continuous, and has no derivative there" for z in check.jumps]
    return "\n  ".join([*lines, *check.notes])


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
