"""Formulas as trees: written as MathML, LaTeX and plain text, and evaluated with numbers."""

from chainrule.derivation.formula.latex import latex as latex
from chainrule.derivation.formula.mathml import math as math
from chainrule.derivation.formula.text import text as text
