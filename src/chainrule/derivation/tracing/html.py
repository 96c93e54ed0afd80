"""A trace as an HTML page, and as a fragment for a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from chainrule.derivation.document.html_page import COLOURS, DARK_COLOURS, MATHS, font_face, page
from chainrule.derivation.tracing import words
from chainrule.derivation.tracing.matrix_window import MOST, is_cut, number, shown, window
from chainrule.derivation.tracing.step import PARTS, Step, Value, differs_by_rows, shaped
from chainrule.derivation.tracing.steps import steps
from chainrule.derivation.tracing.trace import Trace
from chainrule.formula import math
from chainrule.formula import tree as t

_STYLE = """
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.2rem; margin: .8rem 0 1.2rem; }
.facts dt { color: var(--faint); }
.facts dd { margin: 0; }
.legend { background: var(--panel); border-radius: .5rem; padding: .6rem 1rem; margin: 1rem 0; font-size: .93rem; }
.legend p { margin: .25rem 0; max-width: none; }
.step { padding: .2rem 0 .7rem; border-bottom: 1px solid var(--line); }
.step h3 { display: flex; flex-wrap: wrap; gap: .1rem .8rem; align-items: baseline; margin: .9rem 0 .2rem; }
.step h3 .source { margin-left: auto; font-weight: 400; font-size: .82rem; color: var(--faint); }
.step p { margin: .25rem 0 .4rem; }
.step math[display="block"] { width: fit-content; max-width: 100%; margin-inline: 0; }
.layouts { display: flex; flex-wrap: wrap; gap: .2rem 3rem; }
.layouts > div { min-width: 0; max-width: 100%; }
.layouts h4 { font-size: .82rem; font-weight: 400; color: var(--faint); margin: .3rem 0 -.3rem; }
.mark { display: inline-block; font-size: .85rem; color: var(--faint); }
.mark.mean { color: var(--mean); background: var(--mean-paper); border-radius: .3rem; padding: .05rem .5rem; }
.values { display: flex; flex-wrap: wrap; align-items: flex-end; gap: .3rem 2rem; }
.values figure { margin: .3rem 0; min-width: 0; max-width: 100%; overflow-x: auto; overflow-y: hidden; }
.values math { font-size: 1em; }
.values figcaption { font-size: .78rem; color: var(--faint); }
.given th[scope="row"] { font-weight: 400; }
.given thead th { color: var(--faint); font-weight: 400; white-space: nowrap; }
.given td, .given thead th { text-align: right; }
.given th, .given td { padding: .15rem .9rem .15rem 0; }
"""

# Inside a notebook's page: its letters, our colours. Paper and ink are both set: a notebook may be dark by itself.
_VIEW = """font-size: 1rem; line-height: 1.5; overflow-wrap: break-word; padding: .5rem 1rem;
background: var(--paper); color: var(--ink);
& h2, & h3, & h4 { border: 0; font-weight: 600; }
& h2 { font-size: 1.2rem; margin: 1.4rem 0 .4rem; }
& h3 { font-size: 1rem; }
& .scroll { overflow-x: auto; }
& .given table { margin: .4rem 0; border-collapse: collapse; font-variant-numeric: tabular-nums; }
"""


def trace_html(trace: Trace, *, layout: str = "columns") -> str:
    """Write a trace as one HTML page that needs nothing else."""
    return page(words.TITLE, f"<h1>{words.TITLE}</h1>\n{_body(trace, layout)}", style=_STYLE)


def trace_view(trace: Trace, *, layout: str = "columns") -> str:
    """Write a trace as a fragment for a notebook, its style within it."""
    colours = f"{COLOURS} @media (prefers-color-scheme: dark) {{ & {{ {DARK_COLOURS} }} }}"
    style = f"{font_face()} .chainrule-trace {{ {colours} {_VIEW} {_nested(MATHS + _STYLE)} }}"
    return f'<div class="chainrule-trace"><style>{style}</style>\n{_body(trace, layout)}</div>'


def _nested(style: str) -> str:
    """Rules that hold inside the rule they stand in."""
    rules = (rule.strip() for rule in style.split("}") if rule.strip())
    return "\n".join(f"& {rule} }}" for rule in rules)


def _body(trace: Trace, layout: str) -> str:
    words.check_layout(layout)
    every = steps(trace)
    parts = [_facts(trace), _legend(trace, layout), "<h2>Given</h2>", *(_given(g, trace) for g in words.given(trace))]
    for name in PARTS:
        parts.append(f"<h2>{words.TITLES[name]}</h2>")
        parts += [_step(step, trace, layout) for step in every if step.part == name]
    return "\n".join(parts)


def _facts(trace: Trace) -> str:
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in words.head(trace))
    return f'<dl class="facts">{facts}</dl>'


def _legend(trace: Trace, layout: str) -> str:
    return f'<div class="legend">{"".join(f"<p>{escape(line)}</p>" for line in words.legend(trace, layout))}</div>'


def _given(part: words.Given, trace: Trace) -> str:
    name = math(part.name, display=False)
    title = f"<h3>{name} {escape(part.words)} <span class='faint'>({words.size(part.array)})</span></h3>"
    return f'<section class="given">{title}<div class="scroll">{_table(part, trace)}</div></section>'


def _table(part: words.Given, trace: Trace) -> str:
    """A row for each input, a column for each example, with their names."""
    lines, places = (shown(n, MOST) for n in part.array.shape)
    heads = (words.row_name(trace.examples, j).replace("⋮", "⋯") for j in places)
    head = f"<tr><td></td>{_row('th scope=col', map(escape, heads))}</tr>"
    named = len(lines) > 1 or part.rows
    rows = (
        f'<tr><th scope="row">{escape(words.row_name(part.rows, i)) if named else ""}</th>'
        f"{_row('td', (cell if cell else '⋯' if any(cells) else '⋮' for cell in cells))}</tr>"
        for i, cells in zip(lines, window(part.array).rows, strict=True)
    )
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _row(tag: str, cells: Iterable[str]) -> str:
    return "".join(f"<{tag}>{cell}</{tag.split()[0]}>" for cell in cells)


def _step(step: Step, trace: Trace, layout: str) -> str:
    title = f"<h3>{math(step.formula.left, display=False)} {escape(words.title(step))}{_source(step)}</h3>"
    mark = words.mark(step, trace)
    badge = f'<p class="mark{" mean" if step.mean else ""}">{escape(mark)}</p>' if mark else ""
    values = "".join(_values(step))
    return (
        f'<section class="step">{title}{_formulas(step, trace, layout)}{badge}<p>{escape(step.reason)}</p>'
        f'<div class="values">{values}</div></section>'
    )


def _source(step: Step) -> str:
    return f'<span class="source">{escape(words.source(step))}</span>'


def _formulas(step: Step, trace: Trace, layout: str) -> str:
    ours = math(shaped(step, trace))
    if layout == "columns" or not differs_by_rows(step):
        return ours
    other = math(shaped(step, trace, rows=True))
    return (
        f'<div class="layouts"><div><h4>{words.BY_COLUMNS}</h4>{ours}</div>'
        f"<div><h4>{words.BY_ROWS}</h4>{other}</div></div>"
    )


def _values(step: Step) -> Iterator[str]:
    for value in step.values:
        sign = step.formula.sign if value is step.values[-1] else "="
        yield f"<figure>{math(_equation(value, sign), display=False)}{_caption(value)}</figure>"


def _equation(value: Value, sign: str) -> t.Relation:
    array = value.array
    right = window(array) if array.ndim else t.Number(float(array), number(float(array)))
    return t.Equation(value.name, right, sign)


def _caption(value: Value) -> str:
    if not is_cut(value.array):
        return ""
    rows = window(value.array).rows
    return f"<figcaption>a window of {len(rows)} × {len(rows[0])} of {words.size(value.array)}</figcaption>"
