"""Formula trees as SymPy's expressions, with exact numbers: what the derivation differentiates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, reduce
from types import SimpleNamespace
from typing import Any

from chainrule._errors import InvalidParameterError
from chainrule.derivation.symbolic.formulas import ACTIVATION_FORMULAS
from chainrule.formula import tree as t
from chainrule.formula.reader import RefusedError, read, refused

_LONGEST, _DEEPEST = 300, 41
_LARGEST = 1e6  # of a number, and 100 of an exponent: beyond, exact arithmetic has no end
_LARGEST_EXPONENT = 100
_MOST_CASES, _MOST_COMPARISONS = 16, 8  # inside of a comparison, whose logic takes time that doubles with each
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">": lambda x, y: x > y,
    "≥": lambda x, y: x >= y,
    "<": lambda x, y: x < y,
    "≤": lambda x, y: x <= y,
}
_OF_SYMPY = ("exp", "log", "sqrt", "sinh", "cosh", "sin", "cos", "atan", "erf", "tanh")
_FORMULAS = {  # of functions that SymPy lacks, or has in another form
    **{name: ACTIVATION_FORMULAS[name] for name in ("relu", "gelu", "silu", "softplus", "mish")},
    "sign": "1 if z > 0 else -1 if z < 0 else 0",
}
_FUNCTIONS = (*_OF_SYMPY, *_FORMULAS, "abs", "sigmoid", "max", "min")


@cache
def variables() -> SimpleNamespace:
    """The letters z, a, y and t, the target after label smoothing."""
    import sympy

    z, a, y, t = sympy.symbols("z a y t", real=True)
    return SimpleNamespace(z=z, a=a, y=y, t=t)


@cache
def functions() -> SimpleNamespace:
    """Functions that are known by name, each with its derivative: σ, and the normal distribution's Φ and φ."""
    import sympy

    def known(name: str, derivative: Callable[[Any], Any]) -> Any:
        def fdiff(self: Any, argindex: int = 1) -> Any:
            return derivative(self.args[0])

        return type(name, (sympy.Function,), {"nargs": 1, "fdiff": fdiff, "is_real": True, "is_commutative": True})

    density = known("φ", lambda x: -x * density(x))
    cdf = known("Φ", lambda x: density(x))
    sigmoid = known("σ", lambda x: sigmoid(x) * (1 - sigmoid(x)))
    return SimpleNamespace(sigmoid=sigmoid, cdf=cdf, density=density)


def parsed(text: str, letters: Mapping[str, Any], *, what: str) -> Any:
    """Read a user's formula in the given letters; the first of them must occur.

    Raises
    ------
    InvalidParameterError
        If the text is no formula, uses what is not known, or has no real value.

    Examples
    --------
    >>> import sympy
    >>> parsed("z * (1 - z)^2", {"z": sympy.Symbol("z", real=True)}, what="activation")
    z*(1 - z)**2
    """
    import sympy

    tree = read(text, [*letters], _FUNCTIONS, longest=_LONGEST, deepest=_DEEPEST, what=what)
    try:
        expression = _Expressions(letters).of(tree)
    except RefusedError as error:
        raise refused(text, str(error), what) from None
    except (ArithmeticError, NotImplementedError, RecursionError, TypeError, ValueError) as error:
        raise refused(text, "SymPy cannot compute with it", what) from error
    first, odd = next(iter(letters.values())), (sympy.I, sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)
    if not isinstance(expression, sympy.Expr) or expression.has(*odd) or first not in expression.free_symbols:
        raise InvalidParameterError(
            f"{what}={text!r} must be a real formula in {' and '.join(letters)}, with {first} in it; got one without "
            "it, or one that is not a real number (such as 1/0 or log(-1))."
        )
    return expression


@cache
def formula_tree(text: str, letters: tuple[str, ...]) -> t.Node:
    """The tree of one of the library's own formulas."""
    return read(text, letters, (*_FUNCTIONS, "σ", "Φ", "φ"), longest=_LONGEST, deepest=_DEEPEST)


def expression_of(text: str, letters: Mapping[str, Any]) -> Any:
    """One of the library's own formulas, in the given letters."""
    return _Expressions(letters).of(formula_tree(text, (*letters,)))


class _Expressions:
    def __init__(self, letters: Mapping[str, Any]) -> None:
        import sympy

        self.letters = {"π": sympy.pi, "e": sympy.E, **letters}

    def of(self, node: t.Node) -> Any:
        """The expression, or the condition, that a node is."""
        import sympy

        match node:
            case t.Number(value):
                if not abs(value) <= _LARGEST:
                    raise RefusedError(f"{str(value)[:20]!r} is not a number of at most {_LARGEST:g}")
                return sympy.Rational(str(value))
            case t.Symbol(name):
                return self.letters[name]
            case t.Sum(terms):
                return reduce(lambda x, y: _bounded(x + y), map(self.number, terms))
            case t.Product(factors):
                return reduce(lambda x, y: _bounded(x * y), map(self.number, factors))
            case t.Negative(part):
                return -self.number(part)
            case t.Fraction(over, under):
                return _bounded(self.number(over) / self.number(under))
            case t.Power(base, exponent):
                return _power(self.number(base), self.number(exponent))
            case t.Apply(name, argument):
                return _applied(name, self.number(argument), *map(self.number, node.more))
            case t.Relation(left, sign, right):
                return _compared(self.number(left), sign, self.number(right))
            case t.Cases(pairs):
                return sympy.Piecewise(*((self.number(value), self._condition(test)) for value, test in pairs))
        raise RefusedError(f"a {type(node).__name__} is not allowed")

    def number(self, node: t.Node) -> Any:
        """The expression of a node; 1 or 0 for a comparison that holds or does not."""
        import sympy

        found = self.of(node)
        return found if isinstance(found, sympy.Expr) else sympy.Piecewise((1, found), (0, True))

    def _condition(self, node: t.Node | None) -> Any:
        if node is not None and not isinstance(node, t.Relation):
            raise RefusedError("what follows 'if' must be a comparison, such as z > 0")
        return True if node is None else self.of(node)


def _compared(left: Any, sign: str, right: Any) -> Any:
    """A comparison; where a side is given by cases, the conditions under which it holds."""
    import sympy

    if sign not in _COMPARISONS:
        raise RefusedError("a comparison must be one of > >= < <=, between two things")
    holds = _COMPARISONS[sign]
    if not (left.has(sympy.Piecewise) or right.has(sympy.Piecewise)):
        return holds(left, right)
    choices = [len(part.args) for side in (left, right) for part in side.atoms(sympy.Piecewise)]
    if math.prod(choices) > _MOST_CASES:
        raise RefusedError("it has too many choices inside of a comparison")
    pairs = [(x, y, sympy.And(c, d)) for x, c in _cases(left) for y, d in _cases(right)]
    condition = sympy.Or(*(sympy.And(both, holds(x, y)) for x, y, both in pairs))
    simple = condition.atoms(sympy.core.relational.Relational)
    if len(simple) > _MOST_COMPARISONS:
        raise RefusedError("it has too many choices inside of a comparison")
    plain = all(part.lhs.is_Symbol and part.rhs.is_number for part in simple)
    return condition.simplify() if plain else condition  # of other comparisons it may take for ever


def _cases(expression: Any) -> list[tuple[Any, Any]]:
    """The values of an expression, each with the condition under which it has it."""
    import sympy

    folded, pairs, before = sympy.piecewise_fold(expression), [], sympy.false
    for value, condition in folded.args if isinstance(folded, sympy.Piecewise) else ((folded, sympy.true),):
        pairs.append((value, sympy.And(condition, sympy.Not(before))))
        before = sympy.Or(before, condition)
    return pairs


def _power(base: Any, exponent: Any) -> Any:
    if base.is_number and base.is_negative and not exponent.is_number:
        raise RefusedError("a number below 0 to a power that varies is not a real number")
    if exponent.is_number and not abs(float(exponent)) <= _LARGEST_EXPONENT:
        raise RefusedError(f"an exponent must be at most {_LARGEST_EXPONENT}")
    if base.is_number and exponent.is_number:
        size = abs(float(base))
        if size and abs(float(exponent) * math.log10(size)) > math.log10(_LARGEST):
            raise RefusedError(f"a number must be at most {_LARGEST:g}")
    return base**exponent


def _bounded(value: Any) -> Any:
    if getattr(value, "is_Rational", False) and max(abs(value.p), value.q) > 1e30:
        raise RefusedError("its numbers are too long")
    return value


def _applied(name: str, x: Any, *more: Any) -> Any:
    """A function of an argument, or of two."""
    import sympy

    if name in _FORMULAS:
        return expression_of(_FORMULAS[name], {"z": x})
    if name in ("max", "min"):  # where the two meet a constant counts, as 0 does in max(0, z) for ReLU
        moving, fixed = (more[0], x) if x.is_number else (x, more[0])
        return sympy.Piecewise((moving, _compared(moving, ">" if name == "max" else "<", fixed)), (fixed, True))
    f = functions()
    known = {"sigmoid": f.sigmoid, "σ": f.sigmoid, "Φ": f.cdf, "φ": f.density, "abs": sympy.Abs}
    return known[name](x) if name in known else getattr(sympy, name)(x)
