"""In which directions each tensor of parameters is measured.

Entry by entry; or where they are many, a sample of them and random projections, in which every entry takes part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.checks.differences import Pass
from chainrule.derivation.models.problem import Problem
from chainrule.network.dropout import drop
from chainrule.network.embeddings import rows_of
from chainrule.network.penalties import Penalty
from chainrule.network.types import Array

_OPERATIONS = 6e9  # a few seconds of one core
_PASSES = 6  # evaluations a difference takes
_PROJECTIONS = 4
_NUMBERS = 2e6  # of one array at a time


@dataclass(frozen=True)
class Tensor:
    """W[l], b[l] or E[j], as it is and as its gradient is said to be; Z[l] is what it moves."""

    name: str
    l: int
    value: Array
    stated: Array
    j: int | None = None

    @property
    def is_bias(self) -> bool:
        """Whether it is b[l]."""
        return self.name.startswith("db")

    @property
    def is_penalised(self) -> bool:
        """Whether it is W[l]."""
        return self.name.startswith("dW")


@dataclass(frozen=True)
class Measured:
    """One direction: the slope as stated and as measured, and how far off the measurement may be.

    `entry` is its place in the tensor, None for a projection; `at_corner` tells that J has no slope there.
    """

    entry: tuple[int, int] | None
    stated: float
    numeric: float
    slack: float
    at_corner: bool


def column_operations(problem: Problem, l: int) -> float:
    """Operations that one example takes from layer l on."""
    widths = problem.architecture.widths
    return sum(2 * p * n for p, n in zip(widths[l:-1], widths[l + 1 :], strict=True)) + 30.0 * sum(widths[l:])


def examples_within_reach(problem: Problem) -> int:
    """How many examples can be measured in a few directions of every tensor in the time there is."""
    L = problem.architecture.L
    operations = sum(2 * 3 * _PROJECTIONS * _PASSES * column_operations(problem, l) for l in range(1, L + 1))
    return max(32, int(_OPERATIONS / operations))


def measured(start: Pass, tensor: Tensor, random: np.random.Generator) -> Iterator[Measured]:
    """Measure a tensor's gradient, in as many directions as the time allows."""
    problem, n = start.problem, tensor.value.size
    operations = problem.m * _PASSES * column_operations(problem, tensor.l)
    entries = int(_OPERATIONS / (2 * problem.architecture.L) / operations)
    if n <= max(entries, 3 * _PROJECTIONS):
        yield from _entries(start, tensor, np.arange(n))
        return
    for _ in range(_PROJECTIONS):
        yield _projection(start, tensor, random.standard_normal(tensor.value.shape) / np.sqrt(n))
    sample = random.choice(n, max(entries - _PROJECTIONS, 2 * _PROJECTIONS), replace=False)
    yield from _entries(start, tensor, np.sort(sample))


def _entries(start: Pass, tensor: Tensor, places: Array) -> Iterator[Measured]:
    at_once = max(1, int(_NUMBERS / (start.problem.m * max(start.problem.architecture.widths[tensor.l :]))))
    for begin in range(0, len(places), at_once):
        yield from _some_entries(start, tensor, places[begin : begin + at_once])


def _some_entries(start: Pass, tensor: Tensor, places: Array) -> Iterator[Measured]:
    problem, m = start.problem, start.problem.m
    rows, columns = np.unravel_index(places, tensor.value.shape)
    D = _moves(start, tensor, rows, columns)
    slopes = start.slopes(tensor.l, D.reshape(len(D), -1), np.tile(np.arange(m), len(places)))
    value, slack = _mean(problem, slopes.value, len(places)), _mean(problem, slopes.slack, len(places))
    at_corner: Any = slopes.at_corner.reshape(len(places), m).any(axis=1)
    of_penalty, no_slope = _penalty_slope(problem.architecture.penalty, tensor, rows, columns)
    for k, entry in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        corner = bool(at_corner[k] or no_slope[k])
        yield Measured(entry, float(tensor.stated[entry]), float(value[k] + of_penalty[k]), float(slack[k]), corner)


def _moves(start: Pass, tensor: Tensor, rows: Array, columns: Array) -> Array:
    """How Z[l] moves as each entry does by itself, of shape (n[l], entries, m).

    Its row i moves by row j of A[l-1], or for a bias by 1. An entry of E[j] moves a row of A[0] where the level occurs.
    """
    if tensor.j is not None:
        beneath = _moved_inputs(start, tensor.j, start.forward.C[tensor.j] == columns[:, None], rows)
        W = start.problem.parameters.W[1][:, _rows_of(start, tensor.j)][:, rows]
        moved: Array = W[:, :, None] * beneath
        return moved
    D = np.zeros((tensor.value.shape[0], len(rows), start.problem.m))
    D[rows, np.arange(len(rows))] = 1 if tensor.is_bias else start.forward.A[tensor.l - 1][columns]
    return D


def _moved(start: Pass, tensor: Tensor, V: Array) -> Array:
    """How Z[l] moves as all entries move at once in the direction V, of shape (n[l], m)."""
    if tensor.j is not None:
        rows = _rows_of(start, tensor.j)
        beneath = _moved_inputs(start, tensor.j, V[:, start.forward.C[tensor.j]], slice(None))
        return start.problem.parameters.W[1][:, rows] @ beneath
    return np.tile(V, (1, start.problem.m)) if tensor.is_bias else V @ start.forward.A[tensor.l - 1]


def _rows_of(start: Pass, j: int) -> slice:
    architecture = start.problem.architecture
    return rows_of(architecture.embeddings, architecture.widths[0])[j]


def _moved_inputs(start: Pass, j: int, moved: Array, rows: Array | slice) -> Array:
    """How some of the rows of A[0] that belong to E[j] move, dropout applied."""
    masks = start.problem.masks
    return drop(moved, None if masks is None or masks[0] is None else masks[0][_rows_of(start, j)][rows])


def _projection(start: Pass, tensor: Tensor, direction: Array) -> Measured:
    """Move all entries at once, except those at the corner of the penalty."""
    every = np.indices(direction.shape)
    of_penalty, no_slope = _penalty_slope(start.problem.architecture.penalty, tensor, *every)
    V = np.where(no_slope, 0, direction)
    slopes = start.slopes(tensor.l, _moved(start, tensor, V), np.arange(start.problem.m))
    value, slack = _mean(start.problem, slopes.value, 1), _mean(start.problem, slopes.slack, 1)
    stated = float(np.vdot(V, tensor.stated))
    numeric = float(value[0] + np.vdot(V, of_penalty))
    rounding = np.finfo(np.float64).eps * float(np.abs(V * tensor.stated).sum())
    return Measured(None, stated, numeric, float(slack[0]) + rounding, bool(slopes.at_corner.any()))


def _mean(problem: Problem, values: Array, lines: int) -> Array:
    """The weighted mean over the examples, of each line."""
    by_line = values.reshape(lines, problem.m)
    mean: Array = (by_line if problem.weights is None else by_line * problem.weights).mean(axis=1)
    return mean


def _penalty_slope(penalty: Penalty, tensor: Tensor, rows: Array, columns: Array) -> tuple[Array, Any]:
    """The slope of the penalty by each weight, and where it has none: a term of one weight is differenced by itself."""
    w: Array = tensor.value[rows, columns]
    if not (tensor.is_penalised and penalty.alpha):
        return np.zeros(w.shape), np.zeros(w.shape, bool)

    def term(w: Array) -> Array:
        return penalty.l1 * np.abs(w) + penalty.l2 / 2 * w**2

    step = np.where(w == 0, 1.0, np.abs(w) / 2)  # stays on this side of the corner at 0
    slope: Array = (term(w + step) - term(w - step)) / (2 * step)
    return slope, (w == 0) & (penalty.l1 > 0)
