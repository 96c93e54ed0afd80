"""Formulas as plain text for the terminal: Unicode letters, layers in brackets, the element-wise product as *."""

from __future__ import annotations

import re

from chainrule.formula import tree as t
from chainrule.formula.writer import Writer

_SUBSCRIPTS = str.maketrans("0123456789ijklmn", "₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₗₘₙ")
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_JOINS = {"matrix": " ", "scalar": " ", "elementwise": " * "}


def text(node: t.Node) -> str:
    """Write a formula as one line of text.

    Examples
    --------
    >>> from chainrule.formula.tree import Equation, Symbol
    >>> text(Equation(Symbol("Z", "l"), Symbol("W", "l") @ Symbol("A", "l-1") + Symbol("b", "l")))
    'Z[l] = W[l] A[l-1] + b[l]'
    """
    return _Text().write(node)


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


class _Text(Writer):
    def symbol(self, node: t.Symbol) -> str:
        layer = f"[{node.layer}]" if node.layer else ""
        indices = "".join(node.indices)
        small = indices.translate(_SUBSCRIPTS)
        if indices and not any(letter in indices for letter in "0123456789ijklmn"):
            small = f"_{indices}"
        return node.name + layer + small

    def number(self, node: t.Number) -> str:
        return (node.digits or f"{node.value:g}").replace("-", "\N{MINUS SIGN}")

    def text(self, node: t.Text) -> str:
        return node.words

    def product(self, node: t.Product) -> str:
        least = t.least_of_factors(node)
        for i, factor in enumerate(node.factors):
            if isinstance(factor, t.Fraction) and node.kind != "elementwise":  # 1/m x would read as 1/(m x)
                least[i] = 4
        return _JOINS[node.kind].join(map(self.bracketed, node.factors, least))

    def fraction(self, node: t.Fraction) -> str:
        return f"{self.bracketed(node.over, 3)}/{self.bracketed(node.under, 4)}"

    def power(self, node: t.Power) -> str:
        exponent = self.write(node.exponent)
        if exponent.replace("\N{MINUS SIGN}", "-").lstrip("-").isdigit():
            return self.bracketed(node.base, 4) + exponent.replace("\N{MINUS SIGN}", "-").translate(_SUPERSCRIPTS)
        return f"{self.bracketed(node.base, 4)}^{self.bracketed(node.exponent, 4)}"

    def selection(self, node: t.Selection) -> str:
        return f"{self.bracketed(node.matrix, 4)}[{self.write(node.rows)},{self.write(node.columns)}]"

    def stacked(self, node: t.Stacked) -> str:
        return f"({(' beside ' if node.beside else ' over ').join(map(self.write, node.blocks))})"

    def transpose(self, node: t.Transpose) -> str:
        return self.bracketed(node.part, 4) + "ᵀ"

    def apply(self, node: t.Apply) -> str:
        layer = f"[{node.layer}]" if node.layer else ""
        prime = "\N{PRIME}" if node.prime else ""
        return node.function + layer + prime + self.in_brackets(node.argument, *node.more)

    def absolute(self, node: t.Absolute) -> str:
        return f"|{self.write(node.part)}|"

    def total(self, node: t.Total) -> str:
        return f"Σ{node.index.translate(_SUBSCRIPTS)} {self.bracketed(node.body, 2)}"

    def derivative(self, node: t.Derivative) -> str:
        return f"∂{self.bracketed(node.of, 4)}/∂{self.bracketed(node.by, 4)}"

    def cases(self, node: t.Cases) -> str:
        written = [
            f"{self.write(value)} if {self.write(condition)}" if condition else f"{self.write(value)} otherwise"
            for value, condition in node.pairs
        ]
        return "{" + "; ".join(written) + "}"

    def matrix(self, node: t.Matrix) -> str:
        cells = [["…" if cell is None else cell for cell in row] for row in node.rows]
        return "[" + "; ".join(" ".join(row) for row in cells) + "]"

    def labelled(self, node: t.Labelled) -> str:
        return f"{self.write(node.part)}{{{node.label}}}"
