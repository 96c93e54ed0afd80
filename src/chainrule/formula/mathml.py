"""Formulas as MathML Core for the browser: no script, each number an element of its own."""

from __future__ import annotations

from html import escape

from chainrule.formula import tree as t
from chainrule.formula.writer import Writer

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


def mathml(node: t.Node) -> str:
    """Write a formula as MathML, without the <math> around it."""
    return _MathML().write(node)


def row(*parts: str) -> str:
    """Put parts beside each other."""
    return f"<mrow>{''.join(parts)}</mrow>"


def operator(sign: str, attributes: str = "") -> str:
    """An operator or a bracket."""
    return f"<mo{attributes}>{escape(sign)}</mo>"


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
    sign = _MathML().sign
    return "".join(f"<mn>{c}</mn>" if c.isdigit() else f"<mi>{c}</mi>" if c.isalpha() else sign(c) for c in words)


def _layer(layer: str, prime: bool = False) -> str:
    brackets = operator("[", _LOW) + expression(layer) + operator("]", _LOW) if layer else ""
    return row(brackets, operator("′") if prime else "")


class _MathML(Writer):
    def row(self, *parts: str) -> str:
        return row(*parts)

    def sign(self, sign: str) -> str:
        return operator(MINUS if sign == "-" else sign)

    def prefix(self, sign: str) -> str:
        return operator(MINUS if sign == "-" else sign, ' form="prefix"')

    def in_brackets(self, *nodes: t.Node) -> str:
        attributes = "" if any(map(t.is_tall, nodes)) else _LOW
        inside = operator(",").join(map(self.write, nodes))
        return row(operator("(", attributes), inside, operator(")", attributes))

    def symbol(self, node: t.Symbol) -> str:
        letter, index = name_of(node.name), row(*map(expression, node.indices))
        if node.layer and node.indices:
            return f"<msubsup>{letter}{index}{_layer(node.layer)}</msubsup>"
        if node.layer:
            return f"<msup>{letter}{_layer(node.layer)}</msup>"
        return f"<msub>{letter}{index}</msub>" if node.indices else letter

    def number(self, node: t.Number) -> str:
        return number(node.digits or f"{node.value:g}")

    def text(self, node: t.Text) -> str:
        return f"<mtext>{escape(node.words)}</mtext>"

    def product(self, node: t.Product) -> str:
        written = map(self.bracketed, node.factors, t.least_of_factors(node))
        if node.kind == "elementwise":
            return row(operator("∗").join(written))
        first, *others = written
        return row(first, *(_times(factor) + part for factor, part in zip(node.factors[1:], others, strict=True)))

    def fraction(self, node: t.Fraction) -> str:
        return f"<mfrac>{row(self.write(node.over))}{row(self.write(node.under))}</mfrac>"

    def power(self, node: t.Power) -> str:
        return f"<msup>{row(self.bracketed(node.base, 4))}{row(self.write(node.exponent))}</msup>"

    def selection(self, node: t.Selection) -> str:
        inside = self.write(node.rows) + operator(",") + self.write(node.columns)
        return row(self.bracketed(node.matrix, 4), operator("[", _LOW), inside, operator("]", _LOW))

    def stacked(self, node: t.Stacked) -> str:
        cells = [f"<mtd>{self.write(block)}</mtd>" for block in node.blocks]
        rows = "".join(cells) if node.beside else "</mtr><mtr>".join(cells)
        return row(operator("["), f"<mtable><mtr>{rows}</mtr></mtable>", operator("]"))

    def transpose(self, node: t.Transpose) -> str:
        return f'<msup>{row(self.bracketed(node.part, 4))}<mi mathvariant="normal">T</mi></msup>'

    def apply(self, node: t.Apply) -> str:
        name = name_of(node.function)
        if node.layer or node.prime:
            name = f"<msup>{name}{_layer(node.layer, node.prime)}</msup>"
        return row(name, operator(_APPLY), self.in_brackets(node.argument, *node.more))

    def absolute(self, node: t.Absolute) -> str:
        return row(operator("|", ' form="prefix"'), self.write(node.part), operator("|", ' form="postfix"'))

    def total(self, node: t.Total) -> str:
        start = row(expression(node.index), operator("=") + "<mn>1</mn>" if node.last else "")
        if node.last:
            sign = f"<munderover>{operator('∑')}{start}{row(expression(node.last))}</munderover>"
        else:
            sign = f"<munder>{operator('∑')}{start}</munder>"
        return row(sign, self.bracketed(node.body, 2))

    def derivative(self, node: t.Derivative) -> str:
        over, under = (row(operator("∂"), self.bracketed(part, 4)) for part in (node.of, node.by))
        return f"<mfrac>{over}{under}</mfrac>"

    def cases(self, node: t.Cases) -> str:
        rows = "".join(
            f"<mtr><mtd>{self.write(value)}</mtd><mtd>{_condition(condition)}</mtd></mtr>"
            for value, condition in node.pairs
        )
        return row(operator("{", ' form="prefix"'), f'<mtable class="cases">{rows}</mtable>')

    def matrix(self, node: t.Matrix) -> str:
        return row(operator("["), f"<mtable>{''.join(map(_matrix_row, node.rows))}</mtable>", operator("]"))

    def labelled(self, node: t.Labelled) -> str:
        label = row(_GAP, f'<mtext class="shape">{escape(node.label)}</mtext>', _GAP)
        return f"<munder>{row(self.write(node.part))}{label}</munder>"


def number(digits: str) -> str:
    """Digits, with a true minus and a power of ten for an exponent."""
    digits = digits.replace(MINUS, "-")
    mantissa, _, exponent = digits.removeprefix("-").partition("e")
    written = f"<mn>{escape(mantissa)}</mn>"
    if exponent:
        power = f"<msup><mn>10</mn>{number(str(int(exponent)))}</msup>"
        written = row(written, operator("·"), power)
    return row(operator(MINUS, ' form="prefix"'), written) if digits.startswith("-") else written


def _times(factor: t.Node) -> str:
    """What stands before a factor: nothing to be seen, and room before the name of a function."""
    return operator(_INVISIBLE_TIMES) + (_GAP if isinstance(factor, t.Apply) else "")


def _condition(condition: t.Node | None) -> str:
    return f"<mtext>if&#160;</mtext>{mathml(condition)}" if condition else "<mtext>otherwise</mtext>"


def _matrix_row(cells: tuple[str | None, ...]) -> str:
    dots = "⋯" if any(cells) else "⋮"
    written = (operator(dots) if cell is None else number(cell) for cell in cells)
    return f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in written)}</mtr>"
