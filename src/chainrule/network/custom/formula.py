"""A formula given as text, as a function of numbers: "z*sigmoid(z)", "1 if z > 0 else 0"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.formula import tree as t
from chainrule.formula.evaluate import COMPARISONS, evaluate
from chainrule.formula.reader import read
from chainrule.network.activations import ACTIVATIONS, ALIASES
from chainrule.network.custom.formula_derivative import derivative_of
from chainrule.network.types import Array

_LONGEST = 500
_DEEPEST = 170  # parts inside each other, so that neither reading nor evaluating them is too deep for Python


def _functions() -> dict[str, Callable[..., Any]]:
    """What may be called: NumPy's functions of one number, and the activations with their derivatives."""
    known: dict[str, Callable[..., Any]] = {
        name: getattr(np, name)
        for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "sign")
    }
    known |= {"abs": np.abs, "atan": np.arctan, "arctan": np.arctan, "max": np.maximum, "min": np.minimum}
    for name, (g, g_prime) in ACTIVATIONS.items():
        known |= {name: g, f"{name}_prime": g_prime}
    return known | {alias: known[name] for alias, name in ALIASES.items()}


FUNCTIONS = _functions()


@dataclass(frozen=True)
class Formula:
    """A function of one number, as text: called with an array, it returns one of the same shape and type.

    With `is_derivative` it is the derivative of the text.
    """

    text: str
    variable: str
    is_derivative: bool = False

    @property
    def tree(self) -> t.Node:
        """The formula as a tree; kept apart, so that copies and pickles are as short as the text."""
        return _tree(self.text, self.variable, self.is_derivative)

    def __call__(self, z: Array) -> Array:
        """The values at z, an array of floats."""
        with np.errstate(all="ignore"):
            value = evaluate(self.tree, {**_known(z.dtype), t.Symbol(self.variable): z})
            whole: Array = np.broadcast_to(np.asarray(value, z.dtype), z.shape).copy()
        return whole


def formula(text: str, variables: tuple[str, ...] = ("z",)) -> Formula:
    """Read a formula of one of the variables.

    Raises
    ------
    InvalidParameterError
        If the text is no such formula.

    Examples
    --------
    >>> g = formula("z if z > 0 else 0.1 * z", ("z", "x"))
    >>> g.variable, g(np.array([-1.0, 2.0])).tolist()
    ('z', [-0.1, 2.0])
    """
    tree = read(text, variables, FUNCTIONS, longest=_LONGEST, deepest=_DEEPEST)
    letters = {part.name for part in t.parts(tree) if isinstance(part, t.Symbol)}
    used = [name for name in sorted(variables) if name in letters]
    if len(used) > 1:
        raise InvalidParameterError(f"{text!r} must be a formula of one variable, got {' and '.join(used)}.")
    return Formula(text, used[0] if used else variables[0])


def derivative(g: Formula) -> Formula:
    """Differentiate a formula by its variable.

    Raises
    ------
    InvalidParameterError
        If it contains a function that has no rule, the derivative of an activation, or if the result is too deep.

    Examples
    --------
    >>> derivative(formula("max(z, 0) ** 2"))(np.array([-1.0, 3.0])).tolist()
    [0.0, 6.0]
    """
    found = Formula(g.text, g.variable, is_derivative=True)
    try:
        deep = t.depth(found.tree) > _DEEPEST
    except RecursionError:
        deep = True
    if deep:
        raise InvalidParameterError(
            f"the derivative of {g.text!r} is nested too deeply. Give it, too: a pair of formulas."
        )
    return found


def is_formula(text: str, *letters: str) -> bool:
    """Whether a text is meant as a formula in these letters, and not as a name.

    Examples
    --------
    >>> is_formula("z * sigmoid(z)", "z"), is_formula("relu", "z"), is_formula("leaky relu", "z")
    (True, False, False)
    """
    words = "".join(letter if letter.isidentifier() or letter.isdigit() else " " for letter in text).split()
    return text in letters or (not text.isidentifier() and any(letter in words for letter in letters))


@lru_cache(maxsize=256)
def _tree(text: str, variable: str, is_derivative: bool) -> t.Node:
    if is_derivative:
        return derivative_of(_tree(text, variable, False), t.Symbol(variable))
    return read(text, (variable,), FUNCTIONS, longest=_LONGEST, deepest=_DEEPEST)


@cache
def _known(dtype: np.dtype[Any]) -> Mapping[t.Node | str, Any]:
    """What letters, functions and comparisons stand for, among numbers of a type."""

    def taking(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: function(*(np.asarray(argument, dtype) for argument in arguments))

    def comparing(holds: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda x, y: np.asarray(holds(x, y)).astype(dtype)  # so that (z > 0) can be multiplied

    return {
        t.Symbol("π"): np.pi,
        t.Symbol("e"): np.e,
        **{name: taking(function) for name, function in FUNCTIONS.items()},
        **{sign: comparing(holds) for sign, holds in COMPARISONS.items()},
    }
