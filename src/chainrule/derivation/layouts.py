"""Formulas of the equation table in other forms: with numbers for layers, with shapes, with one example per row."""

from __future__ import annotations

from collections.abc import Mapping

from chainrule.formula import tree as t

Shape = tuple[int, int]
_NO_MORE: Mapping[t.Node, Shape] = {}


def at_layer(formula: t.Formula, l: int, L: int) -> t.Formula:
    """Return the formula with numbers for its layers.

    Examples
    --------
    >>> from chainrule.derivation.equations import EQUATIONS
    >>> from chainrule.formula import text
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


def with_shapes(
    formula: t.Formula, widths: tuple[int, ...], m: int, *, rows: bool = False, more: Mapping[t.Node, Shape] = _NO_MORE
) -> t.Formula:
    """Return a numbered formula with its shape under every matrix; with `rows` those of one example per row.

    `more` has the shapes that widths and m do not decide: of X, and of the embeddings.

    Examples
    --------
    >>> from chainrule.derivation.equations import EQUATIONS
    >>> from chainrule.formula import text
    >>> text(with_shapes(at_layer(EQUATIONS["previous_activation"].formula, 2, 2), (2, 3, 1), 4))
    'dA[1]{3×4} = W[2]ᵀ{3×1} dZ[2]{1×4}'
    """

    def shape_of(node: t.Node) -> Shape | None:
        if isinstance(node, t.Transpose):
            return _turned(shape_of(node.part))
        if isinstance(node, t.Selection):
            return _of_vectors(node, node.rows if rows else node.columns, m, more)
        return more.get(node, _of_letter(node, widths, m)) if isinstance(node, t.Symbol) else None

    def labelled(node: t.Node) -> t.Node | None:
        shape = shape_of(node)
        if shape is None:
            return node if isinstance(node, t.Selection) else None  # whose matrix is not shown as a whole
        height, width = shape[::-1] if rows else shape
        return t.Labelled(node, f"{height}×{width}")

    return t.rewritten(formula, labelled)


def _turned(shape: Shape | None) -> Shape | None:
    return None if shape is None else shape[::-1]


def _of_letter(symbol: t.Symbol, widths: tuple[int, ...], m: int) -> Shape | None:
    """The shape of a letter of a numbered layer; None for an entry, a number, and what belongs to no layer."""
    letter = "" if symbol.indices else symbol.name.removeprefix("d")
    if letter == "w":
        return 1, m
    if letter not in ("Z", "A", "Y", "Ỹ", "T", "M", "W", "b"):
        return None
    n = widths[int(symbol.layer)] if symbol.layer else widths[-1]
    if letter == "W":
        return n, widths[int(symbol.layer) - 1]
    return n, 1 if letter == "b" else m


def _of_vectors(node: t.Selection, chosen: t.Node, m: int, more: Mapping[t.Node, Shape]) -> Shape | None:
    """The shape of vectors of an embedding, chosen by codes or of one level; None where the level decides how many."""
    if node.matrix not in more or isinstance(chosen, t.Relation):
        return None
    return more[node.matrix][0], m if isinstance(chosen, t.Symbol) and chosen.name == "C" else 1


def by_rows(formula: t.Formula) -> t.Formula:
    """Return the formula in the layout of one example per row (X W + b), where every matrix stands transposed.

    (A B)ᵀ = Bᵀ Aᵀ: the factors of each product change places, and so do rows and columns that are selected.

    Examples
    --------
    >>> from chainrule.derivation.equations import EQUATIONS
    >>> from chainrule.formula import text
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
