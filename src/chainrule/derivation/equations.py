"""The equation table: every line of the derivation once, as data.

A row holds the formula, the function in `chainrule.network` that computes it, its reason in one sentence, and where the
source says it. Trace, derivation, documentation and tests read this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule.formula import tree as t
from chainrule.network import dense, embeddings, propagate
from chainrule.network.losses import Loss
from chainrule.network.penalties import Penalty
from chainrule.network.training import segment

Z, A, W, b = (t.Symbol(name, "l") for name in "ZAWb")
dZ, dA, dW, db = (t.Symbol(f"d{name}", "l") for name in "ZAWb")
A_previous, dA_previous, dZ_previous, Z_previous = (t.Symbol(name, "l-1") for name in ("A", "dA", "dZ", "Z"))
A_last, Z_last, dZ_last = (t.Symbol(name, "L") for name in ("A", "Z", "dZ"))
Y, J, m, rate = t.Symbol("Y"), t.Symbol("J"), t.Symbol("m"), t.Symbol("α")
E, dE, C, c = t.Symbol("E", "j"), t.Symbol("dE", "j"), t.Symbol("C", "j"), t.Symbol("c")
ALL, ROWS_OF_E = t.Text(":"), t.Text("rows of E[j]")  # of A[0] and dA[0]: where the vectors of embedding j stand
ONE = t.Number(1)


def mean(body: t.Node) -> t.Node:
    """(1/m) Σᵢ of something, over the examples."""
    return (ONE / m) * t.Total("i", "m", body)


@dataclass(frozen=True)
class Row:
    """One line of the derivation.

    Attributes
    ----------
    id : str
    number : int
        The row of the design's table of the source, 1 to 11; 0 for what goes beyond it.
    name : str
    formula : Relation
    function : callable
        What computes the right side.
    reason : str
        Why it holds, in one sentence.
    section : str
        Where the source says it.
    takes_mean : bool
        Whether the mean over the examples is taken here.
    """

    id: str
    number: int
    name: str
    formula: t.Relation
    function: Callable[..., Any]
    reason: str
    section: str
    takes_mean: bool = False


_x, _w, _of_x = t.Symbol("x"), t.Symbol("w"), t.Apply("f", t.Symbol("x"))
_hidden = t.Apply("σ", t.Symbol("W", "1") @ _x + t.Symbol("b", "1"))
_Li, _Wij = t.Symbol("L", "", ("i",)), t.Symbol("W", "l", ("i", "j"))
_penalty, _l1, _l2 = t.Symbol("penalty"), t.Symbol("λ₁"), t.Symbol("λ₂")

_FORWARD = (
    Row(
        "linear_model",
        1,
        "linear model",
        t.Equation(_of_x, _w.T @ _x + t.Symbol("b")),
        dense.linear,
        "A network without a hidden layer: the inputs, weighed and added.",
        "comparison table",
    ),
    Row(
        "network",
        2,
        "network",
        t.Equation(_of_x, t.Symbol("W", "2") @ _hidden + t.Symbol("b", "2")),
        propagate.logits,
        "Between two linear steps stands a function that is not linear; without it both would be one linear step.",
        "comparison table",
    ),
    Row(
        "linear",
        3,
        "linear part",
        t.Equation(Z, W @ A_previous + b),
        dense.linear,
        "Each unit computes a weighted sum of the previous layer's outputs and adds its bias.",
        "1 A",
    ),
    Row(
        "embedded_input",
        0,
        "input",
        t.Equation(t.Symbol("A", "0"), t.Stacked((t.Symbol("X"), t.Selection(E, ALL, C)))),
        embeddings.embed,
        "Column c of E[j] is the vector of level c. The codes C[j] choose one for each example, as the product of "
        "E[j] with the indicators of the levels would: a dense layer without a bias.",
        "comparison table: features",
    ),
    Row(
        "activation",
        4,
        "activation",
        t.Equation(A, t.Apply("g", Z, "l")),
        propagate.forward,
        "The activation is applied to each number by itself.",
        "1 B",
    ),
)

_COST = (
    Row(
        "loss",
        5,
        "loss of each example",
        t.Equation(_Li, t.Apply("L", t.Text("yᵢ, ŷᵢ"))),
        Loss.per_example,
        "One number for each example says how far its prediction is from its target.",
        "2 A",
    ),
    Row(
        "cost",
        6,
        "cost",
        t.Equation(J, mean(_Li) + _penalty),
        segment.mean_loss,
        "The mean loss over the examples is what training lowers; a penalty on the weights, if any, is added.",
        "2 B",
        takes_mean=True,
    ),
    Row(
        "penalty",
        0,
        "penalty",
        t.Equation(
            _penalty,
            _l1 * t.Total("l", "", t.Total("ij", "", t.Absolute(_Wij)))
            + (_l2 / t.Number(2)) * t.Total("l", "", t.Total("ij", "", _Wij ** t.Number(2))),
        ),
        Penalty.value,
        "Large weights cost something; biases never do.",
        "comparison table: regularization",
    ),
)

_BACKWARD = (
    Row(
        "output_delta",
        7,
        "error of the output",
        t.Equation(dZ_last, A_last - Y),
        Loss.dZ,
        "The derivative of the loss and of the output activation, multiplied, leave prediction minus target.",
        "3 A",
    ),
    Row(
        "output_delta_product",
        7,
        "error of the output",
        t.Equation(dZ_last, t.Symbol("dA", "L").hadamard(t.Apply("g", Z_last, "L", prime=True))),
        Loss.dZ,
        "The chain rule through the output activation, as it stands: for this pair nothing simplifies.",
        "3 A",
    ),
    Row(
        "previous_activation",
        8,
        "error of the previous activation",
        t.Equation(dA_previous, W.T @ dZ),
        dense.dA_previous,
        "Unit j of layer l-1 feeds every unit k of layer l with weight Wₖⱼ, so its error is Σₖ Wₖⱼ dZₖ: column j "
        "of W, which is row j of Wᵀ.",
        "3 B 1",
    ),
    Row(
        "hidden_delta",
        9,
        "error of the linear part",
        t.Equation(dZ_previous, dA_previous.hadamard(t.Apply("g", Z_previous, "l-1", prime=True))),
        propagate.backward,
        "The activation works on each number by itself, so the chain rule multiplies each by its own slope.",
        "3 B 2",
    ),
    Row(
        "weights",
        10,
        "gradient of the weights",
        t.Equation(dW, (ONE / m) * (dZ @ A_previous.T)),
        dense.dW,
        "Weight Wₖⱼ multiplies Aⱼ in every example, so its gradient is the mean of dZₖ Aⱼ over the examples: the "
        "product with Aᵀ sums over them.",
        "3 B 3",
        takes_mean=True,
    ),
    Row(
        "weights_penalized",
        10,
        "gradient of the weights",
        t.Equation(dW, (ONE / m) * (dZ @ A_previous.T) + _l2 * W + _l1 * t.Apply("sign", W)),
        dense.dW,
        "The mean of dZₖ Aⱼ over the examples, and the penalty's derivative, which no mean is taken of.",
        "3 B 3",
        takes_mean=True,
    ),
    Row(
        "biases",
        10,
        "gradient of the biases",
        t.Equation(db, mean(dZ)),
        dense.db,
        "A bias is the weight of an input that is always 1.",
        "3 B 3",
        takes_mean=True,
    ),
    Row(
        "embeddings",
        10,
        "gradient of the embeddings",
        t.Equation(
            t.Selection(dE, ALL, c),
            mean(t.Selection(t.Symbol("dA", "0"), ROWS_OF_E, t.Relation(C, "=", c))),
        ),
        embeddings.dE,
        "The gradient of a dense layer's weights, whose inputs are the indicators of the levels: of level c those "
        "examples count that have it, with the factor 1, and a level that none has is not moved.",
        "3 B 3",
        takes_mean=True,
    ),
)

_UPDATE = (
    Row(
        "update_weights",
        11,
        "update of the weights",
        t.Equation(W, W - rate * dW, ":="),
        segment.updated,
        "Downhill by the learning rate, for all layers at once: every gradient first, then every update.",
        "4",
    ),
    Row(
        "update_biases",
        11,
        "update of the biases",
        t.Equation(b, b - rate * db, ":="),
        segment.updated,
        "As the weights, and never penalised.",
        "4",
    ),
    Row(
        "update_embeddings",
        11,
        "update of the embeddings",
        t.Equation(E, E - rate * dE, ":="),
        segment.updated,
        "As the weights, and never penalised.",
        "4",
    ),
)

EQUATIONS: dict[str, Row] = {row.id: row for row in (*_FORWARD, *_COST, *_BACKWARD, *_UPDATE)}
