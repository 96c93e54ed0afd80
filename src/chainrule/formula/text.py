"""Formulas as plain text for the terminal: Unicode letters, layers in brackets, the element-wise product as *."""

from __future__ import annotations

import re
from functools import singledispatch

from chainrule.formula import tree as t

_SUBSCRIPTS = str.maketrans("0123456789ijklmn", "₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₗₘₙ")
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_JOINS = {"matrix": " ", "scalar": " ", "elementwise": " * "}


@singledispatch
def text(node: t.Node) -> str:
    """Write a formula as one line of text.

    Examples
    --------
    >>> from chainrule.formula.tree import Equation, Symbol
    >>> text(Equation(Symbol("Z", "l"), Symbol("W", "l") @ Symbol("A", "l-1") + Symbol("b", "l")))
    'Z[l] = W[l] A[l-1] + b[l]'
    """
    raise TypeError(f"{type(node).__name__} cannot be written as text.")


_SHAPED = re.compile(r"([^\s(){}|]+)\{(\d+×\d+)\}")


def stacked(node: t.Node) -> tuple[str, str]:
    """Write a formula with shapes in two lines: each shape under what it is the shape of.

    Examples
    --------
    >>> from chainrule.formula.tree import Labelled, Symbol
    >>> print(*stacked(Labelled(Symbol("W"), "3×4") @ Labelled(Symbol("A"), "4×5")), sep="\\n")
    W   A
    3×4 4×5
    """
    line, end, upper, lower = text(node), 0, "", ""
    for match in _SHAPED.finditer(line):
        between = line[end : match.start()]
        upper, lower = upper + between, lower.ljust(len(upper + between))
        width = max(len(match[1]), len(match[2])) if match.end() < len(line) else 0
        upper, lower, end = upper + match[1].ljust(width), lower + match[2].ljust(width), match.end()
    return (upper + line[end:]).rstrip(), lower.rstrip()


def bracketed(node: t.Node, least: int) -> str:
    """Write a part in brackets unless it holds together at least so tightly."""
    return text(node) if t.precedence(node) >= least else f"({text(node)})"


@text.register
def _(node: t.Symbol) -> str:
    layer = f"[{node.layer}]" if node.layer else ""
    indices = "".join(node.indices)
    small = indices.translate(_SUBSCRIPTS)
    if indices and not any(letter in indices for letter in "0123456789ijklmn"):
        small = f"_{indices}"
    return node.name + layer + small


@text.register
def _(node: t.Number) -> str:
    return (node.digits or f"{node.value:g}").replace("-", "\N{MINUS SIGN}")


@text.register
def _(node: t.Text) -> str:
    return node.words


@text.register
def _(node: t.Sum) -> str:
    first, *others = node.terms
    line = text(first) if isinstance(first, t.Negative) else bracketed(first, 1)
    for term in others:
        negative = isinstance(term, t.Negative)
        part = term.part if isinstance(term, t.Negative) else term
        line += f" {'-' if negative else '+'} {bracketed(part, 2)}"
    return line


@text.register
def _(node: t.Negative) -> str:
    return "-" + bracketed(node.part, 2)


@text.register
def _(node: t.Product) -> str:
    least = t.least_of_factors(node)
    for i, factor in enumerate(node.factors):
        if isinstance(factor, t.Fraction) and node.kind != "elementwise":  # 1/m x would read as 1/(m x)
            least[i] = 4
    return _JOINS[node.kind].join(map(bracketed, node.factors, least))


@text.register
def _(node: t.Fraction) -> str:
    return f"{bracketed(node.over, 3)}/{bracketed(node.under, 4)}"


@text.register
def _(node: t.Power) -> str:
    exponent = text(node.exponent)
    if exponent.replace("\N{MINUS SIGN}", "-").lstrip("-").isdigit():
        return bracketed(node.base, 4) + exponent.replace("\N{MINUS SIGN}", "-").translate(_SUPERSCRIPTS)
    return f"{bracketed(node.base, 4)}^{bracketed(node.exponent, 4)}"


@text.register
def _(node: t.Selection) -> str:
    return f"{bracketed(node.matrix, 4)}[{text(node.rows)},{text(node.columns)}]"


@text.register
def _(node: t.Stacked) -> str:
    return f"({(' beside ' if node.beside else ' over ').join(map(text, node.blocks))})"


@text.register
def _(node: t.Transpose) -> str:
    return bracketed(node.part, 4) + "ᵀ"


@text.register
def _(node: t.Apply) -> str:
    layer = f"[{node.layer}]" if node.layer else ""
    return f"{node.function}{layer}{chr(0x2032) if node.prime else ''}({text(node.argument)})"


@text.register
def _(node: t.Absolute) -> str:
    return f"|{text(node.part)}|"


@text.register
def _(node: t.Total) -> str:
    return f"Σ{node.index.translate(_SUBSCRIPTS)} {bracketed(node.body, 2)}"


@text.register
def _(node: t.Derivative) -> str:
    return f"∂{bracketed(node.of, 4)}/∂{bracketed(node.by, 4)}"


@text.register
def _(node: t.Cases) -> str:
    written = [
        f"{text(value)} if {text(condition)}" if condition else f"{text(value)} otherwise"
        for value, condition in node.pairs
    ]
    return "{" + "; ".join(written) + "}"


@text.register
def _(node: t.Relation) -> str:
    return f"{text(node.left)} {node.sign} {text(node.right)}"


@text.register
def _(node: t.Matrix) -> str:
    cells = [["…" if cell is None else cell for cell in row] for row in node.rows]
    return "[" + "; ".join(" ".join(row) for row in cells) + "]"


@text.register
def _(node: t.Labelled) -> str:
    return f"{text(node.part)}{{{node.label}}}"
