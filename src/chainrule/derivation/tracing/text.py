"""A trace for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from chainrule.derivation.tracing import words
from chainrule.derivation.tracing.matrix_window import MOST, fitting, is_cut, number, shown, widths_of, window
from chainrule.derivation.tracing.step import PARTS, Step, Value, differs_by_rows, shaped
from chainrule.derivation.tracing.steps import steps
from chainrule.derivation.tracing.trace import Trace
from chainrule.formula import text
from chainrule.formula import tree as t
from chainrule.formula.text import stacked
from chainrule.network.types import Array

WIDTH = 100
_INDENT = "  "
Line = tuple[str, str]  # its text, and its style: title, part, step, formula, shape, mean, faint, numbers or plain

_PROSE = ("plain", "faint", "mean")


def trace_text(trace: Trace, *, layout: str = "columns") -> str:
    """Write a trace as plain text."""
    return "".join(f"{line}\n" for line, _ in trace_lines(trace, layout=layout))


def trace_lines(trace: Trace, *, layout: str = "columns", width: int = WIDTH) -> Iterator[Line]:
    """The lines of a trace in a width, each with the name of its style: what is prose is wrapped."""
    words.check_layout(layout)
    width = max(width, 40)
    for line, style in _lines(trace, layout, width):
        if style not in _PROSE or not line:
            yield line, style
            continue
        indent = " " * (len(line) - len(line.lstrip()))
        yield from ((part, style) for part in wrap(line, width, subsequent_indent=indent, break_on_hyphens=False))


def _lines(trace: Trace, layout: str, width: int) -> Iterator[Line]:
    yield words.TITLE, "title"
    yield "", "plain"
    facts = words.head(trace)
    longest = max(len(name) for name, _ in facts)
    yield from ((f"{_INDENT}{name.ljust(longest)}  {fact}", "plain") for name, fact in facts)
    yield "", "plain"
    for sentence in words.legend(trace, layout):
        yield f"{_INDENT}{sentence}", "faint"
    yield from _heading("Given", width)
    for part in words.given(trace):
        yield from _given(part, trace, width)
    every = steps(trace)
    for name in PARTS:
        yield from _heading(words.TITLES[name], width)
        for step in every:
            if step.part == name:
                yield from _step(step, trace, layout, width)


def _heading(title: str, width: int) -> Iterator[Line]:
    yield "", "plain"
    yield f"── {title} ".ljust(width, "─"), "part"


def _given(part: words.Given, trace: Trace, width: int) -> Iterator[Line]:
    """A table of examples: a name before each row, the examples' names above."""
    yield "", "plain"
    yield f"{text(part.name)}  {part.words}  ({words.size(part.array)})", "step"
    lines = shown(len(part.array), MOST)
    names = [words.row_name(part.rows, i) if part.array.shape[0] > 1 or part.rows else "" for i in lines]
    before = max(len(name) for name in names)
    matrix = fitting(part.array, width - before - 6)
    places = shown(part.array.shape[1], len(matrix.rows[0]))
    heads = [words.row_name(trace.examples, j).replace("⋮", "⋯") for j in places]
    widths = [max(w, len(head)) for w, head in zip(widths_of(matrix), heads, strict=True)]
    yield f"{_INDENT}{' ' * before}  {_cells(tuple(heads), widths)}", "shape"
    for name, cells in zip(names, matrix.rows, strict=True):
        yield f"{_INDENT}{name.ljust(before)}  {_cells(cells, widths)}", "numbers"


def _cells(cells: tuple[str | None, ...], widths: list[int]) -> str:
    dots = "⋯" if any(cells) else "⋮"
    return "  ".join((cell or dots).rjust(width) for cell, width in zip(cells, widths, strict=True))


def _step(step: Step, trace: Trace, layout: str, width: int) -> Iterator[Line]:
    yield "", "plain"
    name = f"{text(step.formula.left)}  {words.title(step)}"
    yield f"{name}{words.source(step).rjust(width - len(name))}", "step"
    yield from _formula(shaped(step, trace), "")
    if layout == "both" and differs_by_rows(step):
        yield from _formula(shaped(step, trace, rows=True), f"{words.BY_ROWS}: ")
    mark = words.mark(step, trace)
    if mark:
        yield f"{_INDENT}{mark}", "mean" if step.mean else "faint"
    yield f"{_INDENT}{step.reason}", "plain"
    for value in step.values:
        sign = step.formula.sign if value is step.values[-1] else "="
        yield from _value(value, sign, width)


def _formula(formula: t.Relation, before: str) -> Iterator[Line]:
    upper, lower = stacked(formula)
    yield f"{_INDENT}{before}{upper}", "formula"
    if lower:
        yield f"{_INDENT}{' ' * len(before)}{lower}", "shape"


def _value(value: Value, sign: str, width: int) -> Iterator[Line]:
    name = f"{_INDENT * 2}{text(value.name)} {sign} "
    if not value.array.ndim:
        yield name + number(float(value.array)), "numbers"
        return
    yield from ((line, "numbers") for line in _matrix(name, value.array, width))


def _matrix(name: str, array: Array, width: int) -> Iterator[str]:
    matrix = fitting(array, width - len(name) - 4)
    widths, last = widths_of(matrix), len(matrix.rows) - 1
    for i, cells in enumerate(matrix.rows):
        left, right = _brackets(i, last)
        before = name if i == last // 2 else " " * len(name)
        yield f"{before}{left} {_cells(cells, widths)} {right}"
    if is_cut(array) or len(matrix.rows[0]) < array.shape[1]:
        rows, columns = len(window(array).rows), len(matrix.rows[0])
        yield f"{' ' * len(name)}a window of {rows} × {columns} of {words.size(array)}"


def _brackets(i: int, last: int) -> tuple[str, str]:
    if last == 0:
        return "[", "]"
    return ("⎡", "⎤") if i == 0 else ("⎣", "⎦") if i == last else ("⎢", "⎥")
