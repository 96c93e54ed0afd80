"""A document as HTML with MathML: a page of its own, or a fragment for a notebook."""

from __future__ import annotations

from html import escape

from chainrule.derivation.document import blocks
from chainrule.derivation.document.html_page import fragment, page
from chainrule.formula import math
from chainrule.formula import tree as t
from chainrule.formula.mathml import mathml, operator

_ROOM = "\N{EM SPACE}" * 2  # to write in


def as_page(document: blocks.Document) -> str:
    """Write a document as one HTML page that needs nothing else."""
    return page(document.title, _main(document))


def as_fragment(document: blocks.Document) -> str:
    """Write a document as a part of a notebook, which keeps its style to itself."""
    return fragment(_main(document))


def _main(document: blocks.Document) -> str:
    title = [f"<h1>{escape(document.title)}</h1>"] if document.title else []
    return "\n".join(("<main>", *title, *map(_html, document.blocks), "</main>"))


def _html(block: blocks.Block) -> str:
    match block:
        case blocks.Part(title, inside):
            return "\n".join((f"<h2>{escape(title)}</h2>", *map(_html, inside)))
        case blocks.Group():
            return _group(block)
        case blocks.Prose(words, style, lead):
            kind, before = f' class="{style}"' if style else "", f"<b>{escape(lead)}</b> " if lead else ""
            return f"<p{kind}>{before}{escape(words)}</p>"
        case blocks.Facts(pairs):
            facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in pairs)
            return f'<dl class="facts">{facts}</dl>'
        case blocks.Fields(fields):
            texts = (f"{name}: {_ROOM} {after}" if after else name for name, after in fields)
            return f'<div class="fields">{"".join(f"<span>{escape(text)}</span>" for text in texts)}</div>'
        case blocks.Formula(formula, label) if label:
            return f'<div class="labelled"><span>{escape(label)}</span>{math(formula)}</div>'
        case blocks.Formula(formula) | blocks.Shapes(formula):
            return math(formula)
        case blocks.Chain():
            return f'<math display="block"><mtable class="chain" displaystyle="true">{_chain(block)}</mtable></math>'
        case blocks.Numbers(values):
            return f'<div class="numbers">{"".join(map(_figure, values))}</div>'
        case blocks.Cells():
            return _cells(block)
        case blocks.Examples():
            return _table(block.table())
        case blocks.Table():
            return _table(block)


def _group(group: blocks.Group) -> str:
    head = " ".join(escape(word) if isinstance(word, str) else math(word, display=False) for word in group.head)
    aside = f' <span class="aside">{escape(group.aside)}</span>' if group.aside else ""
    inside = (f"<h3>{head}{aside}</h3>" if head else "") + "".join(map(_html, group.blocks))
    return f'<section class="{group.kind}">{inside}</section>' if group.kind else f'<div class="lines">{inside}</div>'


def _chain(chain: blocks.Chain) -> str:
    cells = ((mathml(left) if left else "", operator(f.sign) + mathml(f.right)) for left, f in chain.lines)
    return "".join(f"<mtr>{''.join(f'<mtd><mrow>{cell}</mrow></mtd>' for cell in row)}</mtr>" for row in cells)


def _figure(value: blocks.Value) -> str:
    equation, cut = value.equation()
    caption = f"<figcaption>a window of {cut}</figcaption>" if cut else ""
    return f"<figure>{math(equation, display=False)}{caption}</figure>"


def _cells(cells: blocks.Cells) -> str:
    if not cells.asked:
        return f'<div class="result">{math(t.Equation(cells.name, cells.matrix), display=False)}</div>'
    spans = "".join(f"<span>{entry if cells.filled else ''}</span>" for row in cells.entries for entry in row)
    columns = f'style="grid-template-columns: repeat({len(cells.entries[0])}, auto)"'
    kind, name = "result filled" if cells.filled else "result", math(cells.name, display=False)
    return f'<div class="{kind}">{name} = <div class="cells" {columns}>{spans}</div></div>'


def _table(table: blocks.Table) -> str:
    def row(tag: str, cells: tuple[str, ...]) -> str:
        kinds = (' class="number"' if numeric else "" for numeric in table.numeric)
        return f"<tr>{''.join(f'<{tag}{k}>{escape(cell)}</{tag}>' for k, cell in zip(kinds, cells, strict=True))}</tr>"

    head, body = row("th", table.head), "".join(row("td", cells) for cells in table.rows)
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'
