"""Compute a whole pass with one mistake, made where it is usually made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.derivation.judge.agreement import Given
from chainrule.derivation.judge.error_variations import DA, DZ, OUTPUT
from chainrule.derivation.judge.mistakes import KINDS
from chainrule.derivation.judge.parameter_variations import DB, DW, FORWARD
from chainrule.derivation.judge.places import Place, Site, alternatives
from chainrule.derivation.models.problem import Problem
from chainrule.derivation.tracing.trace import Trace, trace_of
from chainrule.network.propagate import Forward, Gradients

# The places where each mistake is usually made; elsewhere the pass is right.
_USUAL = {
    "times_m": ("dW", "db"),
    "divided_twice_by_m": ("output",),
    "sign": ("output",),
    "transposed": ("dW",),
    "missing_activation_derivative": ("dZ",),
    "derivative_of_activation_value": ("dZ",),
    "relu_as_its_derivative": ("dZ",),
    "updated_weights": ("dA",),
    "missing_penalty": ("dW",),
    "penalty_on_bias": ("db",),
    "sum_over_outputs": ("output",),
    "missing_bias": ("forward", "db"),
    "wrong_layer_activations": ("dW",),
    "missing_dropout_mask": ("dZ",),
    "missing_dropout_scale": ("dZ",),
    "missing_softmax_jacobian": ("output",),
    "accumulated": ("dW", "db"),
}


def wrong_pass(problem: Problem, mistake: str, learning_rate: float = 0.1) -> Gradients:
    """Backpropagate with a mistake; dW and db include the penalty.

    If the mistake cannot be made in this network, the result is right.
    """
    trace, L = trace_of(problem, learning_rate), problem.architecture.L
    pass_ = _forward(trace, mistake)
    dZ: list[Any] = [None] * (L + 1)
    dA, dW, db = dZ.copy(), dZ.copy(), dZ.copy()
    dA[L] = trace.dA[L]
    dZ[L] = _made(OUTPUT, "output", Site(problem, pass_, L), mistake)
    for l in range(L, 0, -1):
        site = Site(problem, pass_, l, dZ=dZ[l])
        dW[l], db[l] = _made(DW, "dW", site, mistake), _made(DB, "db", site, mistake)
        if l > 1:
            updated = trace.W[l] - learning_rate * dW[l] if mistake == "updated_weights" else None
            below = Site(problem, pass_, l - 1, dZ=dZ[l], updated_W=updated)
            dA[l - 1] = _made(DA, "dA", below, mistake)
            dZ[l - 1] = _made(DZ, "dZ", replace(below, dA=dA[l - 1]), mistake)
    return Gradients(dZ, dA, dW, db)


def _forward(trace: Trace, mistake: str) -> Forward:
    wrong = FORWARD[mistake](trace.problem) if "forward" in _USUAL[mistake] else None
    return wrong or Forward(trace.Z, trace.A, trace.masks)


def _made(place: Place, name: str, site: Site, mistake: str) -> Any:
    """Return the first wrong value of a place if the mistake is usual and possible there, else the right one."""
    allowed = frozenset({mistake}) if name in _USUAL[mistake] else frozenset()
    right, *wrong = alternatives(place, site, allowed)
    return wrong[0][1] if wrong else right[1]


def closest(trace: Trace, given: Given) -> tuple[str, float] | None:
    """Return the known mistake, or "right", whose arrays are nearest to the given ones, and the distance."""
    distances = {"right": _distance(trace, given)}
    for mistake in KINDS:
        distances[mistake] = _distance(wrong_pass(trace.problem, mistake), given)
    nearest = min(distances, key=lambda id_: distances[id_])
    return (nearest, distances[nearest]) if np.isfinite(distances[nearest]) else None


def _distance(gradients: Trace | Gradients, given: Given) -> float:
    """Return the largest difference of a tensor, relative to its largest entry; infinite if a shape differs."""
    distances = []
    for (name, l), array in given.items():
        expected = getattr(gradients, name)[l]
        size = np.max(np.abs(expected), initial=0.0)
        if array.shape != expected.shape or not np.isfinite(array).all():
            return np.inf
        distances.append(float(np.max(np.abs(array - expected), initial=0.0) / (size or 1.0)))
    return max(distances)
