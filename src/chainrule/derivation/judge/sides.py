"""The side of a corner that a number is on: if rounding decides it, the gradients of both sides are right.

At a corner itself, such as a ReLU at z = 0, libraries take the slope on the left, that on the right, or their mean.
Close to a corner, the order of a sum decides the side. In both cases there is more than one right trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.derivation.checks.kinks import activation_kinks, loss_argument, loss_kinks
from chainrule.derivation.judge.agreement import Agreement, Given
from chainrule.derivation.models.problem import Problem
from chainrule.derivation.tracing.trace import Trace, trace_of
from chainrule.network.activations import Activation
from chainrule.network.propagate import Forward
from chainrule.network.types import Array

_MOST = 64  # numbers whose side is tried, one after the other
_TOGETHER = 16  # numbers whose sides are tried in all combinations
_CONVENTIONS = ((-np.inf,), (np.inf,), (-np.inf, np.inf))  # the slope on the left, on the right, the mean

Place = tuple[int, int, int]  # layer, unit, example


def conventions(trace: Trace) -> Iterator[Trace]:
    """Yield the trace, and if a number is exactly at a corner, those with the other slopes."""
    yield trace
    if any(distance.size and not distance.min() for distance, _ in _corners(trace)):
        for towards in _CONVENTIONS:
            yield trace_of(_with_slopes(trace.problem, towards))


def settled(agreement: Agreement, given: Given) -> Agreement:
    """Move the numbers that rounding may move across a corner to the sides nearest to the given arrays."""
    here = agreement
    for place in _doubtful(agreement, _MOST):
        here = nearest([here, _moved(here, [place])], given)
    return nearest([here, _moved(here, _together(here, _doubtful(agreement, _TOGETHER), given))], given)


def _together(here: Agreement, places: list[Place], given: Given) -> list[Place]:
    """Choose the places to move together: in a sum over the examples one may hide another.

    The combination with the least error is chosen, as if effects added up; within a layer they do.
    """
    if not places:
        return []
    error = _errors(here, given)
    effects = np.array([_errors(_moved(here, [place]), given) - error for place in places])
    choices = np.arange(2 ** len(places))[:, None] >> np.arange(len(places)) & 1
    distances = np.sum(choices @ (effects @ effects.T) * choices, axis=1) + 2 * choices @ (effects @ error)
    return [place for place, chosen in zip(places, choices[np.argmin(distances)], strict=True) if chosen]


def _moved(here: Agreement, places: list[Place]) -> Agreement:
    """Return the agreement with some numbers moved across their corners."""
    trace = here.trace
    for place in places:
        trace = _across(trace, place, _reach(here, place[0]))
    return Agreement(trace, here.precision)


def nearest(agreements: list[Agreement], given: Given) -> Agreement:
    """Return the agreement whose trace is nearest to the given arrays."""
    return min(agreements, key=lambda agreement: _distance(agreement, given))


def _distance(agreement: Agreement, given: Given) -> float:
    """Return the sum of all squared errors."""
    return float(np.sum(_errors(agreement, given) ** 2))


def _errors(agreement: Agreement, given: Given) -> Array:
    """Return all errors, relative to the size of the given array, which is the same for every trace."""
    pairs = [(array, getattr(agreement.trace, name)[l]) for (name, l), array in given.items()]
    errors = [
        (array - right).ravel() / (np.linalg.norm(array) or 1.0) for array, right in pairs if array.shape == right.shape
    ]
    return np.concatenate([np.empty(0), *errors])


def _with_slopes(problem: Problem, towards: tuple[float, ...]) -> Problem:
    """Return the problem with slopes taken next to each number, on the given sides."""

    def beside(slope: Callable[..., Array]) -> Callable[..., Array]:
        return lambda Z, *others: np.mean([slope(np.nextafter(Z, end), *others) for end in towards], axis=0)

    def with_slope(g: Activation) -> Activation:
        return replace(g, g_prime=beside(g.g_prime)) if activation_kinks(g).corners else g

    architecture, loss = problem.architecture, problem.architecture.loss
    loss = replace(loss, derivative=beside(loss.derivative)) if loss_kinks(loss).corners else loss
    hidden = tuple(with_slope(g) for g in architecture.hidden)
    return replace(problem, architecture=replace(architecture, hidden=hidden, loss=loss))


def _corners(trace: Trace) -> Iterator[tuple[Array, int]]:
    """Yield the distance of each number from each corner of its activation; for the output, also of the loss."""
    for l in range(1, trace.L + 1):
        for corner in activation_kinks(trace.problem.architecture.g[l]).corners:
            yield np.abs(trace.Z[l] - corner), l
    loss = trace.problem.architecture.loss
    for corner in loss_kinks(loss).corners:
        yield np.abs(loss_argument(loss, trace.Z[-1], trace.problem.Y) - corner), trace.L


def _doubtful(agreement: Agreement, most: int) -> list[Place]:
    """Return the numbers that rounding may move across a corner, from the output back.

    At most `most`, the closest first; those exactly at a corner last, since `conventions` has tried them together.
    """
    found: list[tuple[bool, float, Place]] = []
    for distance, l in _corners(agreement.trace):
        reach = _reach(agreement, l)
        places = np.argwhere(distance <= reach) if np.isfinite(reach) else ()
        found += [(not distance[i, k], distance[i, k] / reach, (l, int(i), int(k))) for i, k in places]
    closest = sorted(found)[:most]
    return sorted({place for *_, place in closest}, reverse=True)


def _reach(agreement: Agreement, l: int) -> float:
    """Return how far rounding moves Z[l], at the precision of the coarsest given array."""
    return agreement.rounding(max(agreement.precision.values())).Z[l]


def _across(trace: Trace, place: Place, reach: float) -> Trace:
    """Return the trace with one Z moved across its corner, by at most twice the rounding error."""
    l, unit, example = place
    Z: list[Any] = list(trace.Z)
    Z[l] = Z[l].copy()
    Z[l][unit, example] += _step(trace, place, reach)
    return trace_of(trace.problem, trace.learning_rate, Forward(Z, trace.A, trace.masks, trace.C))


def _step(trace: Trace, place: Place, reach: float) -> float:
    """Return the step to the side with a different slope."""
    l, unit, example = place
    problem, Z, Y = trace.problem, trace.Z[l][:, [example]], trace.problem.Y[:, [example]]

    def slope(step: float) -> float:
        moved = Z.copy()
        moved[unit] += step
        loss, g = problem.architecture.loss, problem.architecture.g[l]
        return float((loss.derivative(moved, Y) if l == trace.L else g.g_prime(moved))[unit, 0])

    return max((2 * reach, -2 * reach), key=lambda step: abs(slope(step) - slope(0.0)))
