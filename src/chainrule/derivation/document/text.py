"""A document as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from chainrule.derivation.document import blocks
from chainrule.derivation.document.matrix_window import widths_of
from chainrule.formula import text
from chainrule.formula import tree as t
from chainrule.formula.text import stacked

WIDTH, NO_WRAP = 100, 1_000_000
_INDENT = "  "
Line = tuple[str, str]  # its text, and its style: title, part, step, formula, shape, mean, faint, numbers or plain
_BLANK = ("", "plain")


def as_text(document: blocks.Document, width: int = WIDTH) -> str:
    """Write a document as plain text."""
    return "".join(f"{line}\n" for line, _ in styled_lines(document, width))


def styled_lines(document: blocks.Document, width: int = WIDTH) -> Iterator[Line]:
    """The lines of a document in a width, each with the name of its style."""
    if document.title:
        yield document.title, "title"
    for i, block in enumerate(document.blocks):
        if i or document.title:
            yield _BLANK
        yield from _lines(block, max(width, 40))


def _lines(block: blocks.Block, width: int) -> Iterator[Line]:
    match block:
        case blocks.Part():
            yield f"── {block.title} ".ljust(width, "─"), "part"
            for inner in block.blocks:
                yield _BLANK
                yield from _lines(inner, width)
        case blocks.Group():
            yield from _group(block, width)
        case blocks.Prose():
            lead = "Note:" if block.style == "note" else block.lead
            style = block.style if block.style in ("faint", "mean") else "plain"
            yield from _wrapped(f"{lead} {block.words}".strip(), style, width)
        case blocks.Facts():
            longest = max(len(name) for name, _ in block.pairs)
            for name, fact in block.pairs:
                yield from _wrapped(f"{name.ljust(longest)}  {fact}", "plain", width, _INDENT, _INDENT)
        case blocks.Fields():
            yield "  ".join(f"{name} {'_' * 12} {after}".rstrip() for name, after in block.fields), "plain"
        case blocks.Formula():
            yield from _formula(block)
        case blocks.Shapes():
            yield from _wrapped(f"shapes: {text(block.formula)}", "shape", width, _INDENT, " " * 10)
        case blocks.Chain():
            for left, formula in block.lines:
                before = _INDENT + (text(left) if left else " " * len(text(formula.left)))
                line = f"{formula.sign} {text(formula.right)}"
                yield from _wrapped(line, "formula", width, f"{before} ", " " * (len(before) + 4))
        case blocks.Numbers():
            yield from ((line, "numbers") for value in block.values for line in _value(value, width))
        case blocks.Cells():
            yield from _formula(blocks.Formula(t.Equation(block.name, block.matrix)))
        case blocks.Examples():
            yield from _table(block.table(width))
        case blocks.Table():
            yield from _table(block)


def _wrapped(words: str, style: str, width: int, first: str = "", later: str = "") -> Iterator[Line]:
    for line in wrap(words, width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False):
        yield line, style


def _group(group: blocks.Group, width: int) -> Iterator[Line]:
    if group.head:
        head = "  ".join(word if isinstance(word, str) else text(word) for word in group.head)
        yield f"{head}{group.aside.rjust(width - len(head)) if group.aside else ''}", "step"
    indent = _INDENT if group.kind else ""
    for block in group.blocks:
        yield from ((indent + line, style) for line, style in _lines(block, width - len(indent)))


def _formula(block: blocks.Formula) -> Iterator[Line]:
    formula = block.formula
    if isinstance(formula.right, t.Matrix):  # a small one, without brackets
        before = f"{_INDENT}{text(formula.left)} = "
        dotted = t.Matrix(tuple(tuple(cell or "…" for cell in row) for row in formula.right.rows))
        for i, row in enumerate(_aligned(dotted)):
            yield (" " * len(before) if i else before) + row, "numbers"
        return
    before = f"{block.label}: " if block.label else ""
    upper, lower = stacked(formula)
    yield before + upper, "formula"
    if lower:
        yield " " * len(before) + lower, "shape"


def _value(value: blocks.Value, width: int) -> Iterator[str]:
    name = f"{_INDENT}{text(value.name)} {value.sign} "
    equation, cut = value.equation(width - len(name) - 4)
    if not isinstance(equation.right, t.Matrix):
        yield name + text(equation.right)
        return
    rows = list(_aligned(equation.right))
    last = len(rows) - 1
    brackets = [("⎡", "⎤"), *[("⎢", "⎥")] * (last - 1), ("⎣", "⎦")] if last else [("[", "]")]
    for i, (row, (left, right)) in enumerate(zip(rows, brackets, strict=True)):
        yield f"{name if i == last // 2 else ' ' * len(name)}{left} {row} {right}"
    if cut:
        yield f"{' ' * len(name)}a window of {cut}"


def _aligned(matrix: t.Matrix) -> Iterator[str]:
    widths = widths_of(matrix)
    for row in matrix.rows:
        yield "  ".join(cell.rjust(width) for cell, width in zip(blocks.with_dots(row), widths, strict=True))


def _table(table: blocks.Table) -> Iterator[Line]:
    lines = (table.head, *table.rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for i, line in enumerate(lines):
        columns = zip(line, widths, table.numeric, strict=True)
        cells = (cell.rjust(width) if numeric else cell.ljust(width) for cell, width, numeric in columns)
        yield "  ".join(cells).rstrip(), "numbers" if i else "shape"
