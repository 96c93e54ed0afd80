"""What a formula is worth, for numbers and for matrices."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from chainrule.formula import tree as t

Values = Mapping[t.Node | str, Any]

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    "≥": operator.ge,
    "<": operator.lt,
    "≤": operator.le,
    "=": operator.eq,
    "≠": operator.ne,
}


def evaluate(node: t.Node, values: Values) -> Any:
    """Evaluate a formula: sums and products from the left to the right, so that the bits are those of its text.

    Parameters
    ----------
    node : Node
        Of matrices (columns are examples) and numbers. A letter with indices stands for all its entries.
    values : mapping
        Of every symbol, or of any part; of every function, by name, as a callable of its arguments, with a prime for
        its derivative and with its layer where layers differ, as in g[1]′; of "L" where a sum runs over the layers;
        of a sign of comparison, where it is not Python's. Of columns that are selected by a relation, such as C = c,
        those are taken for which it holds.

    Returns
    -------
    ndarray or float

    Examples
    --------
    >>> W, A = t.Symbol("W"), t.Symbol("A")
    >>> evaluate(W @ A.T, {W: np.array([[1.0, 2.0]]), A: np.array([[3.0, 4.0]])}).tolist()
    [[11.0]]
    """
    return _Evaluator(values).value(node)


class _Evaluator:
    def __init__(self, values: Values) -> None:
        self.values = values
        self.knows_parts = any(isinstance(key, t.Node) and not isinstance(key, t.Symbol) for key in values)

    def value(self, node: t.Node) -> Any:
        """The value of a node; one call of Python's for each level, since formulas are nested deeply."""
        if (self.knows_parts or isinstance(node, t.Symbol)) and node in self.values:
            return self.values[node]
        match node:
            case t.Symbol():
                return self.values[replace(node, indices=())]
            case t.Number(number):
                return float(number)
            case t.Sum((first, *others)):
                total = self.value(first)
                for term in others:
                    total = total - self.value(term.part) if isinstance(term, t.Negative) else total + self.value(term)
                return total
            case t.Negative(part):
                return -self.value(part)
            case t.Product(factors, kind):
                return reduce(operator.matmul if kind == "matrix" else operator.mul, map(self.value, factors))
            case t.Fraction(over, under):
                return np.divide(self.value(over), self.value(under))
            case t.Power(base, exponent):
                return np.power(self.value(base), self.value(exponent))
            case t.Apply():
                return self._function(node)(self.value(node.argument), *map(self.value, node.more))
            case t.Relation(left, sign, right):
                return self.values.get(sign, COMPARISONS[sign])(self.value(left), self.value(right))
            case t.Cases(pairs):
                worth: Any = np.nan
                for case, condition in reversed(pairs):
                    here = self.value(case)
                    worth = here if condition is None else np.where(self.value(condition), here, worth)
                return worth
            case t.Transpose(part):
                return self.value(part).T
            case t.Selection(matrix, rows, columns):
                return self.value(matrix)[self.value(rows)][:, self.value(columns)]
            case t.Stacked(blocks, beside):
                return np.concatenate([*map(self.value, blocks)], axis=1 if beside else 0)
            case t.Text(words):  # a range
                return slice(*(int(end) if end else None for end in words.split(":")))
            case t.Absolute(part):
                return np.abs(self.value(part))
            case t.Labelled(part):
                return self.value(part)
            case t.Total():
                return self._total(node)
        raise TypeError(f"{type(node).__name__} has no value.")

    def _function(self, node: t.Apply) -> Callable[..., Any]:
        prime = "′" if node.prime else ""
        of_layer = f"{node.function}[{node.layer}]{prime}"
        found: Callable[..., Any] = self.values[of_layer if of_layer in self.values else node.function + prime]
        return found

    def _total(self, node: t.Total) -> Any:
        """A sum over layers l, over units k, over all entries ij of a matrix, or over the examples (columns)."""
        if node.index == "l":
            return sum(self.value(_of_layer(node.body, str(l))) for l in range(1, self.values["L"] + 1))
        if node.index == "ij":
            return np.sum(self.value(node.body))
        axis = 0 if node.index == "k" else 1
        return np.atleast_2d(self.value(node.body)).sum(axis=axis, keepdims=True)


def _of_layer(node: t.Node, layer: str) -> t.Node:
    def numbered(part: t.Node) -> t.Node | None:
        return replace(part, layer=layer) if isinstance(part, t.Symbol) and part.layer == "l" else None

    return t.rewritten(node, numbered)
