"""Formulas as trees: written as MathML, LaTeX and plain text, and evaluated with numbers."""

from chainrule.formula.latex import latex as latex
from chainrule.formula.mathml import math as math
from chainrule.formula.text import text as text
