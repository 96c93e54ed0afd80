"""A document as LaTeX that compiles as it is."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.derivation.document import blocks
from chainrule.derivation.document.latex_document import document as article
from chainrule.derivation.document.latex_document import plain
from chainrule.derivation.document.matrix_window import widths_of
from chainrule.formula import latex
from chainrule.formula import tree as t

_WIDTH = 80  # characters of matrices across a page
_NAME = 12  # of them for a name, a sign and the brackets
_WIDE = 230  # characters of a formula's source that may not fit on a line of the page
_CELL = r"{{\fboxsep=0pt\framebox[{width:.0f}mm]{{\rule[-3.5mm]{{0pt}}{{10mm}}}}}}"
_WIDEST, _ROOM, _BETWEEN = 20, 68, 2.5  # mm: a cell to write in, all of a row, the space between two
_STYLES = {
    "strong": r"\textbf{{{words}}}\par",
    "note": r"\emph{{Note.}} {words}\par",
    "mean": r"{{\small $\triangleright$ \emph{{{words}}}\par}}",
    "faint": r"{{\small {words}\par}}",
}


def as_latex(document: blocks.Document) -> str:
    """Write a document as an article."""
    return article(document.title, "\n\n".join(map(_latex, document.blocks)))


def _latex(block: blocks.Block) -> str:
    match block:
        case blocks.Part(title, inside):  # its first block stays with the heading; before each other one a page may end
            first, *others = map(_latex, inside)
            heading = rf"\filbreak\section*{{{plain(title)}}}" + f"\n{first}"
            return "\n\n".join((heading, *(rf"\filbreak{other}" for other in others)))
        case blocks.Group():
            return _exercise(block) if block.kind == "exercise" else _group(block)
        case blocks.Prose(words, style, lead):
            before = rf"\textbf{{{plain(lead)}}} " if lead else ""
            return before + _STYLES.get(style, r"{words}\par").format(words=plain(words))
        case blocks.Facts(pairs):
            facts = (rf"{plain(name)} & {plain(fact)} \\" for name, fact in pairs)
            return "\n".join([r"\begin{tabular}{@{}lp{.75\textwidth}@{}}", *facts, r"\end{tabular}\par"])
        case blocks.Fields(fields):
            blanks = (r"\hrulefill", *(r"\rule[-1pt]{20mm}{0.4pt}" for _ in fields[1:]))
            return r"\quad ".join(f"{name} {b} {after}" for (name, after), b in zip(fields, blanks, strict=True))
        case blocks.Formula(formula, label) if label:
            return rf"{{\small {plain(label)}:}}" + "\n" + _latex(blocks.Formula(formula))
        case blocks.Formula(formula) | blocks.Shapes(formula):
            return _sized(rf"\[ {latex(formula)} \]", formula)
        case blocks.Chain(formulas):
            return _sized(aligned(block, "align*"), *formulas)
        case blocks.Numbers():
            return "\n".join(r"{\small \[ " + r" \qquad ".join(line) + r" \]}" for line in _lines_of(block))
        case blocks.Cells():
            return _cells(block)
        case blocks.Examples():
            return _table(block.table(_WIDTH))
        case blocks.Table():
            return _table(block)


def _group(group: blocks.Group) -> str:
    lines = [_latex(block) for block in group.blocks]
    if group.head:
        head = r"\quad ".join(plain(word) if isinstance(word, str) else f"${latex(word)}$" for word in group.head)
        aside = rf"\hfill{{\small {plain(group.aside)}}}" if group.aside else ""
        lines.insert(0, rf"\medskip\noindent \textbf{{{head}}}{aside}\par\nopagebreak")
    return "\n".join(lines)


def _exercise(group: blocks.Group) -> str:
    """A formula on the left, so wide that results stand below each other; its result; below them what else there is."""
    formula, result, *others = group.blocks
    assert isinstance(formula, blocks.Formula)
    left = rf"{{\small {plain(formula.label)}}}\\[2pt]$\displaystyle {latex(formula.formula)}$"
    line = rf"\leftside{{\begin{{tabular}}{{@{{}}l@{{}}}}{left}\end{{tabular}}}}{_latex(result)}\par"
    return "".join((r"{\raggedright", line, *(rf"\nopagebreak{_latex(other)}" for other in others), r"\medskip}"))


def aligned(chain: blocks.Chain, environment: str) -> str:
    """Equations under each other, their signs aligned."""
    lines = []
    for left, formula in chain.lines:
        _, sign = latex(t.Relation(t.Text(""), formula.sign, t.Symbol("x"))).removesuffix(" x").split(" ", 1)
        lines.append(rf"{latex(left) if left else ''} &{sign} {latex(formula.right)}")
    return "\n".join((rf"\begin{{{environment}}}", " \\\\\n".join(lines), rf"\end{{{environment}}}"))


def _sized(maths: str, *formulas: t.Relation) -> str:
    wide = max(len(latex(formula)) for formula in formulas) > _WIDE
    return f"{{\\footnotesize\n{maths}\n}}" if wide else maths


def _lines_of(numbers: blocks.Numbers) -> Iterator[list[str]]:
    """As many matrices beside each other as fit the page."""
    line: list[str] = []
    room = _WIDTH
    for value in numbers.values:
        equation, cut = value.equation(_WIDTH - _NAME)
        matrix = equation.right if isinstance(equation.right, t.Matrix) else None
        width = _NAME + (sum(widths_of(matrix)) + 2 * len(matrix.rows[0]) if matrix else 0)
        if line and width > room:
            yield line
            line, room = [], _WIDTH
        size = cut.rpartition(" of ")[2].replace("×", r"\times")
        line.append(latex(equation) + (rf"_{{\text{{of }}{size}}}" if cut else ""))
        room -= width
    yield line


def _table(table: blocks.Table) -> str:
    def cell(cell: str, numeric: bool) -> str:
        return f"${latex(t.Number(0, cell))}$" if numeric else plain(cell)

    rows = (map(cell, row, table.numeric) for row in table.rows)
    lines = " \\\\\n".join(" & ".join(row) for row in (map(plain, table.head), *rows))
    columns = "".join("r" if numeric else "l" for numeric in table.numeric)
    return rf"{{\small\begin{{tabular}}{{{columns}}}" + f"\n{lines}\n" + r"\end{tabular}\par}"


def _cells(cells: blocks.Cells) -> str:
    """A matrix in a line, with boxes for what is to be filled in."""
    rows, columns = len(cells.entries), len(cells.entries[0])
    written = latex(cells.matrix)
    if cells.asked and not cells.filled:
        box = _CELL.format(width=min(_WIDEST, _ROOM / columns - _BETWEEN))
        body = r" \\[10pt] ".join([" & ".join([box] * columns)] * rows)
        written = rf"\begin{{bmatrix}} {body} \end{{bmatrix}}" if rows * columns > 1 else box
    return rf"$\displaystyle {latex(cells.name)} = {written}$"
