"""The verdict of the gradient checker: which tensors are right or wrong, and which mistakes were made."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np

from chainrule.derivation.document.blocks import Document, Prose, Table
from chainrule.derivation.document.html import as_fragment
from chainrule.derivation.judge.agreement import Key
from chainrule.derivation.judge.error_variations import DA, DZ
from chainrule.derivation.judge.parameter_variations import DB, DW
from chainrule.derivation.judge.places import Site, alternatives
from chainrule.derivation.judge.search import Search
from chainrule.network.propagate import Forward
from chainrule.network.types import Array

RIGHT, UNDECIDED, NOT_FINITE = "right", "undecided", "wrong: not finite"


@dataclass(frozen=True)
class Mistake:
    """A named mistake.

    Attributes
    ----------
    id : str
        A key of `chainrule.derivation.judge.mistakes.KINDS`.
    tensor : str
        The first tensor with the mistake, from the output back, such as "dW[2]".
    tensors : tuple of str
        All tensors with the mistake.
    explanation : str
        The mistake, and how to correct it.
    residual : float
        The distance of the arrays from those with the mistake, relative to their largest entry.
    indistinguishable_from : tuple of str
        Other mistakes that give the same numbers for this network; one of them was made.
    """

    id: str
    tensor: str
    tensors: tuple[str, ...]
    explanation: str
    residual: float
    indistinguishable_from: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The mistake, its tensors, and its alternatives."""
        others = self.indistinguishable_from
        either = f" (or {', '.join(others)}: this network cannot tell them apart)" if others else ""
        return f"{self.id} at {', '.join(self.tensors)}{either}"

    def __str__(self) -> str:
        words = fill(self.explanation, 100, initial_indent="    ", subsequent_indent="    ")
        return f"{self.title}\n{words}"


@dataclass(frozen=True)
class VerdictRow:
    """The verdict on one tensor.

    Attributes
    ----------
    tensor : str
        Its name, such as "dW[2]".
    residual : float
        Its largest error, relative to the largest entry of the right one.
    verdict : str
        "right"; "undecided", if rounding could explain the error but is too large to decide; or "wrong", with details.
    """

    tensor: str
    residual: float
    verdict: str


@dataclass(frozen=True)
class GradientVerdict:
    """The verdict on given gradients; print it.

    Attributes
    ----------
    ok : bool
        Whether every row is right.
    mistakes : tuple of Mistake
        The fewest that explain every array; empty if they are right, or if no known mistakes explain them.
    rows : tuple of VerdictRow
        One for each array.
    closest : (str, float), optional
        If no mistakes explain them: the nearest known mistake, or "right", and its residual.
    note : str
        A further note.
    """

    ok: bool
    mistakes: tuple[Mistake, ...]
    rows: tuple[VerdictRow, ...]
    closest: tuple[str, float] | None = None
    note: str = ""

    @property
    def undecided(self) -> bool:
        """Whether no array is wrong, but some are too coarse to be called right."""
        return not self.ok and not any(row.verdict.startswith("wrong") for row in self.rows)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        width = max(len(row.tensor) for row in self.rows)
        lines = [f"{row.tensor:<{width}}  {row.residual:8.1e}  {row.verdict}" for row in self.rows]
        return "\n".join([self._headline(), "", f"{'':<{width}}  residual", *lines, *map(str, self.mistakes)])

    def _repr_html_(self) -> str:
        rows = tuple((row.tensor, f"{row.residual:.1e}", row.verdict) for row in self.rows)
        table = Table(("gradient", "residual", "verdict"), rows, (False, True, False))
        mistakes = (Prose(mistake.explanation, lead=mistake.title) for mistake in self.mistakes)
        return as_fragment(Document("", (Prose(self._headline(), "strong"), table, *mistakes)))

    def _headline(self) -> str:
        if self.mistakes:
            return f"The gradients are wrong, and this explains every number{self.note}:"
        words = "The gradients are right." if self.ok else "The gradients are wrong"
        if self.undecided:
            words = "Neither right nor wrong can be told: rounding hides it."
        elif self.closest is not None:
            nearest = f"Closest: {self.closest[0]}, residual {self.closest[1]:.2g}."
            words += f"; not recognised as up to two known mistakes. {nearest}"
        elif not self.ok:
            words += "."
        return f"{words} {self.note}".rstrip()


def verdict_rows(search: Search) -> tuple[VerdictRow, ...]:
    """Compare each array with the right one, from the output back."""
    order = {"dA": 0, "dZ": 1, "dW": 2, "db": 3}
    names = sorted(search.given, key=lambda key: (-key[1], order[key[0]]))
    return tuple(_row(search, key) for key in names)


def _row(search: Search, key: Key) -> VerdictRow:
    (name, l), array, agreement = key, search.given[key], search.agreement
    right = getattr(search.trace, name)[l]
    residual = agreement.residual(key, array, right)
    return VerdictRow(f"{name}[{l}]", residual, _words(search, key, array, right, residual))


def _words(search: Search, key: Key, array: Array, right: Array, residual: float) -> str:
    if not np.isfinite(array).all():
        return f"{NOT_FINITE}: {_first_not_finite(array)}"
    if array.shape != right.shape:
        return f"wrong: shape {array.shape}, not {right.shape}"
    if search.agreement.is_right(key, residual):
        return RIGHT
    if search.agreement.is_rounding(key, residual):
        return f"{UNDECIDED}: rounding may move it by {search.agreement.reach(key):.1e}"
    if _follows(search, *key):
        return "wrong, but follows from the arrays above"
    return f"wrong{_multiple(array, right)}"


def _first_not_finite(array: Array) -> str:
    places = np.argwhere(~np.isfinite(array))
    others = f", and {len(places) - 1:,} more" if len(places) > 1 else ""
    return f"{array[tuple(places[0])]} at [{', '.join(map(str, places[0]))}]{others}"


def _multiple(array: Any, right: Any) -> str:
    """Say by which factor all entries are wrong, if it is the same for all."""
    factor = float(np.vdot(array, right)) / (float(np.vdot(right, right)) or np.inf)
    spread, size = np.max(np.abs(array - factor * right)), np.max(np.abs(right))
    same = array.size > 1 and spread <= 1e-3 * min(1.0, abs(factor), abs(factor - 1)) * size
    return f": {factor:.6g} times the right one" if same and factor else ""


def _follows(search: Search, name: str, l: int) -> bool:
    """Say whether an array follows by the right equation from the given array that it is computed from."""
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
