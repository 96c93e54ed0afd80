"""A trace as plain data, which any JSON writer takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.derivation.formula import latex, text
from chainrule.derivation.formula.text import stacked
from chainrule.derivation.steps.order import steps
from chainrule.derivation.steps.step import Step, shaped
from chainrule.derivation.tracing import Trace
from chainrule.network.record import architecture_record

FORMAT = 1
_LISTS = ("W", "b", "Z", "A", "dZ", "dA", "dW", "db", "new_W", "new_b", "masks", "E", "C", "dE", "new_E")


def trace_record(trace: Trace) -> dict[str, Any]:
    """The network, every array as nested lists indexed by layer, and the steps; what is not finite is a string."""
    problem = trace.problem
    record = {
        "format": FORMAT,
        "origin": problem.origin,
        "network": architecture_record(problem.architecture),
        "m": problem.m,
        "L": trace.L,
        "widths": list(trace.widths),
        "inputs": list(trace.inputs),
        "outputs": list(trace.outputs),
        "examples": list(trace.examples),
        "X": problem.X,
        "Y": problem.Y,
        "weights": trace.weights,
        "loss": trace.loss,
        "data_loss": trace.data_loss,
        "penalty": trace.penalty,
        "cost": trace.cost,
        "learning_rate": trace.learning_rate,
        **{name: getattr(trace, name) for name in _LISTS},
        "steps": [_step(step, trace) for step in steps(trace)],
    }
    return {key: plain(value) for key, value in record.items()}


def _step(step: Step, trace: Trace) -> dict[str, Any]:
    return {
        "equation": step.row.id,
        "part": step.part,
        "layer": step.layer,
        "formula": text(step.formula),
        "latex": latex(step.formula),
        "shapes": stacked(shaped(step, trace)),
        "by_rows": stacked(shaped(step, trace, rows=True)),
        "takes_mean": step.mean,
        "reason": step.reason,
        "source": step.row.section,
        "values": {text(value.name): value.array for value in step.values},
    }


def plain(value: Any) -> Any:
    """Lists, dicts, texts and finite numbers; "NaN", "Infinity" and "-Infinity", since JSON has no such numbers."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
