"""What the judge says: which tensor is right, which is not, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np

from chainrule.derivation.judge.error_variations import DA, DZ
from chainrule.derivation.judge.parameter_variations import DB, DW
from chainrule.derivation.judge.places import Site, alternatives
from chainrule.derivation.judge.search import Search
from chainrule.network.propagate import Forward


@dataclass(frozen=True)
class Mistake:
    """A named mistake.

    Attributes
    ----------
    id : str
        A key of `chainrule.derivation.judge.mistakes.KINDS`.
    tensor : str
        The tensor it was first made at, going back from the output, such as "dW[2]".
    tensors : tuple of str
        All of them.
    explanation : str
        What was done, and what to do.
    residual : float
        How far the arrays are from what the mistake gives, relative to their largest entry.
    indistinguishable_from : tuple of str
        Other mistakes that give the same numbers for this network; one of them was made.
    """

    id: str
    tensor: str
    tensors: tuple[str, ...]
    explanation: str
    residual: float
    indistinguishable_from: tuple[str, ...] = ()

    def __str__(self) -> str:
        others = self.indistinguishable_from
        either = f" (or {', '.join(others)}: this network cannot tell them apart)" if others else ""
        words = fill(self.explanation, 100, initial_indent="    ", subsequent_indent="    ")
        return f"{self.id} at {', '.join(self.tensors)}{either}\n{words}"


@dataclass(frozen=True)
class VerdictRow:
    """One given tensor: how far it is from the right one, and whether it follows from the arrays above it."""

    tensor: str
    residual: float
    verdict: str


@dataclass(frozen=True)
class GradientVerdict:
    """The judgement of somebody's gradients; print it.

    Attributes
    ----------
    ok : bool
        Whether they are right, up to rounding.
    mistakes : tuple of Mistake
        The fewest that explain every array; empty where they are right, or where nothing known explains them.
    rows : tuple of VerdictRow
        One for each array.
    closest : (str, float), optional
        Where nothing explains them: the known mistake, or "right", that comes nearest, and its residual.
    """

    ok: bool
    mistakes: tuple[Mistake, ...]
    rows: tuple[VerdictRow, ...]
    closest: tuple[str, float] | None = None

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        width = max(len(row.tensor) for row in self.rows)
        lines = [f"{row.tensor:<{width}}  {row.residual:8.1e}  {row.verdict}" for row in self.rows]
        return "\n".join([self._headline(), "", f"{'':<{width}}  residual", *lines, *map(str, self.mistakes)])

    def _headline(self) -> str:
        if self.ok:
            return "The gradients are right."
        if self.mistakes:
            return "The gradients are wrong, and this explains every number:"
        nearest = "" if self.closest is None else f" Closest: {self.closest[0]}, residual {self.closest[1]:.2g}."
        return f"The gradients are wrong; not recognised as up to two known mistakes.{nearest}"


def verdict_rows(search: Search, ok: bool) -> tuple[VerdictRow, ...]:
    """Compare each array with the right one, from the output back."""
    order = {"dA": 0, "dZ": 1, "dW": 2, "db": 3}
    names = sorted(search.given, key=lambda key: (-key[1], order[key[0]]))
    return tuple(_row(search, name, l, ok) for name, l in names)


def _row(search: Search, name: str, l: int, ok: bool) -> VerdictRow:
    array, right = search.given[name, l], getattr(search.trace, name)[l]
    tensor = f"{name}[{l}]"
    if array.shape != right.shape:
        return VerdictRow(tensor, float("inf"), f"wrong: shape {array.shape}, not {right.shape}")
    if not np.isfinite(array).all():
        return VerdictRow(tensor, float("inf"), "wrong: not finite")
    size = float(np.max(np.abs(right), initial=0.0))
    residual = float(np.max(np.abs(array - right), initial=0.0)) / (size or 1.0)
    if ok or search.residual(name, l, right) is not None:
        return VerdictRow(tensor, residual, "right")
    if _follows(search, name, l):
        return VerdictRow(tensor, residual, "wrong, but follows from the arrays above")
    return VerdictRow(tensor, residual, f"wrong{_multiple(array, right)}")


def _multiple(array: Any, right: Any) -> str:
    """Say by which factor all entries are wrong, if by one."""
    factor = float(np.vdot(array, right)) / (float(np.vdot(right, right)) or np.inf)
    same = array.size > 1 and np.allclose(array, factor * right, rtol=0, atol=1e-5 * np.max(np.abs(array), initial=0.0))
    return f": {factor:.4g} times the right one" if same and factor else ""


def _follows(search: Search, name: str, l: int) -> bool:
    """Whether an array is what the right equation makes of the given array that it is computed from."""
    above: dict[str, tuple[str, int, Any]] = {
        "dW": ("dZ", l, DW),
        "db": ("dZ", l, DB),
        "dA": ("dZ", l + 1, DA),
        "dZ": ("dA", l, DZ),
    }
    source, layer, place = above[name]
    from_ = search.given.get((source, layer))
    if from_ is None or (name == "dZ" and l == search.trace.L):  # the output pair is not one
        return False
    trace = search.trace
    pass_ = Forward(trace.Z, trace.A, trace.masks)
    site = Site(trace.problem, pass_, l, **{source: from_})
    (_, expected), *_ = alternatives(place, site, frozenset())
    return search.residual(name, l, expected) is not None
