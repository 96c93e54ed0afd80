"""Differentiation and the algebra after it, by SymPy; every step of algebra is checked at a few points."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

from chainrule.derivation.symbolic.from_sympy import formula
from chainrule.derivation.symbolic.to_sympy import functions
from chainrule.formula.tree import parts

_LARGE = 60  # operations; simplifying more takes long and helps nobody
_POINTS = ((0.31, 0.23, 0.57, -0.83), (0.64, 0.41, 1.3, 0.37), (0.12, 0.83, 0.77, 1.9))  # a, y, others, z


@cache
def derivative(expression: Any, by: Any) -> Any:
    """The derivative as the rules give it, term by term."""
    import sympy

    return sympy.diff(expression, by)


@cache
def simplest(expression: Any) -> Any:
    """The shortest of the forms that SymPy's algebra finds, piece by piece; the first of equals."""
    import sympy

    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((simplest(value), condition) for value, condition in expression.args))
    if expression.has(sympy.Piecewise) or expression.count_ops() > _LARGE:
        return expression
    forms = [sympy.factor(sympy.together(expression)), expression, sympy.cancel(expression)]
    forms += [sympy.powsimp(sympy.expand(expression)), sympy.simplify(expression)]
    alike = [form for form in forms if form is expression or same(form, expression)]
    return min(alike, key=lambda form: _cost(form, expression))


def _cost(form: Any, expression: Any) -> tuple[int, int]:
    """How much there is to read: functions that were not there before, unless it is one alone; then all parts."""
    import sympy

    new = {part.func for part in form.atoms(sympy.Function)} - {part.func for part in expression.atoms(sympy.Function)}
    return (0 if form.is_Function else len(new)), len(list(parts(formula(form))))


def same(one: Any, other: Any) -> bool:
    """Whether two expressions agree at every point where both are real numbers, and there is such a point."""
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    first, second = _function(symbols, one), _function(symbols, other)
    pairs = [(first(_at(point, symbols)), second(_at(point, symbols))) for point in _POINTS]
    both = [(x, y) for x, y in pairs if x is not None and y is not None]
    return bool(both) and all(abs(x - y) <= 1e-10 * (1 + abs(x)) for x, y in both)


def _at(point: tuple[float, ...], symbols: Any) -> list[float]:
    a, y, other, z = point
    return [{"a": a, "y": y, "t": y, "z": z}.get(symbol.name, other) for symbol in symbols]


def _function(symbols: Any, expression: Any) -> Callable[[list[float]], float | None]:
    """The expression as a function of numbers in double precision, None where it has no value that is one."""
    import sympy

    worth = sympy.lambdify(symbols, numeric(expression), "math")

    def value(numbers: list[float]) -> float | None:
        try:
            number = worth(*numbers)
        except (ArithmeticError, ValueError):
            return None
        return number if isinstance(number, int | float) and math.isfinite(number) else None

    return value


def numeric(expression: Any) -> Any:
    """The expression in functions that SymPy has numbers for."""
    import sympy

    f = functions()
    expression = expression.replace(f.sigmoid, lambda x: 1 / (1 + sympy.exp(-x)))
    expression = expression.replace(f.density, lambda x: sympy.exp(-(x**2) / 2) / sympy.sqrt(2 * sympy.pi))
    return expression.replace(f.cdf, lambda x: (1 + sympy.erf(x / sympy.sqrt(2))) / 2)


@cache
def inverse(g: Any, z: Any, a: Any) -> Any | None:
    """Solve a = g(z) for z by undoing one operation after the other; None where z stands in several places."""
    import sympy

    undo = {sympy.exp: sympy.log, sympy.log: sympy.exp, sympy.tanh: sympy.atanh, sympy.sinh: sympy.asinh}
    while g != z:
        if g.is_Add or g.is_Mul:
            fixed, moving = g.as_independent(z, as_Add=g.is_Add)
            if moving == g:
                return None
            a, g = (a - fixed if g.is_Add else a / fixed), moving
        elif g.func in undo:
            a, g = undo[g.func](a), g.args[0]
        elif g.is_Pow and g.exp == -1:
            a, g = 1 / a, g.base
        else:
            return None
    return simplest(a)


@cache
def through_value(g: Any, z: Any, a: Any) -> Any | None:
    """g'(z) written with the value a = g(z) alone, where that is possible and no longer; else None."""
    import sympy

    slope = simplest(derivative(g, z))
    if z not in slope.free_symbols or isinstance(g, sympy.Piecewise):
        return None
    short = slope.subs(g, a)
    if z in short.free_symbols:
        solved = inverse(g, z, a)
        if solved is None:
            return None
        short = derivative(g, z).subs(z, solved)
    short = simplest(short)
    held = same(short.subs(a, g), slope)
    return short if held and short.count_ops() <= slope.count_ops() else None


def rules(expression: Any, by: Any) -> str:
    """The rules of differentiation that the outer shape of an expression calls for, by name."""
    import sympy

    found: list[str] = []
    for part in sympy.preorder_traversal(expression):
        found += [] if by not in getattr(part, "free_symbols", ()) else _rules_of(part, by)
    if not found and expression.is_Function:
        return f"derivative of {type(expression).__name__}"
    return ", ".join(dict.fromkeys(found)) or ("constant factor" if expression != by else f"derivative of {by.name}")


def _rules_of(part: Any, by: Any) -> list[str]:
    import sympy

    inner = [argument for argument in part.args if by in getattr(argument, "free_symbols", ())]
    if isinstance(part, sympy.Piecewise):
        return ["each case by itself"]
    if part.is_Add and len(inner) > 1:
        return ["sum rule"]
    if part.is_Mul and len(inner) > 1:
        return [
            "quotient rule" if any(p.is_Pow and p.exp.could_extract_minus_sign() for p in inner) else "product rule"
        ]
    if part.is_Pow and part.base in inner:
        return ["power rule", *(["chain rule"] if part.base != by else [])]
    return ["chain rule"] if part.is_Function and inner and inner[0] != by else []
