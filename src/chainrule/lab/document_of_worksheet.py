"""The document of a worksheet or its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from chainrule.derivation.document import blocks
from chainrule.derivation.tracing.reasons import named
from chainrule.derivation.tracing.step import shaped
from chainrule.derivation.tracing.trace import Trace
from chainrule.formula import tree as t
from chainrule.lab.arithmetic import arithmetic
from chainrule.lab.exercise import EXACT
from chainrule.lab.numbers import entries
from chainrule.lab.quantities import Quantity

_TITLES = {"forward": "Forward", "cost": "Loss and cost", "backward": "Backward"}  # by part

# Each function and its slope; {s} is the slope of a leaky ReLU.
_FUNCTIONS = {
    "identity": ("z", "1"),
    "relu": ("z if z > 0, else 0", "1 if z > 0, else 0"),
    "leaky_relu": ("z if z > 0, else {s} z", "1 if z > 0, else {s}"),
    "hard_tanh": ("z, but at least −1 and at most 1", "1 if −1 < z < 1, else 0"),
    "sigmoid": ("1/(1 + exp(−z))", "g(z) (1 − g(z))"),
    "tanh": ("tanh z", "1 − g(z)²"),
}


def document_of_worksheet(
    trace: Trace, quantities: Mapping[str, Quantity], blanks: Sequence[str], decimals: int, seed: int, *, key: bool
) -> blocks.Document:
    """Return the document of a worksheet, or of its key."""

    def line(quantity: Quantity) -> blocks.Group:
        """Return a formula with its result or empty cells; on the key, also the calculation of an entry."""
        step, asked = quantity.step, quantity.name in blanks
        formula = blocks.Formula(shaped(step, trace), step.row.name)
        result = blocks.Cells(step.formula.left, entries(quantity.value, decimals), asked, filled=key)
        written = arithmetic(quantity, trace, quantities, decimals) if asked and key else ""
        return blocks.Group((formula, result, *([blocks.Prose(written, "faint")] if written else [])), "exercise")

    points = sum(quantities[name].value.size for name in blanks)
    parts = groupby(quantities.values(), key=lambda quantity: quantity.step.part)
    body: tuple[blocks.Block, ...] = (
        *(() if key else (blocks.Fields((("Name", ""), ("Date", ""), ("Points", f"/ {points}"))),)),
        blocks.Prose(_network(trace)),
        blocks.Group(tuple(map(blocks.Prose, _functions(trace, quantities)))),
        blocks.Prose(_key_note(decimals)) if key else blocks.Prose(_task(trace, decimals), "strong"),
        blocks.Part("Given", (blocks.Numbers(tuple(_given(trace))),)),
        *(blocks.Part(_TITLES[part], tuple(map(line, lines))) for part, lines in parts),
    )
    return blocks.Document(f"Backpropagation by hand, exercise {seed}{': key' if key else ''}", body)


def _given(trace: Trace) -> Iterator[blocks.Value]:
    """Yield the given values: examples, weights and biases."""
    arrays = {t.Symbol("X"): trace.A[0], t.Symbol("Y"): trace.problem.Y}
    for l in range(1, trace.L + 1):
        arrays |= {t.Symbol("W", str(l)): trace.W[l], t.Symbol("b", str(l)): trace.b[l]}
    for name, array in arrays.items():
        yield blocks.Value(name, array if array.size > 1 else array.reshape(()))


def _network(trace: Trace) -> str:
    """Describe the network and its examples."""
    architecture, m = trace.problem.architecture, trace.problem.m
    *hidden, last = architecture.widths[1:]
    parts = [_counted(architecture.widths[0], "input")]
    parts += [f"{_counted(n, 'hidden unit')} ({_name(trace, l)})" for l, n in enumerate(hidden, start=1)]
    parts.append(f"{_counted(last, 'output')} ({_name(trace, trace.L)})")
    examples = "one example" if m == 1 else f"m = {m} examples, which are columns"
    return f"A network of {', '.join(parts)}; loss: {architecture.loss.name.replace('_', ' ')}; {examples}."


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _name(trace: Trace, l: int) -> str:
    g = trace.problem.architecture.g[l]
    return named(g.name, g.parameters)


def _functions(trace: Trace, quantities: Mapping[str, Quantity]) -> Iterator[str]:
    """Yield definitions: each layer's function, and its slope if the backward pass needs it."""
    yield f"A[0] is X. ŷ is A[{trace.L}], an example's prediction; y is its target."
    g = trace.problem.architecture.g
    formulas = [quantity.step.formula for quantity in quantities.values()]
    needed = {part.layer for f in formulas for part in t.parts(f) if isinstance(part, t.Apply) and part.prime}
    for l in range(1, len(g)):
        name = f"g[{l}]"
        if g[l].name == "softmax":
            yield f"{name} is softmax: each exp(z) of a column, divided by their sum."
            continue
        value, slope = (w.format(s=f"{g[l].parameters.get('negative_slope', 0.01):g}") for w in _FUNCTIONS[g[l].name])
        words = f"{name}(z) = {value}"
        yield f"{words}; {name}′(z) = {slope.replace('g(z)', f'{name}(z)')}." if str(l) in needed else f"{words}."


def _task(trace: Trace, decimals: int) -> str:
    """Return the task, with the precision of the answers."""
    g = trace.problem.architecture.g
    rounded = f"round to {decimals} decimals"
    exact = all(activation.name in EXACT for activation in g)
    how = f"Write exact numbers or fractions, or {rounded}." if exact else f"R{rounded[1:]} what is not exact."
    uses_log = trace.problem.architecture.loss.name != "squared_error"
    return f"Fill in the empty cells. {how}{' log is the natural logarithm.' if uses_log else ''}"


def _key_note(decimals: int) -> str:
    """Return the note on how to read the key."""
    return (
        f"Numbers that are not exact are rounded to {decimals} decimals; later steps use the unrounded numbers. One "
        f"entry of each result is written out."
    )
