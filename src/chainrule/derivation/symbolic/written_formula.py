"""A user's own formula, given as text, as a SymPy expression: arithmetic and known functions, and nothing else.

The text is parsed by Python's own parser and never run: every node of the tree is on a list here or refused.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from chainrule._errors import InvalidParameterError, nearest
from chainrule.derivation.symbolic import expressions as symbolic

_LONGEST, _DEEPEST = 300, 40
_LARGEST = 1e6  # of a number, and 100 of an exponent: beyond, exact arithmetic has no end
_LARGEST_EXPONENT = 100
_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: lambda x, y: x + y,
    ast.Sub: lambda x, y: x - y,
    ast.Mult: lambda x, y: x * y,
    ast.Div: lambda x, y: x / y,
    ast.Gt: lambda x, y: x > y,
    ast.GtE: lambda x, y: x >= y,
    ast.Lt: lambda x, y: x < y,
    ast.LtE: lambda x, y: x <= y,
}


def parsed(text: str, letters: Mapping[str, Any], *, what: str) -> Any:
    """Read a formula in the given letters; the first of them must occur.

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
    try:
        tree = ast.parse(_checked(text, what).replace("^", "**").strip(), mode="eval")
        expression = _Reader(letters).read(tree.body, 0)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        detail = error if isinstance(error, _RefusedError) else "it is not an expression that Python's grammar knows"
        raise InvalidParameterError(f"{what}={text[:80]!r} cannot be read as a formula: {detail}.") from None
    first = next(iter(letters.values()))
    if first not in getattr(expression, "free_symbols", ()) or not _real(expression):
        raise InvalidParameterError(
            f"{what}={text!r} must be a real formula in {' and '.join(letters)}, with {first} in it; got one without "
            "it, or one that is not a real number (such as 1/0 or log(-1))."
        )
    return expression


class _RefusedError(ValueError):
    """What in a formula is not allowed."""


def _checked(text: str, what: str) -> str:
    if not isinstance(text, str) or len(text) > _LONGEST:
        given = f"{len(text)} characters" if isinstance(text, str) else type(text).__name__
        raise InvalidParameterError(f"{what} as a formula must be text of at most {_LONGEST} characters, got {given}.")
    return text


def _real(expression: Any) -> bool:
    import sympy

    odd = (sympy.I, sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)
    return isinstance(expression, sympy.Expr) and not expression.has(*odd)


class _Reader:
    def __init__(self, letters: Mapping[str, Any]) -> None:
        self.letters = letters

    def read(self, node: ast.AST, depth: int) -> Any:
        if depth > _DEEPEST:
            raise _RefusedError(f"it is nested more than {_DEEPEST} deep")
        known = {
            ast.Constant: self._number,
            ast.Name: self._name,
            ast.UnaryOp: self._signed,
            ast.BinOp: self._operation,
            ast.Call: self._call,
            ast.IfExp: self._choice,
            ast.Compare: self._comparison,
        }
        if type(node) not in known:
            raise _RefusedError(f"{_named(node)} is not allowed; use numbers, + - * / **, {_function_names()}")
        return known[type(node)](node, depth + 1)  # type: ignore[operator]

    def _number(self, node: ast.Constant, depth: int) -> Any:
        import sympy

        if isinstance(node.value, bool) or not isinstance(node.value, int | float) or not abs(node.value) <= _LARGEST:
            raise _RefusedError(f"{str(node.value)[:20]!r} is not a number of at most {_LARGEST:g}")
        return sympy.Rational(str(node.value))

    def _name(self, node: ast.Name, depth: int) -> Any:
        import sympy

        constants = {"pi": sympy.pi, "e": sympy.E}
        if node.id in self.letters:
            return self.letters[node.id]
        if node.id in constants:
            return constants[node.id]
        raise _RefusedError(f"{node.id!r} is not known. {nearest(node.id, [*self.letters, *constants])}")

    def _signed(self, node: ast.UnaryOp, depth: int) -> Any:
        if not isinstance(node.op, ast.UAdd | ast.USub):
            raise _RefusedError(f"{_named(node.op)} is not allowed")
        value = self.read(node.operand, depth)
        return -value if isinstance(node.op, ast.USub) else value

    def _operation(self, node: ast.BinOp, depth: int) -> Any:
        left, right = self.read(node.left, depth), self.read(node.right, depth)
        if isinstance(node.op, ast.Pow):
            return _power(left, right)
        if type(node.op) not in _OPERATORS:
            raise _RefusedError(f"{_named(node.op)} is not allowed")
        return _bounded(_OPERATORS[type(node.op)](left, right))

    def _call(self, node: ast.Call, depth: int) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _functions():
            raise _RefusedError(
                f"{ast.unparse(node.func)!r} is not a function known here. {nearest(name, _functions())}"
            )
        if node.keywords or len(node.args) != (2 if name in ("max", "min") else 1):
            raise _RefusedError(f"{name} takes {'two arguments' if name in ('max', 'min') else 'one argument'}")
        return _functions()[name](*(self.read(argument, depth) for argument in node.args))

    def _choice(self, node: ast.IfExp, depth: int) -> Any:
        import sympy

        if not isinstance(node.test, ast.Compare):
            raise _RefusedError("what follows 'if' must be a comparison, such as z > 0")
        parts = (node.body, node.test, node.orelse)
        chosen, condition, otherwise = (self.read(part, depth) for part in parts)
        return sympy.Piecewise((chosen, condition), (otherwise, True))

    def _comparison(self, node: ast.Compare, depth: int) -> Any:
        if len(node.ops) != 1 or type(node.ops[0]) not in _OPERATORS:
            raise _RefusedError("a comparison must be one of > >= < <=, between two things")
        left, right = self.read(node.left, depth), self.read(node.comparators[0], depth)
        return _OPERATORS[type(node.ops[0])](left, right)


def _power(base: Any, exponent: Any) -> Any:
    if exponent.is_number and not abs(float(exponent)) <= _LARGEST_EXPONENT:
        raise _RefusedError(f"an exponent must be at most {_LARGEST_EXPONENT}")
    if base.is_number and exponent.is_number:
        size = abs(float(base))
        if size and abs(float(exponent) * math.log10(size)) > math.log10(_LARGEST):
            raise _RefusedError(f"a number must be at most {_LARGEST:g}")
    return base**exponent


def _bounded(value: Any) -> Any:
    if getattr(value, "is_Rational", False) and max(abs(value.p), value.q) > 1e30:
        raise _RefusedError("its numbers are too long")
    return value


def _named(node: ast.AST) -> str:
    names = {"Attribute": "a dot", "Subscript": "an index", "Lambda": "lambda", "BitXor": "^", "NamedExpr": ":="}
    return names.get(type(node).__name__, f"a {type(node).__name__}")


def _function_names() -> str:
    return ", ".join(_functions())


@cache
def _functions() -> Mapping[str, Callable[..., Any]]:
    """What may be called: the usual functions, and the activations that have no parameters."""
    import sympy

    def sign(x: Any) -> Any:
        return sympy.Piecewise((1, x > 0), (-1, x < 0), (0, True))

    own = symbolic.activation_formulas()
    return {
        **{name: getattr(sympy, name) for name in ("exp", "log", "sqrt", "sinh", "cosh", "sin", "cos", "atan", "erf")},
        **{name: own[name] for name in ("tanh", "relu", "gelu", "silu", "softplus", "mish")},
        "abs": sympy.Abs,
        "sigmoid": symbolic.functions().sigmoid,
        "sign": sign,
        "max": lambda x, y: _extreme(x, y, lambda x, y: x > y),
        "min": lambda x, y: _extreme(x, y, lambda x, y: x < y),
    }


def _extreme(x: Any, y: Any, beyond: Callable[[Any, Any], Any]) -> Any:
    """The larger or the smaller of two; where they meet a constant counts, as 0 does in max(0, z) for ReLU."""
    import sympy

    moving, fixed = (y, x) if x.is_number else (x, y)
    return sympy.Piecewise((moving, beyond(moving, fixed)), (fixed, True))
