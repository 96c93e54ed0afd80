"""A step of a derivation, and what all kinds of steps are built with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.deriving.setting import Setting
from chainrule.derivation.document.blocks import Value
from chainrule.derivation.equations import EQUATIONS
from chainrule.derivation.layouts import at_layer, with_shapes
from chainrule.derivation.symbolic.expressions import Expression
from chainrule.formula import tree as t


@dataclass(frozen=True)
class DerivationStep:
    """One step of a derivation.

    Attributes
    ----------
    id : str
    part : str
        The heading it stands under.
    title : str
    formulas : tuple of Relation
        In the order in which they follow; a left side that stays the same is a chain of equalities.
    rule : str
        The rule used, by name.
    reason : str
        Why it holds, in one sentence.
    section : str
        Where the source says it; empty where it does not.
    shapes : Relation or None
        The last formula with a shape under every matrix.
    notes : tuple of str
        What a reader may ask.
    values : tuple of Value
        Numbers, from a trace.
    """

    id: str
    part: str
    title: str
    formulas: tuple[t.Relation, ...]
    rule: str
    reason: str
    section: str = ""
    shapes: t.Relation | None = None
    notes: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()


def numbered(row: str, l: int, s: Setting) -> t.Relation:
    """The formula of a row of the equation table, at layer l."""
    return at_layer(EQUATIONS[row].formula, l, s.L)


def letter(name: str, l: int, *indices: str) -> t.Symbol:
    """A letter of layer l."""
    return t.Symbol(name, str(l), indices)


def chain(*formulas: t.Relation) -> tuple[t.Relation, ...]:
    """The formulas, without one that repeats the one before."""
    return tuple(f for i, f in enumerate(formulas) if i == 0 or f != formulas[i - 1])


def shaped(formula: t.Relation, s: Setting) -> t.Relation:
    """The formula with a shape under every matrix; the number of examples is m, or that of the trace."""
    m = s.trace.problem.m if s.trace is not None else 0  # no width is 0: it stands for m

    def with_m(node: t.Node) -> t.Node | None:
        if isinstance(node, t.Labelled):
            return t.Labelled(node.part, "×".join("m" if side == "0" else side for side in node.label.split("×")))
        return None

    return t.rewritten(with_shapes(formula, s.widths, m), with_m)


def values(s: Setting, shown: Mapping[t.Node, Any]) -> tuple[Value, ...]:
    """Numbers of a trace, where there is one; `shown` has the attribute and the layer of each letter."""
    if s.trace is None:
        return ()
    return tuple(Value(name, np.asarray(_traced(s, key), float)) for name, key in shown.items())


def _traced(s: Setting, key: Any) -> Any:
    if isinstance(key, tuple):
        name, l = key
        return getattr(s.trace, name)[l]
    return key


def constants(expressions: Iterable[Expression | None]) -> str:
    """What the letters of formulas are worth, in words; empty where there are none."""
    known = {letter: value for e in expressions if e is not None for letter, value in e.parameters.items()}
    return ", ".join(f"{letter} = {value:.6g}" for letter, value in known.items())
