"""A document as Markdown, with formulas in the blocks that GitHub sets as mathematics."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chainrule.derivation.document import blocks
from chainrule.derivation.document.latex import aligned
from chainrule.formula import latex
from chainrule.formula import tree as t


def as_markdown(document: blocks.Document) -> str:
    """Write a document as one page."""
    title = [f"# {plain(document.title)}"] if document.title else []
    return "\n\n".join((*title, *(part for block in document.blocks for part in _parts(block)))) + "\n"


def plain(words: str) -> str:
    """Words with the signs that Markdown would take for its own marked as plain.

    Examples
    --------
    >>> plain("dA * g'(Z), x_1")
    "dA \\\\* g'(Z), x\\\\_1"
    """
    return re.sub(r"([\\`*_<])", r"\\\1", words)


def _parts(block: blocks.Block) -> Iterator[str]:
    match block:
        case blocks.Part():
            yield f"## {plain(block.title)}"
            for inner in block.blocks:
                yield from _parts(inner)
        case blocks.Group():
            yield from _group(block)
        case blocks.Prose(words, style, lead):
            styled = {"note": f"> {plain(words)}", "strong": f"**{plain(words)}**"}
            yield styled.get(style, (f"**{plain(lead)}** " if lead else "") + plain(words))
        case blocks.Facts(pairs):
            yield "\n".join(f"* {plain(name)}: {plain(fact)}" for name, fact in pairs)
        case blocks.Fields(fields):
            yield "  ".join(f"{name} {plain('_' * 12)} {after}".rstrip() for name, after in fields)
        case blocks.Formula(formula, label):
            yield (f"{plain(label)}:\n\n" if label else "") + _maths(latex(formula))
        case blocks.Shapes(formula):
            yield _maths(latex(formula))
        case blocks.Chain():
            yield _maths(aligned(block, "aligned"))
        case blocks.Numbers(values):
            yield from (_maths(latex(value.equation()[0])) for value in values)
        case blocks.Cells():
            yield _maths(latex(t.Equation(block.name, block.matrix)))
        case blocks.Examples():
            yield _table(block.table())
        case blocks.Table():
            yield _table(block)


def _maths(formula: str) -> str:
    return f"```math\n{formula}\n```"


def _group(group: blocks.Group) -> Iterator[str]:
    """The head, and what stands under it; the aside of the head ends the first paragraph."""
    if group.head:
        yield f"### {' '.join(plain(word) if isinstance(word, str) else f'${latex(word)}$' for word in group.head)}"
    aside = f" *({plain(group.aside)})*" if group.aside else ""
    for block in group.blocks:
        ending = aside if isinstance(block, blocks.Prose) else ""
        yield from (part + ending for part in _parts(block))
        aside = "" if ending else aside


def _table(table: blocks.Table) -> str:
    cells = ([plain(cell).replace("|", r"\|") for cell in row] for row in (table.head, *table.rows))
    first, *others = (f"| {' | '.join(row)} |" for row in cells)
    rule = " | ".join("--:" if numeric else "---" for numeric in table.numeric)
    return "\n".join((first, f"| {rule} |", *others))
