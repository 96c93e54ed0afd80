"""What the steps of a trace say about this network, after the reason that holds for every one."""

from __future__ import annotations

from typing import Any

from chainrule.derivation.tracing.pass_values import PassValues
from chainrule.network.activations import COUPLED

DROPOUT = (
    "Dropout multiplies by a mask M: 0 removes a unit for an example, 1/(1 - rate) makes up for it in those that stay."
)

REMOVED = "A unit that was removed passes no error: the mask of the way forward, again."


def activation_words(trace: PassValues, l: int, mask: Any) -> str:
    """Which function g[l] is, and what a mask does to it."""
    activation = trace.problem.architecture.g[l]
    words = f"g[{l}] is {named(activation.name, activation.parameters)}."
    if activation.name in COUPLED:
        words = f"g[{l}] is {activation.name}, which takes all numbers of a column together."
    return words if mask is None else f"{words} {DROPOUT}"


def loss_words(trace: PassValues) -> str:
    """Which function the loss is."""
    loss = trace.problem.architecture.loss
    return f"L is {named(loss.name, loss.parameters)}; ŷ is A[{trace.L}]. {smoothing_words(trace)}"


def named(name: str, parameters: Any) -> str:
    """A function's name in words, with its parameters; no smoothing of labels goes without saying."""
    said = {key: value for key, value in parameters.items() if key != "label_smoothing" or value}
    inside = ", ".join(f"{key.replace('_', ' ')} {_short(value)}" for key, value in said.items())
    return name.replace("_", " ") + (f" ({inside})" if inside else "")


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    return ", ".join(f"{one:g}" for one in value) if isinstance(value, tuple) else f"{value:g}"


def smoothing_words(trace: PassValues) -> str:
    """What the loss is computed with, where it smooths its targets."""
    loss = trace.problem.architecture.loss
    s = loss.parameters.get("label_smoothing", 0.0)
    share = f"n[{trace.L}]" if loss.sums_outputs else "2"
    return f"Its targets are smoothed: Ỹ = (1 - s) Y + s/{share} with s = {s:g}." if s else ""


def output_words(trace: PassValues, pair: bool) -> str:
    """What is in the error of the output; `pair` where it is prediction minus target."""
    loss, words = trace.problem.architecture.loss, []
    if not pair and loss.output.name in COUPLED:
        words.append(f"The slope of {loss.output.name} is a matrix for each example, {loss.output.name}′.")
    if not pair:
        words.append(f"dA[{trace.L}] is the derivative of each example's loss by its prediction.")
    if trace.widths[-1] > 1 and not loss.sums_outputs:
        place = "" if pair else f" in dA[{trace.L}]"
        words.append(f"An example's loss is the mean over its outputs, hence a factor 1/n[{trace.L}]{place}.")
    if trace.weights is not None:
        words.append("Each example's error counts by its weight w" + ("." if pair else f", which is in dA[{trace.L}]."))
    return " ".join(words)
