"""The steps of a trace, in order; its document and its plain data are made of these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chainrule.derivation.equations import EQUATIONS
from chainrule.derivation.tracing import formulas
from chainrule.derivation.tracing import reasons as step_words
from chainrule.derivation.tracing.output_delta import output_formula, simplifies
from chainrule.derivation.tracing.pass_values import PassValues
from chainrule.derivation.tracing.step import Numbers, TraceStep, made
from chainrule.formula import tree as t
from chainrule.network.activations import COUPLED
from chainrule.network.embeddings import rows_of


def steps(trace: PassValues) -> list[TraceStep]:
    """Every step of a trace: forward by layer, loss, cost and penalty, back by layer, the update.

    Examples
    --------
    >>> from chainrule import Dense, Network, trace
    >>> from chainrule.formula import text
    >>> net = Network([Dense(2, "tanh"), Dense(1, "sigmoid")], n_inputs=2)
    >>> for step in steps(trace(net, [[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0]]))[6:9]:
    ...     print(text(step.formula))
    dZ[2] = A[2] - Y
    dW[2] = (1/m) dZ[2] A[1]ᵀ
    db[2] = (1/m) Σᵢ dZ[2]
    """
    return [*_forward(trace), *_cost(trace), *_backward(trace), *_update(trace)]


def _forward(trace: PassValues) -> Iterator[TraceStep]:
    masks = trace.masks or [None] * trace.L
    of_input = {} if masks[0] is None else {t.Symbol("M", "0"): masks[0]}
    if trace.E:
        yield _embedded(trace, of_input)
    elif of_input:
        shown = {**of_input, t.Symbol("A", "0"): trace.A[0]}
        yield replace(made(trace, "activation", 0, formulas.masked_input(), shown), reason=step_words.DROPOUT)
    for l in range(1, trace.L + 1):
        of = _letters(l)
        shown = {of["W"]: trace.W[l], of["b"]: trace.b[l], of["Z"]: trace.Z[l]}
        yield made(trace, "linear", l, EQUATIONS["linear"].formula, shown)
        mask = masks[l] if l < trace.L else None
        shown = {of["A"]: trace.A[l]} if mask is None else {of["M"]: mask, of["A"]: trace.A[l]}
        general = formulas.activation(masked=mask is not None)
        yield made(trace, "activation", l, general, shown, step_words.activation_words(trace, l, mask))


def _embedded(trace: PassValues, mask: Numbers) -> TraceStep:
    architecture = trace.problem.architecture
    general = formulas.embedded_input(architecture.embeddings, architecture.n_columns, masked=bool(mask))
    vectors = {t.Symbol("E", str(j)): E for j, E in enumerate(trace.E)}
    shown = {**vectors, **mask, t.Symbol("A", "0"): trace.A[0]}
    return made(trace, "embedded_input", 0, general, shown, step_words.DROPOUT if mask else "")


def _letters(l: int) -> dict[str, t.Symbol]:
    return {name: t.Symbol(name, str(l)) for name in ("Z", "A", "W", "b", "M", "dZ", "dA", "dW", "db")}


def _cost(trace: PassValues) -> Iterator[TraceStep]:
    loss, penalty = trace.problem.architecture.loss, trace.problem.architecture.penalty
    general = formulas.loss_formula(loss, trace.widths[-1])
    smoothed = _smoothed(trace)
    yield made(
        trace, "loss", trace.L, general, {**smoothed, formulas.LOSS: trace.loss[None]}, step_words.loss_words(trace)
    )
    if penalty.alpha:
        factors = [(formulas.L1, penalty.l1), (formulas.L2, penalty.l2)]
        shown = {name: factor for name, factor in factors if factor} | {formulas.PENALTY: trace.penalty}
        yield made(trace, "penalty", 0, formulas.penalty_value(penalty), shown)
    weighted = trace.weights is not None
    general = formulas.cost(weighted=weighted, penalized=bool(penalty.alpha))
    weights = {t.Symbol("w"): trace.weights[None]} if trace.weights is not None else {}
    words = "Each example counts by its weight w, relative to the mean weight." if weighted else ""
    yield made(trace, "cost", 0, general, {**weights, t.Symbol("J"): trace.cost}, words)


def _smoothed(trace: PassValues) -> Numbers:
    """The smoothed targets, where the loss smooths them."""
    loss, Y = trace.problem.architecture.loss, trace.problem.Y
    s = loss.parameters.get("label_smoothing", 0.0)
    return {t.Symbol("Ỹ"): (1 - s) * Y + s / (len(Y) if loss.sums_outputs else 2)} if s else {}


def _backward(trace: PassValues) -> Iterator[TraceStep]:
    penalty = trace.problem.architecture.penalty
    yield _output(trace)
    for l in range(trace.L, 0, -1):
        of = _letters(l)
        row = "weights_penalized" if penalty.alpha else "weights"
        yield made(trace, row, l, formulas.weights(penalty), {of["dW"]: trace.dW[l]})
        yield made(trace, "biases", l, EQUATIONS["biases"].formula, {of["db"]: trace.db[l]})
        if l > 1:
            general = EQUATIONS["previous_activation"].formula
            yield made(trace, "previous_activation", l, general, {_letters(l - 1)["dA"]: trace.dA[l - 1]})
            yield _hidden(trace, l)
    if trace.E:
        yield from _embeddings(trace)


def _embeddings(trace: PassValues) -> Iterator[TraceStep]:
    masked = trace.masks is not None and trace.masks[0] is not None
    general, words = formulas.input_error(masked=masked), step_words.REMOVED if masked else ""
    yield made(trace, "previous_activation", 1, general, {t.Symbol("dA", "0"): trace.dA[0]}, words)
    for j, rows in enumerate(rows_of(trace.problem.architecture.embeddings, trace.widths[0])):
        general = formulas.embedding_gradient(j, rows)
        yield made(trace, "embeddings", 1, general, {t.Symbol("dE", str(j)): trace.dE[j]})


def _output(trace: PassValues) -> TraceStep:
    loss, weighted = trace.problem.architecture.loss, trace.weights is not None
    general = output_formula(loss, trace.widths[-1], weighted=weighted)
    L, pair = str(trace.L), simplifies(loss)
    values: dict[t.Node, Any] = {}
    if not pair:
        values[t.Symbol("dA", L)] = trace.dA[-1]
        if loss.output.name not in COUPLED:
            values[t.Apply("g", t.Symbol("Z", L), L, prime=True)] = loss.output.g_prime(trace.Z[-1])
    step = made(
        trace,
        "output_delta" if pair else "output_delta_product",
        trace.L,
        general,
        {**values, t.Symbol("dZ", L): trace.dZ[-1]},
        step_words.output_words(trace, pair),
    )
    return replace(step, reason=f"{loss.pair.replace('_', ' ')}: {step.reason}")


def _hidden(trace: PassValues, l: int) -> TraceStep:
    mask = trace.masks[l - 1] if trace.masks else None
    before, activation = _letters(l - 1), trace.problem.architecture.g[l - 1]
    slope = t.Apply("g", before["Z"], str(l - 1), prime=True)
    values = {slope: activation.g_prime(trace.Z[l - 1]), before["dZ"]: trace.dZ[l - 1]}
    words = "" if mask is None else step_words.REMOVED
    return made(trace, "hidden_delta", l, formulas.hidden_delta(masked=mask is not None), values, words)


def _update(trace: PassValues) -> Iterator[TraceStep]:
    for l in range(1, trace.L + 1):
        of = _letters(l)
        yield made(trace, "update_weights", l, EQUATIONS["update_weights"].formula, {of["W"]: trace.new_W[l]})
        yield made(trace, "update_biases", l, EQUATIONS["update_biases"].formula, {of["b"]: trace.new_b[l]})
    for j, E in enumerate(trace.new_E):
        general = formulas.numbered(EQUATIONS["update_embeddings"].formula, str(j))
        yield made(trace, "update_embeddings", 1, general, {t.Symbol("E", str(j)): E})
