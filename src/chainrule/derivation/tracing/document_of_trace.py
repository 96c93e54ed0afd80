"""What a trace says: its head, the legend, what was given, and every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chainrule._errors import InvalidParameterError, nearest
from chainrule.derivation.document import blocks
from chainrule.derivation.document.matrix_window import number
from chainrule.derivation.tracing.pass_values import PassValues
from chainrule.derivation.tracing.reasons import named
from chainrule.derivation.tracing.step import TraceStep, differs_by_rows, shaped
from chainrule.derivation.tracing.steps import steps
from chainrule.formula import tree as t
from chainrule.network.embeddings import Embedding
from chainrule.network.types import Array

_TITLES = {"forward": "Forward", "cost": "Loss and cost", "backward": "Back", "update": "Update"}  # by part


def document_of_trace(trace: PassValues, layout: str = "columns") -> blocks.Document:
    """The document; with the layout "both" formulas also as libraries with one example per row write them."""
    if layout not in ("columns", "both"):
        raise InvalidParameterError(f"layout={layout!r} is not known. {nearest(layout, ('columns', 'both'))}")
    every = steps(trace)
    parts = (
        blocks.Part(title, tuple(_step(step, trace, layout) for step in every if step.part == part))
        for part, title in _TITLES.items()
    )
    legend = blocks.Group(tuple(blocks.Prose(line, "faint") for line in _legend(trace, layout)), "legend")
    head = (blocks.Facts(tuple(_facts(trace))), legend, blocks.Part("Given", tuple(_given(trace))))
    return blocks.Document("One pass through a network, forward and back", (*head, *parts))


def _facts(trace: PassValues) -> list[tuple[str, str]]:
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


def _embeddings(trace: PassValues) -> str:
    return "; ".join(
        f"{_column(trace, e)}, {e.levels} levels in {e.size} {'number' if e.size == 1 else 'numbers'}"
        for e in trace.problem.architecture.embeddings
    )


def _column(trace: PassValues, embedding: Embedding) -> str:
    """An embedded column's name, or its number from 1."""
    return blocks.readable(trace.inputs[embedding.column]) if trace.inputs else f"column {embedding.column + 1}"


def _legend(trace: PassValues, layout: str) -> list[str]:
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


def _given(trace: PassValues) -> Iterator[blocks.Group]:
    """The inputs, the targets and the weights of the examples."""
    problem = trace.problem
    yield from _inputs(trace)
    yield _table(trace, t.Symbol("Y"), "the targets", problem.Y, trace.outputs)
    if problem.weights is not None:
        yield _table(trace, t.Symbol("w"), "the examples' weights", problem.weights[None])


def _inputs(trace: PassValues) -> Iterator[blocks.Group]:
    """The table, plain inputs and levels apart."""
    X, embeddings = trace.problem.X, trace.problem.architecture.embeddings
    if not embeddings:
        masked = trace.masks is not None and trace.masks[0] is not None
        name, words = (t.Symbol("X"), "the input") if masked else (t.Symbol("A", "0"), "the input, X")
        yield _table(trace, name, words, X, trace.inputs)
        return
    plain = [i for i in range(len(X)) if i not in {embedding.column for embedding in embeddings}]
    if plain:
        names = tuple(trace.inputs[i] if trace.inputs else str(i + 1) for i in plain)
        yield _table(trace, t.Symbol("X"), "the plain inputs", X[plain], names)
    for j, (embedding, C) in enumerate(zip(embeddings, trace.C, strict=True)):
        yield _table(trace, t.Symbol("C", str(j)), f"the levels of {_column(trace, embedding)}", C[None])


def _table(trace: PassValues, name: t.Symbol, words: str, array: Array, rows: tuple[str, ...] = ()) -> blocks.Group:
    return blocks.Group(
        (blocks.Examples(array, rows, trace.examples),), "given", (name, words, f"({blocks.size(array)})")
    )


def _step(step: TraceStep, trace: PassValues, layout: str) -> blocks.Group:
    section = step.row.section
    source = f"source, {'section ' if section[0].isdigit() else ''}{section}"
    last = len(step.values) - 1
    values = (replace(value, sign=step.formula.sign if i == last else "=") for i, value in enumerate(step.values))
    formulas, mark = _formulas(step, trace, layout), _mark(step, trace)
    body: tuple[blocks.Block, ...] = (*formulas, *mark, blocks.Prose(step.reason), blocks.Numbers(tuple(values)))
    return blocks.Group(body, "step", (step.formula.left, _title(step)), source)


def _title(step: TraceStep) -> str:
    """What a step is about, without its letter."""
    if step.row.id == "penalty":
        return "on the weights"
    return "input" if step.row.id == "activation" and step.layer == 0 else step.row.name


def _formulas(step: TraceStep, trace: PassValues, layout: str) -> Iterator[blocks.Formula]:
    both = layout == "both" and differs_by_rows(step)
    yield blocks.Formula(shaped(step, trace), "examples in columns" if both else "")
    if both:
        yield blocks.Formula(shaped(step, trace, rows=True), "examples in rows")


def _mark(step: TraceStep, trace: PassValues) -> Iterator[blocks.Prose]:
    """Where the mean is taken; nothing for a step where nobody would look for it."""
    if step.mean:
        yield blocks.Prose(f"the mean over the examples is taken here: 1/m, m = {trace.problem.m}", "mean")
    elif step.carries_no_mean:
        yield blocks.Prose("no 1/m here", "faint")
