"""What stands around the HTML of a document: a page that needs nothing else, or a fragment with a style of its own."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from html import escape
from importlib.resources import files

# What a page may load: the style and the font it carries, and nothing from anywhere.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; base-uri 'none'; form-action 'none'"
)

_COLOURS = """
  --paper: #fff; --ink: #1b1d22; --faint: #5b6270; --line: #d9dde4; --panel: #f6f7f9;
  --accent: #0b57b7; --mean: #7a4b00; --mean-paper: #fff3d6; color-scheme: light;
"""
_DARK_COLOURS = """
  --paper: #15171b; --ink: #e7e9ee; --faint: #a4abb8; --line: #363b45; --panel: #1d2026;
  --accent: #8ab8ff; --mean: #ffd48a; --mean-paper: #3a2c10; color-scheme: dark;
"""
# A notebook is light or dark by itself, whatever the system is: its own ink, and colours that are read on both.
_NOTEBOOK_COLOURS = """
  --faint: color-mix(in srgb, currentcolor 72%, transparent); --line: #8886; --panel: #8881;
  --accent: #3a7bd0; --mean: inherit; --mean-paper: #f5a6233d;
"""

# What every document looks like, none within another: on a page they stand as they are, in a
# notebook each holds within the fragment only. MathML Core leaves cells, line heights and the font to CSS; a reset of
# line-height would make rows overlap. A cell's content is a block, which the browsers' own values of text-align move
# and the standard's do not. Jupyter floats every dt, and gives it a width.
_RULES = """
math { font-family: "Chainrule Math", "Latin Modern Math", "STIX Two Math", math; font-size: 1.12em; line-height:
  normal; }
math[display="block"] { margin: .6em 0; overflow-x: auto; overflow-y: hidden; padding: .15em 0; width: fit-content;
  max-width: 100%; }
mtd { padding: .12em .45em; text-align: right; text-align: -moz-right; text-align: -webkit-right; }
mtable.cases mtd { text-align: left; text-align: -moz-left; text-align: -webkit-left; }
mtable.chain > mtr > mtd { padding: .3em .25em; text-align: left; text-align: -moz-left; text-align: -webkit-left; }
mtable.chain > mtr > mtd:first-child { text-align: right; text-align: -moz-right; text-align: -webkit-right; }
mtext.shape { color: var(--accent); font-size: 1.15em; }
table { border-collapse: collapse; margin: .6rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem .25rem 0; text-align: left; vertical-align: baseline; border-bottom: 1px solid
  var(--line); }
th { font-weight: 600; }
th.number, td.number { text-align: right; white-space: nowrap; }
.given th { color: var(--faint); font-weight: 400; }
.given th, .given td { padding: .15rem .9rem .15rem 0; }
.scroll { overflow-x: auto; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.2rem; margin: .8rem 0 1.2rem; }
.facts dt, .facts dd { float: none; width: auto; margin: 0; padding: 0; }
.facts dt { color: var(--faint); font-weight: 400; }
.legend { background: var(--panel); border-radius: .5rem; padding: .6rem 1rem; margin: 1rem 0; }
.legend p { margin: .25rem 0; max-width: none; }
.lines p { margin: .1rem 0; }
.step { padding: .2rem 0 .7rem; border-bottom: 1px solid var(--line); }
.step p { margin: .25rem 0 .4rem; }
h3 { display: flex; flex-wrap: wrap; gap: .1rem .8rem; align-items: baseline; margin: .9rem 0 .2rem; }
.aside { margin-left: auto; font-weight: 400; font-size: .82rem; color: var(--faint); }
.labelled { display: inline-block; vertical-align: bottom; max-width: 100%; margin-right: 3rem; }
.labelled span { font-size: .82rem; color: var(--faint); }
.labelled math[display="block"] { margin-top: .1em; }
.strong { font-weight: 600; }
.faint { color: var(--faint); font-size: .92rem; }
.mean { display: table; font-size: .85rem; color: var(--mean); background: var(--mean-paper); border-radius: .3rem;
  padding: .05rem .5rem; }
.note { border-left: 3px solid var(--line); padding-left: .8rem; color: var(--faint); }
.numbers { display: flex; flex-wrap: wrap; align-items: flex-end; gap: .3rem 2rem; }
.numbers figure { margin: .3rem 0; min-width: 0; max-width: 100%; overflow-x: auto; overflow-y: hidden; }
.numbers math { font-size: 1em; }
.numbers figcaption { font-size: .78rem; color: var(--faint); }
.fields { display: flex; flex-wrap: wrap; gap: .8rem 1.5rem; margin: 1rem 0 1.4rem; }
.fields span { border-bottom: 1px solid var(--faint); flex: 1; padding-bottom: .1rem; color: var(--faint);
  white-space: nowrap; }
.fields span:first-child { flex: 3; min-width: 12rem; }
.exercise { display: grid; grid-template-columns: minmax(24rem, max-content) 1fr; gap: .3rem 1.5rem; align-items:
  center; border-bottom: 1px solid var(--line); padding: .6rem 0; }
.exercise .labelled { margin: 0; }
.exercise > p { grid-column: 1 / -1; margin: 0; max-width: none; }
.result { display: flex; align-items: center; gap: .5rem; overflow-x: auto; overflow-y: hidden; padding: .1rem; }
.cells { display: inline-grid; gap: .3rem; padding: .1rem .35rem; border: 1.5px solid currentcolor; border-width: 0
  1.5px; border-radius: .3rem; }
.cells span { width: 4.6rem; height: 2.3rem; border: 1px solid var(--faint); border-radius: .2rem; display: grid;
  place-items: center; font-variant-numeric: tabular-nums; }
.filled .cells span { width: auto; min-width: 4rem; height: 1.9rem; padding: 0 .5rem; color: var(--accent);
  border-color: var(--line); font-weight: 600; }
"""

_PAGE = """
* { box-sizing: border-box; }
body { max-width: 62rem; margin: 0 auto; padding: 1.5rem clamp(.9rem, 4vw, 2.5rem) 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: break-word; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .5rem 0 1rem; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 2.2rem 0 .8rem; border-bottom: 1px solid var(--line);
  padding-bottom: .25rem; }
h3 { font-size: 1.05rem; }
p { margin: .4rem 0 .7rem; max-width: 46rem; }
section, tr, figure { break-inside: avoid; }
h1, h2, h3 { break-after: avoid; }
@media (max-width: 50rem) { .exercise { grid-template-columns: minmax(0, 1fr); } }
"""

_NOTEBOOK = """
font-size: 1rem; line-height: 1.5; overflow-wrap: break-word; padding: .5rem 1rem;
& h1, & h2, & h3 { border: 0; font-weight: 600; }
& h1 { font-size: 1.3rem; margin: .4rem 0; }
& h2 { font-size: 1.2rem; margin: 1.4rem 0 .4rem; }
& h3 { font-size: 1rem; }
"""

# On paper everything is black on white, at full width, nothing can be scrolled, and cells are there to write in.
_PRINT = """
  body { max-width: none; padding: 0; font-size: 10pt; }
  math[display="block"], .scroll, .result { overflow: visible; }
  h1 { margin: 0 0 .3rem; }
  h2 { margin: 1rem 0 .2rem; }
  .fields { margin: .8rem 0; }
  .exercise { grid-template-columns: minmax(8.4cm, max-content) 1fr; padding: .14cm 0; }
  .result:not(.filled) .cells span { width: 2.1cm; height: .9cm; }
"""


def page(title: str, body: str) -> str:
    """Return a complete HTML page around a body that is HTML already; the title is plain text.

    Examples
    --------
    >>> page("a < b", "<p>yes</p>").count("&lt;"), "<script" in page("t", "")
    (1, False)
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<style>
{_font_face()}
:root {{{_COLOURS}}}
@media screen and (prefers-color-scheme: dark) {{ :root {{{_DARK_COLOURS}}} }}
@page {{ margin: 16mm 14mm; }}
{_RULES}{_PAGE}
@media print {{{_PRINT}}}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def fragment(body: str) -> str:
    """Return a part of a notebook's page around a body that is HTML already; its style holds within it alone.

    Examples
    --------
    >>> fragment("<p>yes</p>")[:43]
    '<div class="chainrule"><style> .chainrule {'
    """
    font = _font_face() if "<math" in body else ""
    rules = "\n".join(f"& {rule.strip()} }}" for rule in _RULES.split("}")[:-1])
    style = f"{font} .chainrule {{ {_NOTEBOOK_COLOURS}{_NOTEBOOK}{rules} }}"
    return f'<div class="chainrule"><style>{style}</style>\n{body}</div>'


@cache
def _font_face() -> str:
    """The rule that brings the mathematical font along, as data."""
    font = files("chainrule.derivation.document").joinpath("assets", "chainrule-math.woff2").read_bytes()
    data = b64encode(font).decode("ascii")
    return f'@font-face {{ font-family: "Chainrule Math"; src: url(data:font/woff2;base64,{data}) format("woff2"); }}'
