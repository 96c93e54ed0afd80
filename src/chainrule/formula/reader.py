"""A formula that a user wrote as text, as a tree: numbers, letters, arithmetic, comparisons, choices, functions.

The text is parsed by Python's own parser and never run: whatever is not listed here is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chainrule._errors import InvalidParameterError, nearest
from chainrule.formula import tree as t

_SIGNS = {ast.Gt: ">", ast.GtE: "≥", ast.Lt: "<", ast.LtE: "≤", ast.Eq: "=", ast.NotEq: "≠"}
_CONSTANTS = {"pi": t.Symbol("π"), "e": t.Symbol("e")}
_OF_TWO = ("max", "min")
_SHOWN = 80  # characters of a formula in a message


def read(
    text: str, letters: Sequence[str], functions: Collection[str], *, longest: int, deepest: int, what: str = ""
) -> t.Node:
    """Read a formula.

    Parameters
    ----------
    text : str
    letters : sequence of str
        The letters that may occur, besides pi and e.
    functions : collection of str
        What may be called: "max" and "min" of two arguments, everything else of one.
    longest, deepest : int
        How many characters it may have, and how many expressions may stand inside each other.
    what : str, optional
        What the formula is given for, in messages.

    Raises
    ------
    InvalidParameterError
        If the text is no such formula.

    Examples
    --------
    >>> from chainrule.formula.text import text
    >>> text(read("z if z > 0 else 0.1*exp(z)^2", ["z"], ["exp"], longest=50, deepest=10))
    '{z if z > 0; 0.1 * exp(z)² otherwise}'
    """
    if not isinstance(text, str) or len(text) > longest:
        given = f"{len(text)} characters" if isinstance(text, str) else type(text).__name__
        name = f"{what} as a formula" if what else "a formula"
        raise InvalidParameterError(f"{name} must be text of at most {longest} characters, got {given}.")
    try:
        parsed = ast.parse(text.replace("^", "**").strip(), mode="eval").body
        if _depth(parsed) > deepest:
            raise RefusedError(f"at most {deepest} expressions may stand inside each other")
        return _Reader(letters, functions).read(parsed)
    except RefusedError as error:
        raise refused(text, str(error), what) from None
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        raise refused(text, "it is not an expression that Python's grammar knows", what) from error


class RefusedError(Exception):
    """What in a formula is not allowed."""


def refused(text: str, reason: str, what: str = "") -> InvalidParameterError:
    """The error that says why a text is no formula."""
    shown = repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")
    return InvalidParameterError(f"{what}{'=' if what else ''}{shown} cannot be read as a formula: {reason}.")


def _depth(tree: ast.AST) -> int:
    """How many expressions stand inside each other."""
    level, levels = [tree], 0
    while level:
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        levels += 1
    return levels


@dataclass(frozen=True)
class _Reader:
    letters: Sequence[str]
    functions: Collection[str]

    def read(self, node: ast.expr) -> t.Node:
        """The tree of an expression; what is added or multiplied from the left on is one sum or product."""
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                float(value)  # or it is too large
                return t.Number(value)
            case ast.Name(id=name):
                return self._letter(name)
            case ast.UnaryOp(op=ast.UAdd(), operand=part):
                return self.read(part)
            case ast.UnaryOp(op=ast.USub(), operand=part):
                return t.Negative(self.read(part))
            case ast.BinOp(op=ast.Add(), left=u, right=v):
                return t.Sum((*t.terms(self.read(u)), self.read(v)))
            case ast.BinOp(op=ast.Sub(), left=u, right=v):
                return t.Sum((*t.terms(self.read(u)), t.Negative(self.read(v))))
            case ast.BinOp(op=ast.Mult(), left=u, right=v):
                return t.Product((*t.factors(self.read(u), "elementwise"), self.read(v)), "elementwise")
            case ast.BinOp(op=ast.Div(), left=u, right=v):
                return t.Fraction(self.read(u), self.read(v))
            case ast.BinOp(op=ast.Pow(), left=u, right=v):
                return t.Power(self.read(u), self.read(v))
            case ast.Compare(left=u, ops=[op], comparators=[v]) if type(op) in _SIGNS:
                return t.Relation(self.read(u), _SIGNS[type(op)], self.read(v))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                otherwise = self.read(orelse)
                others = otherwise.pairs if isinstance(otherwise, t.Cases) else ((otherwise, None),)
                return t.Cases(((self.read(body), self.read(test)), *others))
            case ast.Call(func=ast.Name(id=name), keywords=[]):
                return self._call(name, node.args)
        raise RefusedError(
            f"{ast.unparse(node)!r} is not allowed; use numbers, + - * / **, comparisons of two things, if else, "
            "functions"
        )

    def _letter(self, name: str) -> t.Node:
        if name in self.letters:
            return t.Symbol(name)
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name in self.functions:
            raise RefusedError(f"{name} is a function: give it an argument, {name}({self.letters[0]})")
        raise RefusedError(f"{name!r} is not known. {nearest(name, [*self.letters, *_CONSTANTS])}".rstrip("."))

    def _call(self, name: str, arguments: Sequence[ast.expr]) -> t.Node:
        if name not in self.functions:
            known = [known for known in self.functions if not known.endswith("_prime")]
            raise RefusedError(f"{name!r} is not a function known here. {nearest(name, known)}".rstrip("."))
        if len(arguments) != (2 if name in _OF_TWO else 1):
            raise RefusedError(f"{name} takes {'two arguments' if name in _OF_TWO else 'one argument'}")
        first, *more = map(self.read, arguments)
        return t.Apply(name, first, more=tuple(more))
