"""The formulas of a trace's steps: the rows of the equation table, as this network and these examples have them.

What a network does not have is left out of its formulas (a penalty of 0, a mask of 1, weights that are all alike), and
what it has stands in them.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.derivation.equations import EQUATIONS, ONE, ROWS_OF_E, J, mean
from chainrule.derivation.equations import dA_previous as dA
from chainrule.formula import tree as t
from chainrule.network.embeddings import Embedding
from chainrule.network.losses import Loss, natural
from chainrule.network.penalties import Penalty

LOSS, WEIGHT, PENALTY = t.Symbol("L", "", ("i",)), t.Symbol("w", "", ("i",)), t.Symbol("penalty")
L1, L2 = t.Symbol("λ₁"), t.Symbol("λ₂")
MASK, MASK_PREVIOUS = t.Symbol("M", "l"), t.Symbol("M", "l-1")


def masked_input() -> t.Relation:
    """A[0] = X * M[0]."""
    return t.Equation(t.Symbol("A", "0"), t.Symbol("X").hadamard(t.Symbol("M", "0")))


def embedded_input(embeddings: Sequence[Embedding], n_columns: int, *, masked: bool) -> t.Relation:
    """A[0] = X over E[j][:, C[j]] of every embedding, times the mask; without X where every column is embedded."""
    row = EQUATIONS["embedded_input"].formula
    X, chosen = row.right.blocks  # type: ignore[attr-defined]
    blocks = [numbered(chosen, str(j)) for j in range(len(embeddings))]
    if n_columns > len(embeddings):
        blocks.insert(0, X)
    right = t.Stacked(tuple(blocks)) if len(blocks) > 1 else blocks[0]
    return t.Equation(row.left, right.hadamard(t.Symbol("M", "0")) if masked else right)


def embedding_gradient(j: int, rows: slice) -> t.Relation:
    """dE[j][:, c] = (1/m) Σᵢ dA[0][rows, C[j] = c], the rows of A[0] being those of E[j]."""

    def in_numbers(node: t.Node) -> t.Node | None:
        return t.Text(f"{rows.start}:{rows.stop}") if node == ROWS_OF_E else None

    return t.rewritten(numbered(EQUATIONS["embeddings"].formula, str(j)), in_numbers)


def numbered(formula: t.Formula, j: str) -> t.Formula:
    """The formula of embedding j."""

    def of_embedding(node: t.Node) -> t.Node | None:
        return t.Symbol(node.name, j) if isinstance(node, t.Symbol) and node.layer == "j" else None

    return t.rewritten(formula, of_embedding)


def input_error(*, masked: bool) -> t.Relation:
    """dA[0] = W[1]ᵀ dZ[1], times the mask: what the vectors of levels are learned from."""
    formula = EQUATIONS["previous_activation"].formula
    return t.Equation(formula.left, formula.right.hadamard(MASK_PREVIOUS)) if masked else formula


def activation(*, masked: bool) -> t.Relation:
    """A[l] = g[l](Z[l]), times the mask of a layer that drops units."""
    formula = EQUATIONS["activation"].formula
    return t.Equation(formula.left, formula.right.hadamard(MASK)) if masked else formula


def hidden_delta(*, masked: bool) -> t.Relation:
    """dZ[l-1] = dA[l-1] * g'(Z[l-1]), with the mask between the two."""
    formula = EQUATIONS["hidden_delta"].formula
    if not masked:
        return formula
    slope = t.Apply("g", t.Symbol("Z", "l-1"), "l-1", prime=True)
    return t.Equation(formula.left, dA.hadamard(MASK_PREVIOUS).hadamard(slope))


def loss_formula(loss: Loss, n_outputs: int) -> t.Relation:
    """The loss of example i; of a loss that is not written out here, L(yᵢ, ŷᵢ)."""
    several = n_outputs > 1
    indices = ("k", "i") if several else ("i",)
    y, guess = t.Symbol("ỹ" if loss.parameters.get("label_smoothing") else "y", "", indices), t.Symbol("ŷ", "", indices)
    term = _term(loss, y, guess)
    if term is None:
        return EQUATIONS["loss"].formula
    if several and loss.sums_outputs:
        body = term.part if isinstance(term, t.Negative) else term
        total = t.Total("k", "", body)
        return t.Equation(LOSS, -total if isinstance(term, t.Negative) else total)
    return t.Equation(LOSS, (ONE / t.Symbol("n", "L")) * t.Total("k", "", term) if several else term)


def _term(loss: Loss, y: t.Symbol, guess: t.Symbol) -> t.Node | None:
    """The loss of one output; None for a loss that takes more than a line."""
    if loss.name == "squared_error":
        return (ONE / t.Number(2)) * (guess - y) ** t.Number(2)
    if loss.name == "absolute_error":
        return t.Absolute(guess - y)
    if loss.name == "categorical_cross_entropy":
        return -(y * t.Apply("log", guess))
    if loss.name == "binary_cross_entropy" and natural(loss):
        return -(y * t.Apply("log", guess) + (ONE - y) * t.Apply("log", ONE - guess))
    return None


def cost(*, weighted: bool, penalized: bool) -> t.Relation:
    """J = (1/m) Σᵢ wᵢ Lᵢ + penalty."""
    data = mean(WEIGHT * LOSS if weighted else LOSS)
    return t.Equation(J, data + PENALTY if penalized else data)


def penalty_value(penalty: Penalty) -> t.Relation:
    """The penalty: of the L1 and the L2 part, those that count."""
    formula = EQUATIONS["penalty"].formula
    l1, l2 = formula.right.terms  # type: ignore[attr-defined]
    return t.Equation(PENALTY, _sum(*([l1] if penalty.l1 else []), *([l2] if penalty.l2 else [])))


def weights(penalty: Penalty) -> t.Relation:
    """dW[l], with the derivatives of those parts of the penalty that count."""
    formula = EQUATIONS["weights_penalized"].formula
    data, l2, l1 = formula.right.terms  # type: ignore[attr-defined]
    return t.Equation(formula.left, _sum(data, *([l2] if penalty.l2 else []), *([l1] if penalty.l1 else [])))


def _sum(first: t.Node, *others: t.Node) -> t.Node:
    for other in others:
        first = first + other
    return first
