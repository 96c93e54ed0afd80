"""A trace as plain data, which any JSON writer takes."""

from __future__ import annotations

from typing import Any

from chainrule._json import plain
from chainrule.derivation.tracing.pass_values import PassValues
from chainrule.derivation.tracing.step import TraceStep, shaped
from chainrule.derivation.tracing.steps import steps
from chainrule.formula import latex, text
from chainrule.formula.text import stacked
from chainrule.network.record import architecture_record

FORMAT = 1
_LISTS = ("W", "b", "Z", "A", "dZ", "dA", "dW", "db", "new_W", "new_b", "masks", "E", "C", "dE", "new_E")


def trace_record(trace: PassValues) -> dict[str, Any]:
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
    return plain(record, in_words=True)


def _step(step: TraceStep, trace: PassValues) -> dict[str, Any]:
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
