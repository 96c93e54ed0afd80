"""One step of a trace: its formula, its numbers, and why it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.document.blocks import Value
from chainrule.derivation.equations import EQUATIONS, Row
from chainrule.derivation.layouts import Shape, at_layer, by_rows, with_shapes
from chainrule.derivation.tracing.pass_values import PassValues
from chainrule.formula import tree as t
from chainrule.network.types import Array

Numbers = Mapping[Any, Any]  # of a letter: its array
PARTS = ("forward", "cost", "backward", "update")


@dataclass(frozen=True)
class TraceStep:
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


def shaped(step: TraceStep, trace: PassValues, *, rows: bool = False) -> t.Relation:
    """The step's formula with a shape under every matrix; with `rows` as one example per row has it."""
    formula = by_rows(step.formula) if rows else step.formula
    if _sums_over_layers(formula):  # no single layer, no single shape
        return formula
    problem = trace.problem
    more: dict[t.Node, Shape] = {t.Symbol("X"): (problem.architecture.n_columns - len(trace.E), problem.m)}
    for j, E in enumerate(trace.E):
        more |= {t.Symbol(name, str(j)): E.shape for name in ("E", "dE")}
    return with_shapes(formula, trace.widths, problem.m, rows=rows, more=more)


def _sums_over_layers(formula: t.Node) -> bool:
    return any(isinstance(part, t.Total) and part.index == "l" for part in t.parts(formula))


def differs_by_rows(step: TraceStep) -> bool:
    """Whether the formula reads otherwise where examples are rows."""
    return by_rows(step.formula) != step.formula


def made(trace: PassValues, row_id: str, l: int, general: t.Relation, values: Numbers, why: str = "") -> TraceStep:
    """A step of the table's row; `l` numbers the formula, and the result says which layer it belongs to."""
    row = EQUATIONS[row_id]
    formula = general if _sums_over_layers(general) else at_layer(general, l, trace.L)
    left = formula.left
    layer = int(left.layer) if isinstance(left, t.Symbol) and left.layer else 0
    shown = tuple(Value(name, np.asarray(array, float)) for name, array in values.items())
    return TraceStep(row, _part(row), layer, general, formula, shown, f"{row.reason} {why}".strip())


def _part(row: Row) -> str:
    if row.number in (5, 6) or row.id == "penalty":
        return "cost"
    return "forward" if row.number < 5 else "update" if row.number == 11 else "backward"
