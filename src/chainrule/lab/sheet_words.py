"""What a worksheet says in words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from chainrule.derivation.tracing.reasons import named
from chainrule.formula import tree as t
from chainrule.lab.exercise import EXACT
from chainrule.lab.quantities import Quantity
from chainrule.lab.worksheet import Worksheet
from chainrule.network.types import Array

TITLES = {"forward": "Forward", "cost": "Loss and cost", "backward": "Backward"}

# Each function and its slope; {s} is the slope of a leaky ReLU.
_FUNCTIONS = {
    "identity": ("z", "1"),
    "relu": ("z if z > 0, else 0", "1 if z > 0, else 0"),
    "leaky_relu": ("z if z > 0, else {s} z", "1 if z > 0, else {s}"),
    "hard_tanh": ("z, but at least −1 and at most 1", "1 if −1 < z < 1, else 0"),
    "sigmoid": ("1/(1 + exp(−z))", "g(z) (1 − g(z))"),
    "tanh": ("tanh z", "1 − g(z)²"),
}


def title(sheet: Worksheet, *, key: bool) -> str:
    """The heading."""
    return f"Backpropagation by hand, exercise {sheet.seed}{': key' if key else ''}"


def network(sheet: Worksheet) -> str:
    """The network and its examples."""
    architecture, m = sheet.trace.problem.architecture, sheet.trace.problem.m
    *hidden, last = architecture.widths[1:]
    parts = [_counted(architecture.widths[0], "input")]
    parts += [f"{_counted(n, 'hidden unit')} ({_name(sheet, l)})" for l, n in enumerate(hidden, start=1)]
    parts.append(f"{_counted(last, 'output')} ({_name(sheet, sheet.trace.L)})")
    examples = "one example" if m == 1 else f"m = {m} examples, which are columns"
    return f"A network of {', '.join(parts)}; loss: {architecture.loss.name.replace('_', ' ')}; {examples}."


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _name(sheet: Worksheet, l: int) -> str:
    g = sheet.trace.problem.architecture.g[l]
    return named(g.name, g.parameters)


def functions(sheet: Worksheet) -> Iterator[str]:
    """What the letters beyond the given ones are: each layer's function, and its slope where the way back needs it."""
    yield f"A[0] is X. ŷ is A[{sheet.trace.L}], an example's prediction; y is its target."
    g = sheet.trace.problem.architecture.g
    formulas = [quantity.step.formula for quantity in sheet.quantities.values()]
    needed = {part.layer for f in formulas for part in t.parts(f) if isinstance(part, t.Apply) and part.prime}
    for l in range(1, len(g)):
        name = f"g[{l}]"
        if g[l].name == "softmax":
            yield f"{name} is softmax: each exp(z) of a column, divided by their sum."
            continue
        value, slope = (w.format(s=f"{g[l].parameters.get('negative_slope', 0.01):g}") for w in _FUNCTIONS[g[l].name])
        words = f"{name}(z) = {value}"
        yield f"{words}; {name}′(z) = {slope.replace('g(z)', f'{name}(z)')}." if str(l) in needed else f"{words}."


def task(sheet: Worksheet) -> str:
    """What is to be done, and how exactly."""
    g = sheet.trace.problem.architecture.g
    rounded = f"round to {sheet.decimals} decimals"
    exact = all(activation.name in EXACT for activation in g)
    how = (
        f"Write exact numbers or fractions, or {rounded}." if exact else f"R{rounded[1:]} what does not come out even."
    )
    uses_log = sheet.trace.problem.architecture.loss.name != "squared_error"
    return f"Fill in the empty cells. {how}{' log is the natural logarithm.' if uses_log else ''}"


def key_note(sheet: Worksheet) -> str:
    """How the key is to be read."""
    return (
        f"Numbers that do not come out even are rounded to {sheet.decimals} decimals; the calculation goes on with all "
        f"of them. Of each result that was asked for, one entry is written out."
    )


def points(sheet: Worksheet) -> int:
    """One for each empty cell."""
    return sum(array.size for array in sheet.answers.values())


def given(sheet: Worksheet) -> Iterator[tuple[t.Node, Array]]:
    """What every exercise gives: the examples, the weights and the biases."""
    trace = sheet.trace
    yield t.Symbol("X"), trace.A[0]
    yield t.Symbol("Y"), trace.problem.Y
    for l in range(1, trace.L + 1):
        yield t.Symbol("W", str(l)), trace.W[l]
        yield t.Symbol("b", str(l)), trace.b[l]


def parts(sheet: Worksheet) -> Iterator[tuple[str, list[Quantity]]]:
    """The lines under their headings."""
    for part, lines in groupby(sheet.quantities.values(), key=lambda quantity: quantity.step.part):
        yield TITLES[part], list(lines)
