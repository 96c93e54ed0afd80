"""The derivative of a formula, again as a formula: sum, product, quotient, power and chain rule, one line each.

At a kink: abs'(0) = 0, and of max(z, 0) the constant's side counts, so that it has relu's derivative.
"""

from __future__ import annotations

import ast
import re

from chainrule._errors import InvalidParameterError
from chainrule.network.activations import ACTIVATIONS, ALIASES
from chainrule.network.formula import Formula

# f'(u) of every function of one number.
_RULES = {
    "exp": "exp(u)",
    "expm1": "exp(u)",
    "log": "1 / u",
    "log1p": "1 / (1 + u)",
    "sqrt": "0.5 / sqrt(u)",
    "sin": "cos(u)",
    "cos": "-sin(u)",
    "tan": "1 / cos(u)**2",
    "sinh": "cosh(u)",
    "cosh": "sinh(u)",
    "atan": "1 / (1 + u**2)",
    "arctan": "1 / (1 + u**2)",
    "abs": "sign(u)",
    "sign": "0",
} | {name: f"{ALIASES.get(name, name)}_prime(u)" for name in (*ACTIVATIONS, *ALIASES)}


def derivative(g: Formula) -> Formula:
    """Differentiate a formula by its variable.

    Raises
    ------
    InvalidParameterError
        If it contains a function that has no rule: the derivative of an activation.

    Examples
    --------
    >>> from chainrule.network.formula import formula
    >>> derivative(formula("z * sigmoid(z)")).text
    'sigmoid(z) + z * sigmoid_prime(z)'
    >>> derivative(formula("max(z, 0) ** 2")).text
    '2 * max(z, 0) * (1 if z > 0 else 0)'
    """
    return Formula(ast.unparse(ast.parse(_slope(g.tree, g.variable), mode="eval")), g.variable)


def _slope(node: ast.AST, by: str) -> str:
    """The derivative as text; "0" where the variable does not occur."""
    if not _moves(node, by):
        return "0"
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=u):
            return f"-({_slope(u, by)})"
        case ast.UnaryOp(op=ast.UAdd(), operand=u):
            return _slope(u, by)
        case ast.BinOp(left=u, op=operation, right=v):
            return _of_two(u, operation, v, by)
        case ast.IfExp(test=test, body=u, orelse=v):
            return f"({_slope(u, by)}) if {ast.unparse(test)} else ({_slope(v, by)})"
        case ast.Compare():
            return "0"
        case ast.Call(func=ast.Name(id="max" | "min" as name), args=[u, v]):
            moving, other = (u, v) if _moves(u, by) else (v, u)
            beyond = f"{ast.unparse(moving)} {'>' if name == 'max' else '<'} {ast.unparse(other)}"
            return f"({_slope(moving, by)}) if {beyond} else ({_slope(other, by)})"
        case ast.Call(func=ast.Name(id=name), args=[u]):
            return _chained(name, u, by)
    return "1"  # the variable itself


def _of_two(u: ast.expr, operation: ast.operator, v: ast.expr, by: str) -> str:
    U, V, du, dv = f"({ast.unparse(u)})", f"({ast.unparse(v)})", _slope(u, by), _slope(v, by)
    match operation:
        case ast.Add():
            return _sum(du, dv)
        case ast.Sub():
            return _sum(du, _times("-1", dv))
        case ast.Mult():
            return _sum(_times(du, V), _times(U, dv))
        case ast.Div():  # not over V², which overflows long before V
            return _sum(_times(du, f"1 / {V}"), _times(f"-{U} / {V}", _times(dv, f"1 / {V}")))
    if not _moves(v, by):
        lower = U if ast.unparse(v) == "2" else f"{U} ** ({V} - 1)"
        return _times(_times(V, lower), du)
    return _times(f"{U} ** {V}", _sum(_times(dv, f"log({U})"), _times(f"{V} / {U}", du)))


def _chained(name: str, u: ast.expr, by: str) -> str:
    if name not in _RULES:
        raise InvalidParameterError(
            f"there is no rule for the derivative of {name}. Give the formula's derivative, too: a pair of formulas."
        )
    outer = re.sub(r"\bu\b", f"({ast.unparse(u)})", _RULES[name])
    return _times(outer, _slope(u, by))


def _moves(node: ast.AST, by: str) -> bool:
    return any(isinstance(part, ast.Name) and part.id == by for part in ast.walk(node))


def _sum(u: str, v: str) -> str:
    return v if u == "0" else u if v == "0" else f"({u}) + ({v})"


def _times(u: str, v: str) -> str:
    if "0" in (u, v):
        return "0"
    return v if u == "1" else u if v == "1" else f"({u}) * ({v})"
