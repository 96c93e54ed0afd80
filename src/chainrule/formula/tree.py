"""Formulas as small trees, which are written as MathML, LaTeX or plain text, and evaluated with numbers.

Nodes are values: a formula is built once, compared, searched and rewritten, never changed. Operators build them:

    Z = Symbol("Z", "l");  W = Symbol("W", "l");  A = Symbol("A", "l-1");  b = Symbol("b", "l")
    equation = Equation(Z, W @ A + b)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

Formula = TypeVar("Formula", bound="Node")


class Node:
    """A part of a formula."""

    def __add__(self, other: Node) -> Sum:
        return Sum((*terms(self), *terms(other)))

    def __sub__(self, other: Node) -> Sum:
        return Sum((*terms(self), Negative(other)))

    def __matmul__(self, other: Node) -> Product:
        return Product((*factors(self, "matrix"), *factors(other, "matrix")), "matrix")

    def __mul__(self, other: Node) -> Product:
        return Product((*factors(self, "scalar"), *factors(other, "scalar")), "scalar")

    def __truediv__(self, other: Node) -> Fraction:
        return Fraction(self, other)

    def __pow__(self, other: Node) -> Power:
        return Power(self, other)

    def __neg__(self) -> Negative:
        return Negative(self)

    @property
    def T(self) -> Transpose:
        """The transpose."""
        return Transpose(self)

    def hadamard(self, other: Node) -> Product:
        """The element-wise product, written * as in the source."""
        return Product((*factors(self, "elementwise"), *factors(other, "elementwise")), "elementwise")


@dataclass(frozen=True)
class Symbol(Node):
    """A letter with its layer, as in W[l], and its indices, as in W[l]ᵢⱼ."""

    name: str
    layer: str = ""
    indices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Number(Node):
    """A number as it is to be read: digits, perhaps with a sign or an exponent."""

    value: float | int
    digits: str = ""


@dataclass(frozen=True)
class Text(Node):
    """Words inside a formula."""

    words: str


@dataclass(frozen=True)
class Sum(Node):
    """The sum of terms; a term that is `Negative` is subtracted."""

    terms: tuple[Node, ...]


@dataclass(frozen=True)
class Negative(Node):
    """-x."""

    part: Node


@dataclass(frozen=True)
class Product(Node):
    """A product: "matrix", "scalar" (both by juxtaposition) or "elementwise"."""

    factors: tuple[Node, ...]
    kind: str = "scalar"


@dataclass(frozen=True)
class Fraction(Node):
    """One part over another."""

    over: Node
    under: Node


@dataclass(frozen=True)
class Power(Node):
    """The base to the exponent."""

    base: Node
    exponent: Node


@dataclass(frozen=True)
class Selection(Node):
    """Some rows and columns of a matrix, as NumPy writes them: E[:,C]. A text is a range, ":" all of them."""

    matrix: Node
    rows: Node
    columns: Node


@dataclass(frozen=True)
class Stacked(Node):
    """Matrices one over the other; `beside` each other where examples are rows."""

    blocks: tuple[Node, ...]
    beside: bool = False


@dataclass(frozen=True)
class Transpose(Node):
    """The transpose of a matrix."""

    part: Node


@dataclass(frozen=True)
class Apply(Node):
    """A function of an argument: g(z), or with `prime` its derivative g'(z); `more` are further arguments."""

    function: str
    argument: Node
    layer: str = ""
    prime: bool = False
    more: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Absolute(Node):
    """The absolute value."""

    part: Node


@dataclass(frozen=True)
class Total(Node):
    """The sum over an index, as in Σᵢ₌₁ᵐ."""

    index: str
    last: str
    body: Node


@dataclass(frozen=True)
class Derivative(Node):
    """The partial derivative of one thing by another, as a fraction of ∂s."""

    of: Node
    by: Node


@dataclass(frozen=True)
class Cases(Node):
    """A value for each condition; the last condition may be empty: otherwise."""

    pairs: tuple[tuple[Node, Node | None], ...]


@dataclass(frozen=True)
class Relation(Node):
    """Two sides and the sign between them."""

    left: Node
    sign: str
    right: Node


def Equation(left: Node, right: Node, sign: str = "=") -> Relation:  # reads as the node it makes
    """Left = right, or with another sign left := right."""
    return Relation(left, sign, right)


@dataclass(frozen=True)
class Matrix(Node):
    """A window of numbers: None stands for what is left out."""

    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Labelled(Node):
    """A part with words or a shape under it."""

    part: Node
    label: str


def terms(node: Node) -> tuple[Node, ...]:
    """What is added, where it is a sum; else the node alone."""
    return node.terms if isinstance(node, Sum) else (node,)


def factors(node: Node, kind: str) -> tuple[Node, ...]:
    """What is multiplied, where it is a product of that kind; else the node alone."""
    return node.factors if isinstance(node, Product) and node.kind == kind else (node,)


_PRECEDENCE: dict[type[Node], int] = {Relation: 0, Cases: 1, Sum: 1, Negative: 1, Total: 2, Product: 2, Fraction: 3}


def precedence(node: Node) -> int:
    """How tightly a node holds together: 0 a relation, 1 a sum, 2 a product, 3 a fraction, 4 what needs no brackets."""
    if isinstance(node, Labelled):
        return precedence(node.part)
    if isinstance(node, Number):
        return 1 if node.value < 0 else 4
    return _PRECEDENCE.get(type(node), 4)


_SUBSCRIPT_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def base_and_number(name: str) -> tuple[str, str]:
    """Take a name such as λ₁ apart into its letter and its number.

    Examples
    --------
    >>> base_and_number("λ₁"), base_and_number("W")
    (('λ', '1'), ('W', ''))
    """
    base = name.rstrip("₀₁₂₃₄₅₆₇₈₉")
    return base, name[len(base) :].translate(_SUBSCRIPT_DIGITS)


def least_of_factors(product: Product) -> list[int]:
    """How tightly each factor must hold together to stand without brackets.

    Any product may stand in a product of matrices or numbers, but beside * it is put in brackets; a sum over an index
    reaches to the right, so it is last or in brackets.
    """
    least = 3 if product.kind == "elementwise" else 2
    last = len(product.factors) - 1
    return [3 if isinstance(factor, Total) and i < last else least for i, factor in enumerate(product.factors)]


def is_tall(node: Node) -> bool:
    """Whether brackets around a node must grow with it; beside letters with layers they stay as high as a letter."""
    return any(isinstance(part, Fraction | Total | Matrix | Cases | Derivative) for part in parts(node))


def parts(node: Node) -> Iterator[Node]:
    """Yield a node and everything in it; formulas may be nested more deeply than Python's functions."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += reversed([*_children(part)])


def depth(node: Node) -> int:
    """How many nodes stand inside each other, signs not counted.

    Examples
    --------
    >>> depth(Symbol("z")), depth(-(Symbol("z") + Number(1)))
    (1, 2)
    """
    level, levels = [node], 0
    while level:
        unsigned = {id(part): part for part in map(_without_sign, level)}  # a part in several places once
        level = [child for part in unsigned.values() for child in _children(part)]
        levels += 1
    return levels


def _without_sign(node: Node) -> Node:
    while isinstance(node, Negative):
        node = node.part
    return node


def rewritten(node: Formula, change: Callable[[Node], Node | None]) -> Formula:
    """Return the formula with every node for which `change` gives another one replaced, from the outside in."""
    new: Any = change(node)
    if new is not None:
        return new
    changes = {field.name: _mapped(getattr(node, field.name), change) for field in fields(node)}  # type: ignore[arg-type]
    return replace(node, **changes)  # type: ignore[type-var]


def _mapped(value: Any, change: Callable[[Node], Node | None]) -> Any:
    if isinstance(value, Node):
        return rewritten(value, change)
    return tuple(_mapped(entry, change) for entry in value) if isinstance(value, tuple) else value


def _children(value: Any) -> Iterator[Node]:
    for field in fields(value):
        yield from _nodes(getattr(value, field.name))


def _nodes(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for entry in value:
            yield from _nodes(entry)
