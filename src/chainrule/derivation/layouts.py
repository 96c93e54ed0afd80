"""Formulas of the equation table in other forms: with numbers for layers, with shapes, with one example per row."""

from __future__ import annotations

from chainrule.derivation.formula import tree as t


def at_layer(formula: t.Formula, l: int, L: int) -> t.Formula:
    """Return the formula with numbers for its layers.

    Examples
    --------
    >>> from chainrule.derivation.equations import EQUATIONS
    >>> from chainrule.derivation.formula import text
    >>> text(at_layer(EQUATIONS["previous_activation"].formula, 2, 3))
    'dA[1] = W[2]ᵀ dZ[2]'
    """
    layers = {"l": str(l), "l-1": str(l - 1), "L": str(L)}

    def numbered(node: t.Node) -> t.Node | None:
        if isinstance(node, t.Total) and node.index == "l":
            return node  # its l runs over all layers
        if isinstance(node, t.Symbol) and node.layer in layers:
            return t.Symbol(node.name, layers[node.layer], node.indices)
        if isinstance(node, t.Apply) and node.layer in layers:
            argument = at_layer(node.argument, l, L)
            return t.Apply(node.function, argument, layers[node.layer], node.prime)
        return None

    return t.rewritten(formula, numbered)


def shape_of(symbol: t.Symbol, widths: tuple[int, ...], m: int) -> tuple[int, int] | None:
    """The shape of a letter of a numbered layer; None for a number, and for what belongs to no layer."""
    letter = symbol.name.removeprefix("d")
    if letter not in ("Z", "A", "Y", "W", "b"):
        return None
    n = widths[int(symbol.layer)] if symbol.layer else widths[-1]
    if letter in ("Z", "A", "Y"):
        return n, m
    if letter == "W":
        return n, widths[int(symbol.layer) - 1]
    return n, 1


def with_shapes(formula: t.Formula, widths: tuple[int, ...], m: int, *, rows: bool = False) -> t.Formula:
    """Return a numbered formula with its shape under every matrix; with `rows` those of one example per row.

    Examples
    --------
    >>> from chainrule.derivation.equations import EQUATIONS
    >>> from chainrule.derivation.formula import text
    >>> text(with_shapes(at_layer(EQUATIONS["previous_activation"].formula, 2, 2), (2, 3, 1), 4))
    'dA[1]{3×4} = W[2]ᵀ{3×1} dZ[2]{1×4}'
    """

    def labelled(node: t.Node) -> t.Node | None:
        if isinstance(node, t.Selection):
            return node  # has no shape of its matrix
        symbol = node.part if isinstance(node, t.Transpose) else node
        shape = shape_of(symbol, widths, m) if isinstance(symbol, t.Symbol) else None
        if shape is None:
            return None
        turned = isinstance(node, t.Transpose) != rows
        height, width = shape[::-1] if turned else shape
        return t.Labelled(node, f"{height}×{width}")

    return t.rewritten(formula, labelled)


def by_rows(formula: t.Formula) -> t.Formula:
    """Return the formula in the layout of one example per row (X W + b), where every matrix stands transposed.

    (A B)ᵀ = Bᵀ Aᵀ: the factors of each product change places, and so do rows and columns that are selected.

    Examples
    --------
    >>> from chainrule.derivation.equations import EQUATIONS
    >>> from chainrule.derivation.formula import text
    >>> text(by_rows(EQUATIONS["linear"].formula))
    'Z[l] = A[l-1] W[l] + b[l]'
    """

    def turned(node: t.Node) -> t.Node | None:
        if isinstance(node, t.Product) and node.kind == "matrix":
            return t.Product(tuple(by_rows(factor) for factor in reversed(node.factors)), "matrix")
        if isinstance(node, t.Selection):
            return t.Selection(node.matrix, node.columns, node.rows)
        if isinstance(node, t.Stacked):
            return t.Stacked(tuple(by_rows(block) for block in node.blocks), beside=True)
        return None

    return t.rewritten(formula, turned)
