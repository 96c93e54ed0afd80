"""The derivative of a formula, again as a formula: sum, product, quotient, power and chain rule, one line each.

At a kink: abs'(0) = 0, and of max(z, 0) the constant's side counts, so that it has relu's derivative.
"""

from __future__ import annotations

import ast

from chainrule._errors import InvalidParameterError
from chainrule.network.activations import ACTIVATIONS, ALIASES
from chainrule.network.custom.formula import DEEPEST, Formula, depth

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
    >>> from chainrule.network.custom.formula import formula
    >>> derivative(formula("z * sigmoid(z)")).text
    'sigmoid(z) + z * sigmoid_prime(z)'
    >>> derivative(formula("max(z, 0) ** 2")).text
    '2 * max(z, 0) * (1 if z > 0 else 0)'
    """
    try:
        found = Formula(ast.unparse(_slope(g.tree, g.variable)), g.variable)
        deep = depth(found.tree) > DEEPEST
    except (RecursionError, SyntaxError, MemoryError):  # of Python's parser and its counterpart
        deep = True
    if deep:
        raise InvalidParameterError(
            f"the derivative of {g.text!r} is nested too deeply. Give it, too: a pair of formulas."
        )
    return found


def _slope(node: ast.AST, by: str) -> ast.expr:
    """The derivative, again as Python's parser would read it; 0 where the variable does not occur."""
    if not _moves(node, by):
        return _ZERO
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=u):
            return _with("-du", du=_slope(u, by))
        case ast.UnaryOp(op=ast.UAdd(), operand=u):
            return _slope(u, by)
        case ast.BinOp(left=u, op=operation, right=v):
            return _of_two(u, operation, v, by)
        case ast.IfExp(test=test, body=u, orelse=v):
            return _with("du if test else dv", du=_slope(u, by), test=test, dv=_slope(v, by))
        case ast.Compare():
            return _ZERO
        case ast.Call(func=ast.Name(id="max" | "min" as name), args=[u, v]):
            moving, other = (u, v) if _moves(u, by) else (v, u)
            beyond = f"u {'>' if name == 'max' else '<'} v"
            return _with(f"du if {beyond} else dv", u=moving, v=other, du=_slope(moving, by), dv=_slope(other, by))
        case ast.Call(func=ast.Name(id=name), args=[u]):
            return _chained(name, u, by)
    return _ONE  # the variable itself


def _of_two(u: ast.expr, operation: ast.operator, v: ast.expr, by: str) -> ast.expr:
    du, dv = _slope(u, by), _slope(v, by)
    match operation:
        case ast.Add():
            return _sum(du, dv)
        case ast.Sub():
            return _sum(du, _times(_with("-1"), dv))
        case ast.Mult():
            return _sum(_times(du, v), _times(u, dv))
        case ast.Div():  # not over V², which overflows long before V
            inverse = _with("1 / v", v=v)
            return _sum(_times(du, inverse), _times(_with("-u / v", u=u, v=v), _times(dv, inverse)))
    if not _moves(v, by):
        lower = u if ast.unparse(v) == "2" else _with("u ** (v - 1)", u=u, v=v)
        return _times(_times(v, lower), du)
    slope = _sum(_times(dv, _with("log(u)", u=u)), _times(_with("v / u", u=u, v=v), du))
    return _times(_with("u ** v", u=u, v=v), slope)


def _chained(name: str, u: ast.expr, by: str) -> ast.expr:
    if name not in _RULES:
        raise InvalidParameterError(
            f"there is no rule for the derivative of {name}. Give the formula's derivative, too: a pair of formulas."
        )
    return _times(_with(_RULES[name], u=u), _slope(u, by))


def _moves(node: ast.AST, by: str) -> bool:
    return any(isinstance(part, ast.Name) and part.id == by for part in ast.walk(node))


class _Filled(ast.NodeTransformer):
    """Puts expressions in the place of names."""

    def __init__(self, parts: dict[str, ast.expr]) -> None:
        self.parts = parts

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.parts.get(node.id, node)


def _with(pattern: str, **parts: ast.expr) -> ast.expr:
    """The expression that a pattern is once its names are filled in."""
    filled: ast.expr = _Filled(parts).visit(ast.parse(pattern, mode="eval").body)
    return filled


_ZERO, _ONE = _with("0"), _with("1")


def _is(node: ast.expr, number: int) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value == number


def _sum(u: ast.expr, v: ast.expr) -> ast.expr:
    return v if _is(u, 0) else u if _is(v, 0) else _with("u + v", u=u, v=v)


def _times(u: ast.expr, v: ast.expr) -> ast.expr:
    if _is(u, 0) or _is(v, 0):
        return _ZERO
    return v if _is(u, 1) else u if _is(v, 1) else _with("u * v", u=u, v=v)
