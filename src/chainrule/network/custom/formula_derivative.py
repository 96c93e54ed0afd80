"""The derivative of a formula, again as a formula: sum, product, quotient, power and chain rule, one line each.

At a kink: abs'(0) = 0, and of max(z, 0) the constant's side counts, so that it has relu's derivative.
"""

from __future__ import annotations

from collections.abc import Callable

from chainrule._errors import InvalidParameterError
from chainrule.formula import tree as t
from chainrule.network.activations import ACTIVATIONS, ALIASES

_ZERO, _ONE, _TWO = t.Number(0), t.Number(1), t.Number(2)


def _named(name: str) -> Callable[[t.Node], t.Node]:
    return lambda u: t.Apply(name, u)


_arctan_prime: Callable[[t.Node], t.Node] = lambda u: _ONE / (_ONE + u**_TWO)  # noqa: E731 - a row of the table

# f'(u) of every function of one number.
_RULES: dict[str, Callable[[t.Node], t.Node]] = {
    "exp": _named("exp"),
    "expm1": _named("exp"),
    "log": lambda u: _ONE / u,
    "log1p": lambda u: t.Fraction(_ONE, t.Sum((_ONE, u))),
    "sqrt": lambda u: t.Number(0.5) / t.Apply("sqrt", u),
    "sin": _named("cos"),
    "cos": lambda u: -t.Apply("sin", u),
    "tan": lambda u: _ONE / t.Apply("cos", u) ** _TWO,
    "sinh": _named("cosh"),
    "cosh": _named("sinh"),
    "atan": _arctan_prime,
    "arctan": _arctan_prime,
    "abs": _named("sign"),
    "sign": lambda u: _ZERO,
} | {name: _named(f"{ALIASES.get(name, name)}_prime") for name in (*ACTIVATIONS, *ALIASES)}


def derivative_of(node: t.Node, by: t.Symbol) -> t.Node:
    """Differentiate a tree; 0 where the variable does not occur.

    Examples
    --------
    >>> from chainrule.formula.text import text
    >>> z = t.Symbol("z")
    >>> text(derivative_of(z.hadamard(t.Apply("sigmoid", z)), z))
    'sigmoid(z) + z * sigmoid_prime(z)'
    """
    if by not in t.parts(node):
        return _ZERO
    match node:
        case t.Negative(u):
            du = derivative_of(u, by)
            return _ZERO if _is(du, 0) else -du
        case t.Sum((first, *others)):
            slope = derivative_of(first, by)
            for term in others:
                slope = _sum(slope, derivative_of(term, by))
            return slope
        case t.Product((u, *others)):
            slope = derivative_of(u, by)
            for v in others:
                slope = _sum(_times(slope, v), _times(u, derivative_of(v, by)))
                u = _product(u, v)
            return slope
        case t.Fraction(u, v):  # not over V², which overflows long before V
            du, inverse = derivative_of(u, by), _ONE / v
            return _sum(_times(du, inverse), _times(-u / v, _times(derivative_of(v, by), inverse)))
        case t.Power(u, v):
            return _of_power(u, v, by)
        case t.Cases(pairs):
            return t.Cases(tuple((derivative_of(u, by), condition) for u, condition in pairs))
        case t.Relation():
            return _ZERO
        case t.Apply("max" | "min" as name, u, more=(v,)):
            moving, other = (u, v) if by in t.parts(u) else (v, u)
            beyond = t.Relation(moving, ">" if name == "max" else "<", other)
            return t.Cases(((derivative_of(moving, by), beyond), (derivative_of(other, by), None)))
        case t.Apply(name, u):
            return _times(_rule(name)(u), derivative_of(u, by))
    return _ONE  # the variable itself


def _of_power(u: t.Node, v: t.Node, by: t.Symbol) -> t.Node:
    du, dv = derivative_of(u, by), derivative_of(v, by)
    if by not in t.parts(v):
        lower = u if _is(v, 2) else u ** (v - _ONE)
        return _times(_times(v, lower), du)
    return _times(u**v, _sum(_times(dv, t.Apply("log", u)), _times(v / u, du)))


def _rule(name: str) -> Callable[[t.Node], t.Node]:
    if name not in _RULES:
        raise InvalidParameterError(
            f"there is no rule for the derivative of {name}. Give the formula's derivative, too: a pair of formulas."
        )
    return _RULES[name]


def _is(node: t.Node, number: int) -> bool:
    return isinstance(node, t.Number) and type(node.value) is int and node.value == number


def _sum(u: t.Node, v: t.Node) -> t.Node:
    return v if _is(u, 0) else u if _is(v, 0) else t.Sum((*t.terms(u), v))


def _times(u: t.Node, v: t.Node) -> t.Node:
    if _is(u, 0) or _is(v, 0):
        return _ZERO
    return v if _is(u, 1) else u if _is(v, 1) else _product(u, v)


def _product(u: t.Node, v: t.Node) -> t.Node:
    """From the left to the right, as it is evaluated: v stays one factor."""
    return t.Product((*t.factors(u, "elementwise"), v), "elementwise")
