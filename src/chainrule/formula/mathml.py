"""Formulas as MathML Core for the browser: no script, each number an element of its own."""

from __future__ import annotations

from functools import singledispatch
from html import escape

from chainrule.formula import tree as t

MINUS = "\N{MINUS SIGN}"
_GAP = '<mspace width="0.25em"></mspace>'  # keeps neighbours apart
_LOW = ' stretchy="false"'  # a bracket that does not grow, and has no space beside it
_ACCENTED = {"ŷ": ("y", "^"), "Ŷ": ("Y", "^"), "ỹ": ("y", "~"), "Ỹ": ("Y", "~")}
_INVISIBLE_TIMES, _APPLY = "\N{INVISIBLE TIMES}", "\N{FUNCTION APPLICATION}"


def math(node: t.Node, *, display: bool = True) -> str:
    """Write a formula as one <math> element, on a line of its own or inside one.

    Examples
    --------
    >>> from chainrule.formula.tree import Symbol
    >>> math(Symbol("A", "l"), display=False)
    '<math><msup><mi>A</mi><mrow><mo stretchy="false">[</mo><mi>l</mi><mo stretchy="false">]</mo></mrow></msup></math>'
    """
    attributes = ' display="block"' if display else ""
    return f"<math{attributes}>{mathml(node)}</math>"


@singledispatch
def mathml(node: t.Node) -> str:
    """Write a formula as MathML, without the <math> around it."""
    raise TypeError(f"{type(node).__name__} cannot be written as MathML.")


def row(*parts: str) -> str:
    """Put parts beside each other."""
    return f"<mrow>{''.join(parts)}</mrow>"


def operator(sign: str, attributes: str = "") -> str:
    """An operator or a bracket."""
    return f"<mo{attributes}>{escape(sign)}</mo>"


def bracketed(node: t.Node, least: int) -> str:
    """Write a part in brackets unless it holds together at least so tightly."""
    if t.precedence(node) >= least:
        return mathml(node)
    return in_brackets(node)


def in_brackets(node: t.Node) -> str:
    """A part in round brackets, which grow around what is taller than a line."""
    attributes = "" if t.is_tall(node) else _LOW
    return row(operator("(", attributes), mathml(node), operator(")", attributes))


def name_of(name: str) -> str:
    """A letter in italics; words upright; a hat or a tilde over its letter, a number behind it."""
    base, digits = t.base_and_number(name)
    if digits:
        return f"<msub>{name_of(base)}<mn>{digits}</mn></msub>"
    if name in _ACCENTED:
        plain, accent = _ACCENTED[name]
        return f'<mover accent="true"><mi>{plain}</mi><mo>{accent}</mo></mover>'
    if len(name) == 2 and name[0] == "d":
        return f"<mrow><mi>d</mi><mi>{escape(name[1])}</mi></mrow>"
    return f"<mi>{escape(name)}</mi>"


def expression(words: str) -> str:
    """A layer or an index, such as l-1: letters, digits and signs."""
    return "".join(f"<mn>{c}</mn>" if c.isdigit() else f"<mi>{c}</mi>" if c.isalpha() else _sign(c) for c in words)


def _sign(sign: str) -> str:
    return operator(MINUS if sign == "-" else sign)


def _layer(layer: str, prime: bool = False) -> str:
    brackets = operator("[", _LOW) + expression(layer) + operator("]", _LOW) if layer else ""
    return row(brackets, operator("′") if prime else "")


@mathml.register
def _(node: t.Symbol) -> str:
    letter, index = name_of(node.name), row(*map(expression, node.indices))
    if node.layer and node.indices:
        return f"<msubsup>{letter}{index}{_layer(node.layer)}</msubsup>"
    if node.layer:
        return f"<msup>{letter}{_layer(node.layer)}</msup>"
    return f"<msub>{letter}{index}</msub>" if node.indices else letter


@mathml.register
def _(node: t.Number) -> str:
    return number(node.digits or f"{node.value:g}")


def number(digits: str) -> str:
    """Digits, with a true minus and a power of ten for an exponent."""
    digits = digits.replace(MINUS, "-")
    mantissa, _, exponent = digits.removeprefix("-").partition("e")
    written = f"<mn>{escape(mantissa)}</mn>"
    if exponent:
        power = f"<msup><mn>10</mn>{number(str(int(exponent)))}</msup>"
        written = row(written, operator("·"), power)
    return row(operator(MINUS, ' form="prefix"'), written) if digits.startswith("-") else written


@mathml.register
def _(node: t.Text) -> str:
    return f"<mtext>{escape(node.words)}</mtext>"


@mathml.register
def _(node: t.Sum) -> str:
    first, *others = node.terms
    written = [mathml(first) if isinstance(first, t.Negative) else bracketed(first, 1)]
    for term in others:
        part = term.part if isinstance(term, t.Negative) else term
        written += [operator(MINUS if isinstance(term, t.Negative) else "+"), bracketed(part, 2)]
    return row(*written)


@mathml.register
def _(node: t.Negative) -> str:
    return row(operator(MINUS, ' form="prefix"'), bracketed(node.part, 2))


@mathml.register
def _(node: t.Product) -> str:
    written = map(bracketed, node.factors, t.least_of_factors(node))
    if node.kind == "elementwise":
        return row(operator("∗").join(written))
    first, *others = written
    return row(first, *(_times(factor) + part for factor, part in zip(node.factors[1:], others, strict=True)))


def _times(factor: t.Node) -> str:
    """What stands before a factor: nothing to be seen, and room before the name of a function."""
    return operator(_INVISIBLE_TIMES) + (_GAP if isinstance(factor, t.Apply) else "")


@mathml.register
def _(node: t.Fraction) -> str:
    return f"<mfrac>{row(mathml(node.over))}{row(mathml(node.under))}</mfrac>"


@mathml.register
def _(node: t.Power) -> str:
    return f"<msup>{row(bracketed(node.base, 4))}{row(mathml(node.exponent))}</msup>"


@mathml.register
def _(node: t.Selection) -> str:
    inside = mathml(node.rows) + operator(",") + mathml(node.columns)
    return row(bracketed(node.matrix, 4), operator("[", _LOW), inside, operator("]", _LOW))


@mathml.register
def _(node: t.Stacked) -> str:
    cells = [f"<mtd>{mathml(block)}</mtd>" for block in node.blocks]
    rows = "".join(cells) if node.beside else "</mtr><mtr>".join(cells)
    return row(operator("["), f"<mtable><mtr>{rows}</mtr></mtable>", operator("]"))


@mathml.register
def _(node: t.Transpose) -> str:
    return f'<msup>{row(bracketed(node.part, 4))}<mi mathvariant="normal">T</mi></msup>'


@mathml.register
def _(node: t.Apply) -> str:
    name = name_of(node.function)
    if node.layer or node.prime:
        name = f"<msup>{name}{_layer(node.layer, node.prime)}</msup>"
    return row(name, operator(_APPLY), in_brackets(node.argument))


@mathml.register
def _(node: t.Absolute) -> str:
    return row(operator("|", ' form="prefix"'), mathml(node.part), operator("|", ' form="postfix"'))


@mathml.register
def _(node: t.Total) -> str:
    start = row(expression(node.index), operator("=") + "<mn>1</mn>" if node.last else "")
    if node.last:
        sign = f"<munderover>{operator('∑')}{start}{row(expression(node.last))}</munderover>"
    else:
        sign = f"<munder>{operator('∑')}{start}</munder>"
    return row(sign, bracketed(node.body, 2))


@mathml.register
def _(node: t.Derivative) -> str:
    over, under = (row(operator("∂"), bracketed(part, 4)) for part in (node.of, node.by))
    return f"<mfrac>{over}{under}</mfrac>"


@mathml.register
def _(node: t.Cases) -> str:
    rows = "".join(
        f"<mtr><mtd>{mathml(value)}</mtd><mtd>{_condition(condition)}</mtd></mtr>" for value, condition in node.pairs
    )
    return row(operator("{", ' form="prefix"'), f'<mtable class="cases">{rows}</mtable>')


def _condition(condition: t.Node | None) -> str:
    return f"<mtext>if&#160;</mtext>{mathml(condition)}" if condition else "<mtext>otherwise</mtext>"


@mathml.register
def _(node: t.Relation) -> str:
    return row(mathml(node.left), operator(node.sign), mathml(node.right))


@mathml.register
def _(node: t.Matrix) -> str:
    return row(operator("["), f"<mtable>{''.join(map(_matrix_row, node.rows))}</mtable>", operator("]"))


def _matrix_row(cells: tuple[str | None, ...]) -> str:
    dots = "⋯" if any(cells) else "⋮"
    written = (operator(dots) if cell is None else number(cell) for cell in cells)
    return f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in written)}</mtr>"


@mathml.register
def _(node: t.Labelled) -> str:
    label = row(_GAP, f'<mtext class="shape">{escape(node.label)}</mtext>', _GAP)
    return f"<munder>{row(mathml(node.part))}{label}</munder>"
