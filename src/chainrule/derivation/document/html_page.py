"""One HTML page that needs nothing else: no script, no network, its mathematical font inside."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from html import escape
from importlib.resources import files

# What a page may load: the style and the font it carries, and nothing from anywhere.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; base-uri 'none'; form-action 'none'"
)

COLOURS = """
  --paper: #fff; --ink: #1b1d22; --faint: #5b6270; --line: #d9dde4; --panel: #f6f7f9;
  --accent: #0b57b7; --mean: #7a4b00; --mean-paper: #fff3d6; --right: #1a6b34; --wrong: #b3261e; color-scheme: light;
"""
DARK_COLOURS = """
  --paper: #15171b; --ink: #e7e9ee; --faint: #a4abb8; --line: #363b45; --panel: #1d2026;
  --accent: #8ab8ff; --mean: #ffd48a; --mean-paper: #3a2c10; --right: #7fd69a; --wrong: #ff9b92; color-scheme: dark;
"""

# MathML Core leaves cells, line heights and the font to CSS; a reset of line-height would make rows overlap. A cell's
# content is a block, which the browsers' own values of text-align move and the standard's do not.
MATHS = """
math { font-family: "Chainrule Math", "Latin Modern Math", "STIX Two Math", math; font-size: 1.12em;
  line-height: normal; }
math[display="block"] { margin: .6em 0; overflow-x: auto; overflow-y: hidden; padding: .15em 0; }
mtd { padding: .12em .45em; text-align: right; text-align: -moz-right; text-align: -webkit-right; }
mtable.cases mtd { text-align: left; text-align: -moz-left; text-align: -webkit-left; }
mtext.shape { color: var(--accent); font-size: 1.15em; }
"""

_STYLE = """
* { box-sizing: border-box; }
body { max-width: 62rem; margin: 0 auto; padding: 1.5rem clamp(.9rem, 4vw, 2.5rem) 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: break-word; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .5rem 0 1rem; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 2.2rem 0 .8rem; border-bottom: 1px solid var(--line);
  padding-bottom: .25rem; }
h3 { font-size: 1.05rem; margin: 1.4rem 0 .3rem; }
p { margin: .4rem 0 .7rem; max-width: 46rem; }
a { color: var(--accent); }
code, kbd, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: .9em; }
pre { overflow-x: auto; background: var(--panel); padding: .7rem .9rem; border-radius: .4rem; }
table { border-collapse: collapse; margin: .6rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem .25rem 0; text-align: left; vertical-align: baseline;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
.scroll { overflow-x: auto; }
.faint { color: var(--faint); }
section, tr, figure { break-inside: avoid; }
h1, h2, h3 { break-after: avoid; }
"""

# On paper everything is black on white, at full width, and nothing can be scrolled.
_PRINT = """
  body { max-width: none; padding: 0; font-size: 10pt; }
  math[display="block"], .scroll, pre { overflow: visible; }
  a { color: inherit; }
"""


def page(title: str, body: str, *, style: str = "") -> str:
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
{font_face()}
:root {{{COLOURS}}}
@media screen and (prefers-color-scheme: dark) {{ :root {{{DARK_COLOURS}}} }}
@page {{ margin: 16mm 14mm; }}
{_STYLE}{MATHS}{style}
@media print {{{_PRINT}}}
</style>
</head>
<body>
{body}
</body>
</html>
"""


@cache
def font_face() -> str:
    """The rule that brings the mathematical font along, as data."""
    font = files("chainrule.derivation.document").joinpath("assets", "chainrule-math.woff2").read_bytes()
    data = b64encode(font).decode("ascii")
    return f'@font-face {{ font-family: "Chainrule Math"; src: url(data:font/woff2;base64,{data}) format("woff2"); }}'
