"""SymPy's expressions as formula trees, in the order a person writes: a(1 - a), not -a(a - 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.formula import tree as t

_RELATIONS = {"StrictGreaterThan": ">", "StrictLessThan": "<", "GreaterThan": "≥", "LessThan": "≤"}
_NAMES = {"sign": "sign", "atanh": "arctanh"}
_CONSTANTS = {"Pi": "π", "Exp1": "e"}


def formula(expression: Any, letters: Mapping[str, t.Node] | None = None, *, elementwise: bool = False) -> t.Node:
    """Write a SymPy expression as a formula tree.

    Parameters
    ----------
    expression : SymPy expression
    letters : mapping of str to Node, optional
        What stands for a symbol, by its name; by default the symbol itself.
    elementwise : bool, default False
        Whether the letters are matrices, which are multiplied element by element.

    Examples
    --------
    >>> import sympy
    >>> from chainrule.formula import text
    >>> a, y = sympy.symbols("a y")
    >>> text(formula(sympy.factor(a - a**2))), text(formula((a - y) / (a * (1 - a))))
    ('a (1 - a)', '(a - y)/(a (1 - a))')
    """
    return _Writer(letters or {}, "elementwise" if elementwise else "scalar").written(expression)


class _Writer:
    def __init__(self, letters: Mapping[str, t.Node], kind: str) -> None:
        self.letters, self.kind = letters, kind

    def written(self, x: Any) -> t.Node:
        name = type(x).__name__
        if x.is_Symbol:
            return self.letters.get(x.name, t.Symbol(x.name))
        if name in _CONSTANTS:
            return t.Symbol(_CONSTANTS[name])
        if name in _RELATIONS:
            return self._relation(x)
        if x.is_Mul or x.is_Pow:
            return self._product(x)
        if x.is_Number:
            return self._number(x)
        by_name = {"Add": self._sum, "Piecewise": self._cases, "And": self._conditions, "Or": self._conditions}
        return {**by_name, "exp": self._exponential, "Abs": self._absolute}.get(name, self._applied)(x)

    def _number(self, x: Any) -> t.Node:
        if x.is_negative:
            return t.Negative(self._number(-x))
        if x.is_Rational and not x.is_Integer and x.q < 10:
            return t.Number(int(x.p)) / t.Number(int(x.q))
        return t.Number(int(x) if x.is_Integer else float(x))

    def _sum(self, x: Any) -> t.Node:
        """Terms that are added before terms that are subtracted."""
        terms = [self.written(term) for term in _ordered_terms(x)]
        terms.sort(key=lambda term: isinstance(term, t.Negative))
        return t.Sum(tuple(terms))

    def _product(self, x: Any) -> t.Node:
        import sympy

        over, under = sympy.fraction(x, exact=True)
        if under == 1 and x.is_Pow:
            return self._power(self.written(x.base), x.exp)
        sign, top = self._factors(over)
        if under == 1:
            node = self._joined(top)
        else:
            sign_under, bottom = self._factors(under)
            sign *= sign_under
            node = self._joined(top) / self._joined(bottom)
        return t.Negative(node) if sign < 0 else node

    def _power(self, base: t.Node, exponent: Any) -> t.Node:
        """A power; the square of a matrix's letter as a product, since it has a superscript already."""
        if exponent == 2 and self.kind == "elementwise" and isinstance(base, t.Symbol):
            return base.hadamard(base)
        return t.Power(base, self.written(exponent))

    def _factors(self, x: Any) -> tuple[int, list[t.Node]]:
        """The sign of a product and its factors; a sum that reads better the other way round changes the sign."""
        sign, factors = 1, []
        for factor in sorted(x.as_ordered_factors(), key=_place) if x.is_Mul else [x]:
            base, exponent = factor.as_base_exp() if factor.is_Pow else (factor, 1)
            negative = factor.is_number and factor.is_negative
            if negative or (base.is_Add and exponent == 1 and _turned(base)):
                sign, factor = -sign, -factor
            elif base.is_Add and exponent == 2 and _turned(base):
                factor = (-base) ** 2
            if factor != 1:
                factors.append(self.written(factor))
        return sign, factors

    def _joined(self, factors: list[t.Node]) -> t.Node:
        """Numbers and constants first, without a sign; what may be a matrix is multiplied element by element."""
        if not factors:
            return t.Number(1)
        constants = [factor for factor in factors if self._constant(factor)]
        others = [factor for factor in factors if not self._constant(factor)]
        if len(others) > 1:
            others = [t.Product(tuple(others), self.kind)]
        parts = (*constants, *others)
        if len(parts) == 1:
            return parts[0]
        if self.kind == "scalar":
            parts = tuple(inner for part in parts for inner in _inner(part))
        return t.Product(parts, "scalar")

    def _constant(self, node: t.Node) -> bool:
        return not any(part in self.letters.values() for part in t.parts(node)) if self.letters else _numeric(node)

    def _exponential(self, x: Any) -> t.Node:
        argument = self.written(x.args[0])
        return t.Apply("exp", argument) if self.kind == "elementwise" else t.Power(t.Symbol("e"), argument)

    def _absolute(self, x: Any) -> t.Node:
        return t.Absolute(self.written(x.args[0]))

    def _cases(self, x: Any) -> t.Node:
        import sympy

        pairs = [(self.written(value), sympy.to_dnf(test)) for value, test in x.args]  # or it would need brackets
        return t.Cases(tuple((value, None if test == True else self.written(test)) for value, test in pairs))  # noqa: E712

    def _relation(self, x: Any) -> t.Node:
        if _place(x.lhs) < _place(x.rhs):  # what varies stands on the left
            x = x.reversed
        return t.Relation(self.written(x.lhs), _RELATIONS[type(x).__name__], self.written(x.rhs))

    def _conditions(self, x: Any) -> t.Node:
        word = t.Text(f" {type(x).__name__.lower()} ")
        first, *others = (self.written(part) for part in x.args)
        return t.Product((first, *(part for other in others for part in (word, other))))

    def _applied(self, x: Any) -> t.Node:
        name = type(x).__name__
        return t.Apply(_NAMES.get(name, name), self.written(x.args[0]))


def _inner(node: t.Node) -> tuple[t.Node, ...]:
    return node.factors if isinstance(node, t.Product) and node.kind == "scalar" else (node,)


def _numeric(node: t.Node) -> bool:
    return all(not isinstance(part, t.Symbol) for part in t.parts(node))


def _ordered_terms(x: Any) -> list[Any]:
    """The letter a before y, and what is not a letter in SymPy's order."""
    return sorted(x.as_ordered_terms() if x.is_Add else [x], key=_leading)


def _leading(term: Any) -> int:
    names = {symbol.name for symbol in term.free_symbols}
    return 0 if term.is_number else 1 if "a" in names else 2


def _place(factor: Any) -> int:
    """Numbers, then parameters, then the target, then the other variables and what is made of them."""
    if factor.is_number:
        return 0
    if factor.is_Symbol and factor.name in "yt":
        return 2
    return 3 if {symbol.name for symbol in factor.free_symbols} & set("ayzt") else 1


def _turned(x: Any) -> bool:
    """Whether -x reads better: 1 - a for a - 1, a - y for y - a. An exponential is larger than 1 in x - 1."""
    if any(type(part).__name__ == "exp" for part in x.args):
        return False
    constant, rest = x.as_coeff_Add()
    if constant:
        return bool(constant.is_negative and not any(term.could_extract_minus_sign() for term in _ordered_terms(rest)))
    return bool(_ordered_terms(x)[0].could_extract_minus_sign())
