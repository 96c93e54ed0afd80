"""What a formula of matrices is worth: the check that a row of the equation table says what its function does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add, matmul, mul
from typing import Any

import numpy as np

from chainrule.derivation.formula import tree as t
from chainrule.network.types import Array

Values = Mapping[t.Node | str, Any]


def evaluate(node: t.Node, values: Values) -> Any:
    """Evaluate a formula.

    Parameters
    ----------
    node : Node
        Of matrices (columns are examples) and numbers; no indices.
    values : mapping
        Of every symbol; of every function, by name, as a callable of the argument, with a prime for its derivative;
        and of the last value of each sum's index, by name.

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


def _apply(node: t.Apply, value: Callable[[t.Node], Any], values: Values) -> Any:
    return values[node.function + ("′" if node.prime else "")](value(node.argument))


def _total(node: t.Total, value: Callable[[t.Node], Any], values: Values) -> Array:
    """A sum over the examples, which are columns: what is summed names them by the index."""
    total: Array = np.atleast_2d(value(node.body)).sum(axis=1, keepdims=True)
    return total


_EVALUATORS: dict[type[t.Node], Callable[..., Any]] = {
    t.Number: lambda node, value, values: node.value,
    t.Sum: lambda node, value, values: reduce(add, map(value, node.terms)),
    t.Negative: lambda node, value, values: -value(node.part),
    t.Product: _product,
    t.Fraction: lambda node, value, values: value(node.over) / value(node.under),
    t.Power: lambda node, value, values: value(node.base) ** value(node.exponent),
    t.Transpose: lambda node, value, values: value(node.part).T,
    t.Apply: _apply,
    t.Absolute: lambda node, value, values: np.abs(value(node.part)),
    t.Total: _total,
    t.Labelled: lambda node, value, values: value(node.part),
}
