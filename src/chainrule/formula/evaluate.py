"""What a formula of matrices is worth: the check that a row of the equation table says what its function does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce
from operator import add, matmul, mul
from typing import Any

import numpy as np

from chainrule.formula import tree as t

Values = Mapping[t.Node | str, Any]


def evaluate(node: t.Node, values: Values) -> Any:
    """Evaluate a formula.

    Parameters
    ----------
    node : Node
        Of matrices (columns are examples) and numbers. A letter with indices stands for all its entries.
    values : mapping
        Of every symbol, or of any part; of every function, by name, as a callable of the argument, with a prime for
        its derivative and with its layer where layers differ, as in g[1]′; of "L" where a sum runs over the layers.
        Of columns that are selected by a relation, such as C = c, those are taken for which it holds.

    Returns
    -------
    ndarray or float

    Examples
    --------
    >>> W, A = t.Symbol("W"), t.Symbol("A")
    >>> evaluate(W @ A.T, {W: np.array([[1.0, 2.0]]), A: np.array([[3.0, 4.0]])}).tolist()
    [[11.0]]
    """
    if node in values:
        return values[node]
    return _EVALUATORS[type(node)](node, lambda part: evaluate(part, values), values)


def _product(node: t.Product, value: Callable[[t.Node], Any], values: Values) -> Any:
    return reduce(matmul if node.kind == "matrix" else mul, map(value, node.factors))


def _symbol(node: t.Symbol, value: Callable[[t.Node], Any], values: Values) -> Any:
    return values[replace(node, indices=())]


def _apply(node: t.Apply, value: Callable[[t.Node], Any], values: Values) -> Any:
    prime = "′" if node.prime else ""
    of_layer = f"{node.function}[{node.layer}]{prime}"
    function = values[of_layer] if of_layer in values else values[node.function + prime]
    return function(value(node.argument))


def _total(node: t.Total, value: Callable[[t.Node], Any], values: Values) -> Any:
    """A sum over layers l, over units k, over all entries ij of a matrix, or over the examples i, which are columns."""
    if node.index == "l":
        return sum(value(_of_layer(node.body, str(l))) for l in range(1, values["L"] + 1))
    if node.index == "ij":
        return np.sum(value(node.body))
    axis = 0 if node.index == "k" else 1
    return np.atleast_2d(value(node.body)).sum(axis=axis, keepdims=True)


def _of_layer(node: t.Node, layer: str) -> t.Node:
    def numbered(part: t.Node) -> t.Node | None:
        return replace(part, layer=layer) if isinstance(part, t.Symbol) and part.layer == "l" else None

    return t.rewritten(node, numbered)


def _selection(node: t.Selection, value: Callable[[t.Node], Any], values: Values) -> Any:
    return value(node.matrix)[value(node.rows)][:, value(node.columns)]


def _stacked(node: t.Stacked, value: Callable[[t.Node], Any], values: Values) -> Any:
    return np.concatenate([value(block) for block in node.blocks], axis=1 if node.beside else 0)


def _range(node: t.Text, value: Callable[[t.Node], Any], values: Values) -> slice:
    return slice(*(int(end) if end else None for end in node.words.split(":")))


_EVALUATORS: dict[type[t.Node], Callable[..., Any]] = {
    t.Symbol: _symbol,
    t.Number: lambda node, value, values: node.value,
    t.Sum: lambda node, value, values: reduce(add, map(value, node.terms)),
    t.Negative: lambda node, value, values: -value(node.part),
    t.Product: _product,
    t.Fraction: lambda node, value, values: value(node.over) / value(node.under),
    t.Power: lambda node, value, values: value(node.base) ** value(node.exponent),
    t.Transpose: lambda node, value, values: value(node.part).T,
    t.Apply: _apply,
    t.Selection: _selection,
    t.Stacked: _stacked,
    t.Text: _range,
    t.Relation: lambda node, value, values: value(node.left) == value(node.right),
    t.Absolute: lambda node, value, values: np.abs(value(node.part)),
    t.Total: _total,
    t.Labelled: lambda node, value, values: value(node.part),
}
