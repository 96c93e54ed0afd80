"""What every view of a trace says in words: its head, what was given, the legend, and the marks on its steps."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule._errors import InvalidParameterError, nearest
from chainrule.derivation.tracing.matrix_window import number
from chainrule.derivation.tracing.reasons import named
from chainrule.derivation.tracing.step import Step
from chainrule.derivation.tracing.trace import Trace
from chainrule.formula import tree as t
from chainrule.network.embeddings import Embedding
from chainrule.network.types import Array

TITLE = "One pass through a network, forward and back"
TITLES = {
    "forward": "Forward",
    "cost": "Loss and cost",
    "backward": "Back",
    "update": "Update",
}
BY_COLUMNS, BY_ROWS = "examples in columns", "examples in rows"
LONGEST_NAME = 28


@dataclass(frozen=True)
class Given:
    """What goes into a pass: a letter, its numbers, and the names of its rows."""

    name: t.Symbol
    words: str
    array: Array
    rows: tuple[str, ...]


def check_layout(layout: str) -> None:
    """Raise InvalidParameterError unless the layout is known."""
    if layout not in ("columns", "both"):
        raise InvalidParameterError(f"layout={layout!r} is not known. {nearest(layout, ('columns', 'both'))}")


def head(trace: Trace) -> list[tuple[str, str]]:
    """The network, the examples and the figures, as pairs of a word and what it is."""
    problem = trace.problem
    architecture = problem.architecture
    widths = " \N{RIGHTWARDS ARROW} ".join(str(n) for n in trace.widths)
    gs = ", ".join(named(g.name, g.parameters) for g in (*architecture.hidden, architecture.loss.output))
    facts = [
        ("network", f"{widths} units; {gs}"),
        *([("model of", problem.origin)] if problem.origin != "chainrule" else []),
        ("loss", named(architecture.loss.name, architecture.loss.parameters)),
        ("examples", f"m = {problem.m}"),
        ("layers", f"L = {trace.L}"),
        *([("embeddings", _embeddings(trace))] if trace.E else []),
        ("mean loss", number(trace.data_loss)),
    ]
    if architecture.penalty.alpha:
        facts.append(("penalty", number(trace.penalty)))
    facts.append(("cost", f"J = {number(trace.cost)}"))
    if trace.masks is not None:
        rates = ", ".join(f"{rate:g} of A[{l}]" for l, rate in enumerate(architecture.dropout) if rate)
        facts.append(("dropout", f"{rates}; the masks are frozen"))
    return [*facts, ("learning rate", f"α = {trace.learning_rate:g}")]


def given(trace: Trace) -> list[Given]:
    """The inputs, the targets and the weights of the examples."""
    problem = trace.problem
    parts = [*_inputs(trace), Given(t.Symbol("Y"), "the targets", problem.Y, trace.outputs)]
    if problem.weights is not None:
        parts.append(Given(t.Symbol("w"), "the examples' weights", problem.weights[None], ()))
    return parts


def _inputs(trace: Trace) -> list[Given]:
    """The table, plain inputs and levels apart."""
    X, embeddings = trace.problem.X, trace.problem.architecture.embeddings
    if not embeddings:
        masked = trace.masks is not None and trace.masks[0] is not None
        return [
            Given(*((t.Symbol("X"), "the input") if masked else (t.Symbol("A", "0"), "the input, X")), X, trace.inputs)
        ]
    plain = [i for i in range(len(X)) if i not in {embedding.column for embedding in embeddings}]
    names = tuple(trace.inputs[i] for i in plain) if trace.inputs else tuple(str(i + 1) for i in plain)
    return [
        *([Given(t.Symbol("X"), "the plain inputs", X[plain], names)] if plain else []),
        *(
            Given(t.Symbol("C", str(j)), f"the levels of {_column(trace, embedding)}", C[None], ())
            for j, (embedding, C) in enumerate(zip(embeddings, trace.C, strict=True))
        ),
    ]


def _embeddings(trace: Trace) -> str:
    return "; ".join(
        f"{_column(trace, e)}, {e.levels} levels in {e.size} {'number' if e.size == 1 else 'numbers'}"
        for e in trace.problem.architecture.embeddings
    )


def _column(trace: Trace, embedding: Embedding) -> str:
    """An embedded column's name, or its number from 1."""
    return readable(trace.inputs[embedding.column]) if trace.inputs else f"column {embedding.column + 1}"


def legend(trace: Trace, layout: str) -> list[str]:
    """How to read it: orientation, the signs, where the mean is."""
    m, gradients = trace.problem.m, "dW, db and dE" if trace.E else "dW and db"
    lines = [
        "Columns are examples: A[l] has a row for each unit of layer l and a column for each example. A[0] is the "
        f"input, A[{trace.L}] the prediction.",
        "Under each matrix stands its shape, rows × columns. In a product the inner two are the same; where one must "
        "be transposed for that, ᵀ says so.",
        "* multiplies element by element; letters side by side are a matrix product; g′ is the derivative of g.",
        f"dZ and dA are derivatives of each example's own loss and carry no 1/m. The mean over the m = {m} "
        f"{'example' if m == 1 else 'examples'} is taken once, in J, {gradients}.",
    ]
    if trace.E:
        lines.append(
            "E[j][:,C[j]] are columns of E[j], one for each example: those of the levels in C[j], counted from 0. One "
            "matrix over another has the rows of both; those from 2 to 4, counted from 0, are 2:5."
        )
    if layout == "both":
        lines.append(
            "Libraries that have one example per row compute X W + b: every matrix stands transposed there, W too, and "
            "the factors of each product change places. Where that reads differently, it stands beside ours."
        )
    return lines


def title(step: Step) -> str:
    """What a step is about, without its letter."""
    if step.row.id == "penalty":
        return "on the weights"
    return "input" if step.row.id == "activation" and step.layer == 0 else step.row.name


def mark(step: Step, trace: Trace) -> str:
    """Where the mean is taken, in words; empty for a step where nobody would look for it."""
    if step.mean:
        m = trace.problem.m
        return f"the mean over the examples is taken here: 1/m, m = {m}"
    return "no 1/m here" if step.carries_no_mean else ""


def source(step: Step) -> str:
    """Where the source says it."""
    section = step.row.section
    return f"source, {'section ' if section[0].isdigit() else ''}{section}"


def size(array: Array) -> str:
    """The shape of a matrix, in words."""
    return " × ".join(str(n) for n in array.shape)


def readable(name: str) -> str:
    """A name from outside, in one line of printable signs, not too long.

    Examples
    --------
    >>> readable("size\\x1b[31m\\n(cm)")
    'size\N{REPLACEMENT CHARACTER}[31m (cm)'
    """
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(name.split()))
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1] + "…"


def row_name(names: tuple[str, ...], i: int | None) -> str:
    """The name of a row or a column: its own, or its number from 1; dots for those left out."""
    if i is None:
        return "⋮"
    return readable(names[i]) if i < len(names) else str(i + 1)
