"""A worksheet as an HTML page: on paper A4, its cells large enough to write in."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from chainrule.derivation.document.html_page import page
from chainrule.derivation.tracing.step import shaped
from chainrule.formula import math
from chainrule.formula import tree as t
from chainrule.lab import sheet_words as words
from chainrule.lab.arithmetic import arithmetic
from chainrule.lab.numbers import entries, matrix
from chainrule.lab.quantities import Quantity
from chainrule.lab.worksheet import Worksheet

_STYLE = """
.name { display: flex; flex-wrap: wrap; gap: .8rem 1.5rem; margin: 1rem 0 1.4rem; }
.name span { border-bottom: 1px solid var(--faint); flex: 1; padding-bottom: .1rem; color: var(--faint);
  white-space: nowrap; }
.name span.long { flex: 3; min-width: 12rem; }
.task { font-weight: 600; }
.functions p { margin: .1rem 0; }
.given { display: flex; flex-wrap: wrap; gap: .8rem 2.2rem; align-items: center; margin: .8rem 0; }
.line { display: grid; grid-template-columns: minmax(24rem, max-content) 1fr; gap: .3rem 1.5rem; align-items: center;
  border-bottom: 1px solid var(--line); padding: .6rem 0; }
.line h3 { margin: 0; font-weight: 400; color: var(--faint); font-size: .9rem; }
.line math[display="block"] { width: fit-content; max-width: 100%; margin: .2rem 0 0; }
.result { display: flex; align-items: center; gap: .5rem; overflow-x: auto; overflow-y: hidden; padding: .1rem; }
.cells { display: inline-grid; gap: .3rem; padding: .1rem .35rem; border: 1.5px solid currentcolor;
  border-width: 0 1.5px; border-radius: .3rem; }
.cells span { width: 4.6rem; height: 2.3rem; border: 1px solid var(--faint); border-radius: .2rem; display: grid;
  place-items: center; font-variant-numeric: tabular-nums; }
.key .cells span { width: auto; min-width: 4rem; height: 1.9rem; padding: 0 .5rem; color: var(--accent);
  border-color: var(--line); font-weight: 600; }
.arithmetic { grid-column: 1 / -1; margin: 0; max-width: none; color: var(--faint); font-size: .92rem; }
@media (max-width: 50rem) { .line { grid-template-columns: minmax(0, 1fr); } }
@media print {
  .result { overflow: visible; }
  h1 { margin: 0 0 .3rem; }
  h2 { margin: 1rem 0 .2rem; }
  .name { margin: .8rem 0; }
  .line { grid-template-columns: minmax(8.4cm, max-content) 1fr; padding: .14cm 0; }
  .sheet .cells span { width: 2.1cm; height: .9cm; }
}
"""


def worksheet_html(sheet: Worksheet, *, key: bool) -> str:
    """Write a worksheet, or its key, as one HTML page that needs nothing else."""
    return page(words.title(sheet, key=key), _body(sheet, key=key), style=_STYLE)


def _body(sheet: Worksheet, *, key: bool) -> str:
    parts = [f"<h1>{escape(words.title(sheet, key=key))}</h1>"]
    if not key:
        blanks = f"<span>Points: &emsp;&emsp; / {words.points(sheet)}</span>"
        parts.append(f'<div class="name"><span class="long">Name</span><span>Date</span>{blanks}</div>')
    parts.append(f"<p>{escape(words.network(sheet))}</p>")
    parts.append(f'<div class="functions">{"".join(f"<p>{escape(f)}</p>" for f in words.functions(sheet))}</div>')
    parts.append(
        f"<p>{escape(words.key_note(sheet))}</p>" if key else f'<p class="task">{escape(words.task(sheet))}</p>'
    )
    parts.append(f"<h2>Given</h2>{_given(sheet)}")
    parts += _lines(sheet, key=key)
    return f'<main class="{"key" if key else "sheet"}">{chr(10).join(parts)}</main>'


def _given(sheet: Worksheet) -> str:
    equations = (t.Equation(name, matrix(array, sheet.decimals)) for name, array in words.given(sheet))
    return f'<div class="given">{"".join(math(equation, display=False) for equation in equations)}</div>'


def _lines(sheet: Worksheet, *, key: bool) -> Iterator[str]:
    for title, lines in words.parts(sheet):
        yield f"<h2>{escape(title)}</h2>"
        yield from (_line(sheet, quantity, key=key) for quantity in lines)


def _line(sheet: Worksheet, quantity: Quantity, *, key: bool) -> str:
    step, asked = quantity.step, quantity.name in sheet.blanks
    formula = f"<div><h3>{escape(step.row.name)}</h3>{math(shaped(step, sheet.trace))}</div>"
    written = _written_out(sheet, quantity) if key and asked else ""
    return f'<section class="line">{formula}{_result(sheet, quantity, key=key)}{written}</section>'


def _result(sheet: Worksheet, quantity: Quantity, *, key: bool) -> str:
    left = quantity.step.formula.left
    if quantity.name not in sheet.blanks:
        equation = t.Equation(left, matrix(quantity.value, sheet.decimals))
        return f'<div class="result">{math(equation, display=False)}</div>'
    return f'<div class="result">{math(left, display=False)} = {_cells(sheet, quantity, key=key)}</div>'


def _cells(sheet: Worksheet, quantity: Quantity, *, key: bool) -> str:
    columns = quantity.value.shape[1]
    written = (entry for row in entries(quantity.value, sheet.decimals) for entry in row)
    cells = "".join(f"<span>{entry if key else ''}</span>" for entry in written)
    return f'<div class="cells" style="grid-template-columns: repeat({columns}, auto)">{cells}</div>'


def _written_out(sheet: Worksheet, quantity: Quantity) -> str:
    line = arithmetic(quantity, sheet.trace, sheet.quantities, sheet.decimals)
    return f'<p class="arithmetic">{escape(line)}</p>'
