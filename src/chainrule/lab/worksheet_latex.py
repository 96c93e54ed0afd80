"""A worksheet as a LaTeX document, with boxes to write in."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.derivation.document.latex_document import document, plain
from chainrule.derivation.tracing.step import shaped
from chainrule.formula import latex
from chainrule.formula import tree as t
from chainrule.lab import sheet_words as words
from chainrule.lab.arithmetic import arithmetic
from chainrule.lab.numbers import matrix
from chainrule.lab.quantities import Quantity
from chainrule.lab.worksheet import Worksheet

_CELL = r"{{\fboxsep=0pt\framebox[{width:.0f}mm]{{\rule[-3.5mm]{{0pt}}{{10mm}}}}}}"
_WIDEST, _ROOM, _BETWEEN = 20, 68, 2.5  # mm: a cell, all of a row, the space between two
_NAME = r"Name \hrulefill\quad Date \rule[-1pt]{25mm}{0.4pt}\quad Points \rule[-1pt]{10mm}{0.4pt} / "
# The left side of a line, so wide that the right sides stand below each other, unless its formula is wider.
_LEFT = r"""\newcommand{\leftside}[1]{\setbox0\hbox{#1}%
\ifdim\wd0<.44\textwidth\makebox[.44\textwidth][l]{\box0}\else\box0\quad\fi}"""


def worksheet_latex(sheet: Worksheet, *, key: bool) -> str:
    """Write a worksheet, or its key, as a LaTeX document that compiles as it is."""
    return document(words.title(sheet, key=key), "\n\n".join(_parts(sheet, key=key)))


def _parts(sheet: Worksheet, *, key: bool) -> Iterator[str]:
    yield _LEFT
    if not key:
        yield f"{_NAME}{words.points(sheet)}"
    yield plain(words.network(sheet))
    yield r"\\".join(plain(function) for function in words.functions(sheet))
    yield plain(words.key_note(sheet)) if key else rf"\textbf{{{plain(words.task(sheet))}}}"
    yield r"\section*{Given}"
    equations = (t.Equation(name, matrix(array, sheet.decimals)) for name, array in words.given(sheet))
    yield r"\raggedright" + "\n" + r"\qquad ".join(f"${latex(equation)}$" for equation in equations)
    for title, lines in words.parts(sheet):
        first, *others = (_line(sheet, quantity, key=key) for quantity in lines)
        yield rf"\filbreak\section*{{{title}}}" + f"\n{first}"
        yield from (rf"\filbreak {line}" for line in others)


def _line(sheet: Worksheet, quantity: Quantity, *, key: bool) -> str:
    """The formula on the left, the result on the right, and below them how an entry comes about."""
    asked = quantity.name in sheet.blanks
    formula = latex(shaped(quantity.step, sheet.trace))
    left = rf"{{\small {quantity.step.row.name}}}\\[2pt]$\displaystyle {formula}$"
    name = latex(quantity.step.formula.left)
    result = _cells(quantity) if asked and not key else latex(matrix(quantity.value, sheet.decimals))
    line = rf"\leftside{{\begin{{tabular}}{{@{{}}l@{{}}}}{left}\end{{tabular}}}}$\displaystyle {name} = {result}$\par"
    if asked and key:
        written = plain(arithmetic(quantity, sheet.trace, sheet.quantities, sheet.decimals))
        line += rf"\nopagebreak{{\small {written}\par}}"
    return rf"{line}\medskip"


def _cells(quantity: Quantity) -> str:
    rows, columns = quantity.value.shape
    cell = _CELL.format(width=min(_WIDEST, _ROOM / columns - _BETWEEN))
    body = r" \\[10pt] ".join([" & ".join([cell] * columns)] * rows)
    return rf"\begin{{bmatrix}} {body} \end{{bmatrix}}" if rows * columns > 1 else cell
