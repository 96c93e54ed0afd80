"""One step of a trace: its formula, its numbers, and why it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.equations import EQUATIONS, Row
from chainrule.derivation.formula import tree as t
from chainrule.derivation.layouts import at_layer, by_rows, with_shapes
from chainrule.derivation.tracing import Trace
from chainrule.network.types import Array

Numbers = Mapping[Any, Any]  # of a letter: its array
PARTS = ("forward", "cost", "backward", "update")


@dataclass(frozen=True)
class Value:
    """A letter and its numbers: a matrix, or a single number (an array without axes)."""

    name: t.Node
    array: Array


@dataclass(frozen=True)
class Step:
    """One line of a pass.

    Attributes
    ----------
    row : Row
        The line of the equation table.
    part : str
        One of `PARTS`.
    layer : int
        The layer of its result; 0 where it belongs to none.
    general : Relation
        The formula for every layer l.
    formula : Relation
        The formula of this layer: exactly what was computed.
    values : tuple of Value
        The numbers to show; the last is the result.
    reason : str
    """

    row: Row
    part: str
    layer: int
    general: t.Relation
    formula: t.Relation
    values: tuple[Value, ...]
    reason: str

    @property
    def mean(self) -> bool:
        """Whether the mean over the examples is taken here."""
        return self.row.takes_mean

    @property
    def result(self) -> Array:
        """What the step computed."""
        return self.values[-1].array

    @property
    def carries_no_mean(self) -> bool:
        """Whether it is an error of the examples, in which a reader might look for a 1/m."""
        return self.part == "backward" and not self.mean


def shaped(step: Step, trace: Trace, *, rows: bool = False) -> t.Relation:
    """The step's formula with a shape under every matrix; with `rows` as one example per row has it."""
    m, architecture = trace.problem.m, trace.problem.architecture
    sizes = {"X": (architecture.n_columns - len(trace.E), m), "Ỹ": (trace.widths[-1], m)}

    def labelled(node: t.Node) -> t.Node | None:
        if isinstance(node, t.Selection):
            return _with_shape(node, _selected(node, trace, node.rows if rows else node.columns), rows)
        if not isinstance(node, t.Symbol) or node.indices:
            return None
        size = (trace.widths[int(node.layer)], m) if node.name == "M" else sizes.get(node.name)
        size = (1, m) if node == t.Symbol("w") else size
        size = trace.E[int(node.layer)].shape if node.name in ("E", "dE") else size
        return None if size is None else _with_shape(node, size, rows)

    formula = by_rows(step.formula) if rows else step.formula
    if _sums_over_layers(formula):  # no single layer, no single shape
        return formula
    return with_shapes(t.rewritten(formula, labelled), trace.widths, m, rows=rows)


def _with_shape(node: t.Node, size: tuple[int, int] | None, rows: bool) -> t.Node:
    if size is None:
        return node
    height, width = size[::-1] if rows else size
    return t.Labelled(node, f"{height}×{width}")


def _selected(node: t.Selection, trace: Trace, chosen: t.Node) -> tuple[int, int] | None:
    """The shape of vectors of an embedding, chosen by codes or of one level; None where the level decides how many."""
    if isinstance(chosen, t.Relation) or not isinstance(node.matrix, t.Symbol):
        return None
    size = len(trace.E[int(node.matrix.layer)])
    return size, trace.problem.m if chosen == t.Symbol("C", node.matrix.layer) else 1


def _sums_over_layers(formula: t.Node) -> bool:
    return any(isinstance(part, t.Total) and part.index == "l" for part in t.parts(formula))


def differs_by_rows(step: Step) -> bool:
    """Whether the formula reads otherwise where examples are rows."""
    return by_rows(step.formula) != step.formula


def made(trace: Trace, row_id: str, l: int, general: t.Relation, values: Numbers, why: str = "") -> Step:
    """A step of the table's row; `l` numbers the formula, and the result says which layer it belongs to."""
    row = EQUATIONS[row_id]
    formula = general if _sums_over_layers(general) else at_layer(general, l, trace.L)
    left = formula.left
    layer = int(left.layer) if isinstance(left, t.Symbol) and left.layer else 0
    shown = tuple(Value(name, np.asarray(array, float)) for name, array in values.items())
    return Step(row, _part(row), layer, general, formula, shown, f"{row.reason} {why}".strip())


def _part(row: Row) -> str:
    if row.number in (5, 6) or row.id == "penalty":
        return "cost"
    return "forward" if row.number < 5 else "update" if row.number == 11 else "backward"
