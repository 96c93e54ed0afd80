"""A trace as a LaTeX document."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.derivation.document.latex_document import document, plain
from chainrule.derivation.tracing import words
from chainrule.derivation.tracing.matrix_window import MOST, fitting, is_cut, number, shown, widths_of
from chainrule.derivation.tracing.step import PARTS, Step, Value, differs_by_rows, shaped
from chainrule.derivation.tracing.steps import steps
from chainrule.derivation.tracing.trace import Trace
from chainrule.formula import latex
from chainrule.formula import tree as t

_WIDTH = 80  # characters of matrices across a page
_NAME = 12  # of them for a name, a sign and the brackets


def trace_latex(trace: Trace, *, layout: str = "columns") -> str:
    """Write a trace as a LaTeX document that compiles as it is."""
    words.check_layout(layout)
    return document(words.TITLE, "\n\n".join(_parts(trace, layout)))


def _parts(trace: Trace, layout: str) -> Iterator[str]:
    facts = (rf"{plain(name)} & {plain(fact)} \\" for name, fact in words.head(trace))
    yield "\n".join([r"\begin{tabular}{@{}lp{.75\textwidth}@{}}", *facts, r"\end{tabular}"])
    yield "\n".join([r"{\small", *(plain(line) + r"\par" for line in words.legend(trace, layout)), "}"])
    yield r"\section*{Given}"
    yield from (_given(part, trace) for part in words.given(trace))
    every = steps(trace)
    for name in PARTS:
        yield rf"\section*{{{words.TITLES[name]}}}"
        yield from (_step(step, trace, layout) for step in every if step.part == name)


def _given(part: words.Given, trace: Trace) -> str:
    """A table with a row for each input and a column for each example."""
    lines = shown(part.array.shape[0], MOST)
    matrix = fitting(part.array, _WIDTH - words.LONGEST_NAME)
    places = shown(part.array.shape[1], len(matrix.rows[0]))
    heads = [plain(words.row_name(trace.examples, j).replace("⋮", "⋯")) for j in places]
    named = len(lines) > 1 or part.rows
    rows = [["", *heads]]
    for i, cells in zip(lines, matrix.rows, strict=True):
        dots = "⋯" if any(cells) else "⋮"
        rows.append([plain(words.row_name(part.rows, i)) if named else "", *(_cell(cell or dots) for cell in cells)])
    table = " \\\\\n".join(" & ".join(row) for row in rows)
    return (
        rf"${latex(part.name)}$ {plain(part.words)} ({plain(words.size(part.array))})\par\nopagebreak" + "\n"
        rf"{{\small\begin{{tabular}}{{l{'r' * len(places)}}}" + f"\n{table}\n" + r"\end{tabular}\par}"
    )


def _cell(digits: str) -> str:
    return f"${latex(t.Number(0, digits))}$"


def _step(step: Step, trace: Trace, layout: str) -> str:
    title = rf"\textbf{{${latex(step.formula.left)}$\quad {plain(words.title(step))}}}"
    lines = [rf"\filbreak\medskip\noindent {title}\hfill{{\small {plain(words.source(step))}}}\par\nopagebreak"]
    lines += [_display(shaped(step, trace))]
    if layout == "both" and differs_by_rows(step):
        lines += [rf"{{\small {words.BY_ROWS}:}}", _display(shaped(step, trace, rows=True))]
    mark = words.mark(step, trace)
    if mark:
        pointer = r"$\triangleright$ " if step.mean else ""
        lines.append(rf"{{\small {pointer}\emph{{{plain(mark)}}}\par}}")
    lines.append(plain(step.reason))
    return "\n".join([*lines, *_values(step)])


def _display(formula: t.Relation) -> str:
    return rf"\[ {latex(formula)} \]"


def _values(step: Step) -> Iterator[str]:
    """The numbers, as many matrices beside each other as fit the page."""
    line: list[str] = []
    room = _WIDTH
    for value in step.values:
        sign = step.formula.sign if value is step.values[-1] else "="
        matrix = fitting(value.array, _WIDTH - _NAME) if value.array.ndim else None
        width = _NAME + (sum(widths_of(matrix)) + 2 * len(matrix.rows[0]) if matrix else 0)
        if line and width > room:
            yield _line(line)
            line, room = [], _WIDTH
        line.append(latex(t.Equation(value.name, matrix or _number(value), sign)) + _note(value, matrix))
        room -= width
    yield _line(line)


def _line(equations: list[str]) -> str:
    return r"{\small \[ " + r" \qquad ".join(equations) + r" \]}"


def _number(value: Value) -> t.Number:
    return t.Number(float(value.array), number(float(value.array)))


def _note(value: Value, matrix: t.Matrix | None) -> str:
    """The size of a matrix of which only a window is shown, below its corner."""
    if matrix is None or not (is_cut(value.array) or len(matrix.rows[0]) < value.array.shape[1]):
        return ""
    return rf"_{{\text{{of }}{words.size(value.array).replace('×', chr(92) + 'times')}}}"
