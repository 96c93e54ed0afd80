"""A formula given as text, as a function of numbers: "z*sigmoid(z)", "1 if z > 0 else 0".

The text is parsed by Python's own parser and never run: only what is listed here is evaluated.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, nearest
from chainrule.network.activations import ACTIVATIONS, ALIASES
from chainrule.network.types import Array

_LONGEST = 500
DEEPEST = 170  # expressions inside each other, so that neither reading nor evaluating them is too deep for Python
_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_CONSTANTS = {"pi": np.pi, "e": np.e}


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
    """A function of one number, as text: called with an array, it returns one of the same shape and type."""

    text: str
    variable: str

    @cached_property
    def tree(self) -> ast.expr:
        """The text as Python's parser reads it."""
        return _parsed(self.text)

    def __call__(self, z: Array) -> Array:
        """The values at z, an array of floats."""
        with np.errstate(all="ignore"):
            value = _value(self.tree, {self.variable: z}, z.dtype)
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
    if len(text) > _LONGEST:
        raise InvalidParameterError(f"a formula must have at most {_LONGEST} characters, got {len(text)}.")
    try:
        tree = _parsed(text)
        if depth(tree) > DEEPEST:
            raise _RefusedError(f"at most {DEEPEST} expressions may stand inside each other")
        used = _variables(tree, variables)
        with np.errstate(all="ignore"):
            _value(tree, dict.fromkeys(used, np.ones(1)), np.dtype(np.float64))
    except _RefusedError as error:
        raise InvalidParameterError(f"{text!r} cannot be read as a formula: {error}.") from None
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError, TypeError) as error:
        raise InvalidParameterError(f"{text!r} cannot be read as a formula.") from error
    if len(used) > 1:
        raise InvalidParameterError(f"{text!r} must be a formula of one variable, got {' and '.join(used)}.")
    return Formula(text, used[0] if used else variables[0])


def is_formula(text: str, *letters: str) -> bool:
    """Whether a text is meant as a formula in these letters, and not as a name.

    Examples
    --------
    >>> is_formula("z * sigmoid(z)", "z"), is_formula("relu", "z"), is_formula("leaky relu", "z")
    (True, False, False)
    """
    words = "".join(letter if letter.isidentifier() or letter.isdigit() else " " for letter in text).split()
    return text in letters or (not text.isidentifier() and any(letter in words for letter in letters))


class _RefusedError(ValueError):
    """What in a formula is not allowed."""


def _parsed(text: str) -> ast.expr:
    return ast.parse(text.replace("^", "**").strip(), mode="eval").body


def depth(tree: ast.AST) -> int:
    """How many expressions stand inside each other."""
    level, levels = [tree], 0
    while level:
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        levels += 1
    return levels


def _variables(tree: ast.AST, allowed: tuple[str, ...]) -> list[str]:
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    for name in names:
        if name in FUNCTIONS:
            raise _RefusedError(f"{name} is a function: give it an argument, {name}({allowed[0]})")
        if name not in allowed and name not in _CONSTANTS:
            raise _RefusedError(f"{name!r} is not known. {nearest(name, [*allowed, *_CONSTANTS])}".rstrip("."))
    return sorted(set(names) - set(_CONSTANTS))


def _value(node: ast.AST, values: Mapping[str, Array], dtype: np.dtype[Any]) -> Any:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return float(node.value)  # type: ignore[arg-type]
        case ast.Name():
            return values[node.id] if node.id in values else _CONSTANTS[node.id]
        case ast.BinOp() if type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](_value(node.left, values, dtype), _value(node.right, values, dtype))
        case ast.UnaryOp() if type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](_value(node.operand, values, dtype))
        case ast.IfExp():
            parts = (_value(part, values, dtype) for part in (node.test, node.body, node.orelse))
            return np.where(*parts)
        case ast.Compare(ops=[op]) if type(op) in _OPERATORS:
            sides = (_value(side, values, dtype) for side in (node.left, node.comparators[0]))
            return np.asarray(_OPERATORS[type(op)](*sides)).astype(dtype)  # so that (z > 0) can be multiplied
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            return _called(name, [np.asarray(_value(argument, values, dtype), dtype) for argument in node.args])
    raise _RefusedError(
        f"{ast.unparse(node)!r} is not allowed; use numbers, + - * / **, comparisons, if else, functions"
    )


def _called(name: str, arguments: list[Array]) -> Any:
    if name not in FUNCTIONS:
        known = [known for known in FUNCTIONS if not known.endswith("_prime")]
        raise _RefusedError(f"{name!r} is not a function known here. {nearest(name, known)}".rstrip("."))
    if len(arguments) != (2 if name in ("max", "min") else 1):
        raise _RefusedError(f"{name} takes {'two arguments' if name in ('max', 'min') else 'one argument'}")
    return FUNCTIONS[name](*arguments)
