"""Write out the calculation of one entry: 0.5 · 1 + (−1) · 2 + 0.5 = −1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.derivation.document.matrix_window import MINUS, digits
from chainrule.derivation.tracing.trace import Trace
from chainrule.formula import tree as t
from chainrule.formula.evaluate import evaluate
from chainrule.lab.numbers import is_exact, places
from chainrule.lab.quantities import Quantity, letters
from chainrule.network.types import Array

_SUM, _PRODUCT, _WHOLE = 1, 2, 3  # precedence of a text, which decides about brackets


@dataclass(frozen=True)
class _Place:
    """Row i and column j, with the numbers of all quantities."""

    i: int
    j: int
    values: Mapping[Any, Any]
    names: Mapping[str, str]  # the name of each layer's function
    decimals: int
    slopes: bool = False  # whether g'(z) is written as a number

    def at(self, i: int, j: int) -> _Place:
        return replace(self, i=i, j=j)


def arithmetic(quantity: Quantity, trace: Trace, every: Mapping[str, Quantity], decimals: int) -> str:
    """Write out the first entry that is not 0 with the numbers that it is computed from."""
    i, j = _entry(quantity.value)
    names = {f"g[{l}]": g.name.replace("_", " ") for l, g in enumerate(trace.problem.architecture.g)}
    numbers = letters(trace, {name: other.value for name, other in every.items()})
    place = _Place(i, j, numbers, names, decimals)
    value = quantity.value[i : i + 1, j : j + 1]
    ways = [_expanded(quantity.step.formula.right, way)[0] for way in (place, replace(place, slopes=True))]
    result = f"{'=' if is_exact(value, decimals) else '≈'} {_number(value, place)}"
    line = " = ".join(dict.fromkeys(ways)) + f" {result}"
    return line if quantity.value.size == 1 else f"row {i + 1}, column {j + 1}: {line}"


def _entry(value: Array) -> tuple[int, int]:
    i, j = np.unravel_index(np.argmax(value != 0), value.shape)
    return int(i), int(j)


def _expanded(node: t.Node, place: _Place) -> tuple[str, int]:
    """Return the text of an entry of a formula, and its precedence."""
    return _WRITERS.get(type(node), _leaf)(node, place)


def _bracketed(node: t.Node, place: _Place, least: int) -> str:
    text, tightness = _expanded(node, place)
    return text if tightness >= least else f"({text})"


def _leaf(node: t.Node, place: _Place) -> tuple[str, int]:
    text = _number(_one(evaluate(node, place.values), place), place)
    return text, _SUM if text.startswith(MINUS) else _WHOLE


def _one(values: Any, place: _Place) -> Array:
    """Return the entry of a matrix; a bias has one column, a number one entry."""
    array = np.atleast_2d(values)
    i, j = min(place.i, array.shape[0] - 1), min(place.j, array.shape[1] - 1)
    return array[i : i + 1, j : j + 1]


def _number(value: Array, place: _Place) -> str:
    return digits(float(np.round(value[0, 0], place.decimals)), places(value, place.decimals))


def _sum(node: Any, place: _Place) -> tuple[str, int]:
    first, *others = node.terms
    text = _expanded(first, place)[0]
    for term in others:
        negative = isinstance(term, t.Negative)
        part = _bracketed(term.part if negative else term, place, _PRODUCT)
        text += f" {MINUS if negative else '+'} {part}"
    return text, _SUM


def _negative(node: Any, place: _Place) -> tuple[str, int]:
    return f"{MINUS}{_bracketed(node.part, place, _PRODUCT)}", _SUM


def _product(node: Any, place: _Place) -> tuple[str, int]:
    if node.kind != "matrix":
        factors = [factor for factor in node.factors if not _is_one(factor, place)]
        if len(factors) == 1:
            return _expanded(factors[0], place)
        return " · ".join(_bracketed(factor, place, _WHOLE) for factor in factors), _PRODUCT
    left, right = node.factors
    inner = np.shape(evaluate(left, place.values))[1]
    pairs = ((place.at(place.i, k), place.at(k, place.j)) for k in range(inner))
    terms = [f"{_bracketed(left, a, _WHOLE)} · {_bracketed(right, b, _WHOLE)}" for a, b in pairs]
    return " + ".join(terms), _PRODUCT if inner == 1 else _SUM


def _is_one(factor: t.Node, place: _Place) -> bool:
    """Say whether a factor is a fraction of value 1, as for the mean over one example."""
    return isinstance(factor, t.Fraction) and float(evaluate(factor, place.values)) == 1


def _fraction(node: Any, place: _Place) -> tuple[str, int]:
    return f"{_bracketed(node.over, place, _WHOLE)}/{_bracketed(node.under, place, _WHOLE)}", _WHOLE


def _power(node: Any, place: _Place) -> tuple[str, int]:
    return f"{_bracketed(node.base, place, _WHOLE)}²", _WHOLE  # the only power on a worksheet


def _transpose(node: Any, place: _Place) -> tuple[str, int]:
    return _expanded(node.part, place.at(place.j, place.i))


def _apply(node: Any, place: _Place) -> tuple[str, int]:
    function = place.names.get(f"{node.function}[{node.layer}]", node.function)
    if function == "softmax":
        return _softmax(node.argument, place)
    if node.prime and place.slopes:
        return _leaf(node, place)
    return f"{function}{'′' if node.prime else ''}({_expanded(node.argument, place)[0]})", _WHOLE


def _softmax(Z: t.Node, place: _Place) -> tuple[str, int]:
    n = len(evaluate(Z, place.values))
    powers = [f"exp({_expanded(Z, place.at(k, place.j))[0]})" for k in range(n)]
    return f"{powers[place.i]}/({' + '.join(powers)})", _PRODUCT


def _total(node: Any, place: _Place) -> tuple[str, int]:
    """Write a sum over the examples, which are columns, or over the outputs k."""
    n = np.atleast_2d(evaluate(node.body, place.values)).shape[0 if node.index == "k" else 1]
    ways = [place.at(k, place.j) if node.index == "k" else place.at(place.i, k) for k in range(n)]
    if n == 1:
        return _expanded(node.body, ways[0])
    return " + ".join(_bracketed(node.body, way, _PRODUCT) for way in ways), _SUM


_WRITERS: dict[type[t.Node], Callable[[Any, _Place], tuple[str, int]]] = {
    t.Sum: _sum,
    t.Negative: _negative,
    t.Product: _product,
    t.Fraction: _fraction,
    t.Power: _power,
    t.Transpose: _transpose,
    t.Apply: _apply,
    t.Total: _total,
}
