"""One LaTeX document that pdflatex compiles as it is."""

from __future__ import annotations

from chainrule.formula.latex import GREEK, escaped

# Letters that texts of this package use and pdflatex's fonts lack; they hold in text and in formulas.
_SIGNS = GREEK | {
    "∂": r"\partial", "Σ": r"\Sigma", "∑": r"\sum", "×": r"\times", "·": r"\cdot", "−": "-", "∗": r"\ast",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv", "∈": r"\in", "∘": r"\circ",
    "→": r"\to", "←": r"\leftarrow", "⇒": r"\Rightarrow", "↦": r"\mapsto", "√": r"\surd", "∇": r"\nabla",
    "±": r"\pm", "⋯": r"\cdots", "…": r"\ldots", "⋮": r"\vdots", "′": r"^{\prime}", "°": r"^{\circ}",
    "ŷ": r"\hat{y}", "Ŷ": r"\hat{Y}", "Ỹ": r"\tilde{Y}", "ỹ": r"\tilde{y}",
    "ᵀ": r"^{\mathsf{T}}", "ℓ": r"\ell", "½": r"\tfrac{1}{2}",
    "₀": "_0", "₁": "_1", "₂": "_2", "₃": "_3", "₄": "_4", "₅": "_5", "₆": "_6", "₇": "_7", "₈": "_8", "₉": "_9",
    "ᵢ": "_i", "ⱼ": "_j", "ₖ": "_k", "ₗ": "_l", "ₘ": "_m", "ₙ": "_n",
    "⁰": "^0", "¹": "^1", "²": "^2", "³": "^3", "⁴": "^4", "⁵": "^5", "⁶": "^6", "⁷": "^7", "⁸": "^8", "⁹": "^9",
    "⁻": "^-",
}  # fmt: skip

# Subscripts that follow each other, as in W₁₂ or Wₖⱼ, would be a double subscript: each stands on an empty base.
_DECLARATIONS = "\n".join(
    rf"\DeclareUnicodeCharacter{{{ord(sign):04X}}}{{\ensuremath{{{'{}' if code[0] in '_^' else ''}{code}}}}}"
    for sign, code in sorted(_SIGNS.items())
)

_PREAMBLE = rf"""\documentclass[11pt,a4paper]{{article}}
\usepackage[utf8]{{inputenc}}
\usepackage[T1]{{fontenc}}
\usepackage{{lmodern}}
\usepackage{{amsmath}}
\usepackage[margin=20mm]{{geometry}}
{_DECLARATIONS}
\setlength{{\parindent}}{{0pt}}
\setlength{{\parskip}}{{0.5\baselineskip}}
\setlength{{\arraycolsep}}{{3.5pt}}
\allowdisplaybreaks
\newcommand{{\leftside}}[1]{{\setbox0\hbox{{#1}}%
\ifdim\wd0<.44\textwidth\makebox[.44\textwidth][l]{{\box0}}\else\box0\quad\fi}}
"""


def document(title: str, body: str) -> str:
    """Return a complete LaTeX article around a body that is LaTeX already; the title is plain text.

    Examples
    --------
    >>> "50 \\\\% sure" in document("50 % sure", "Text.")
    True
    """
    heading = rf"{{\LARGE\bfseries\sffamily {plain(title)}\par}}"
    return f"{_PREAMBLE}\\begin{{document}}\n{heading}\n\\bigskip\n\n{body}\n\\end{{document}}\n"


def plain(words: str) -> str:
    """Make any text safe to set: special signs escaped, and letters that pdflatex cannot set replaced by their code.

    Examples
    --------
    >>> plain("50 % of \\N{SNOWMAN}")
    '50 \\\\% of [U+2603]'
    """
    return escaped("".join(_settable(sign) for sign in words))


def _settable(sign: str) -> str:
    latin = " " <= sign <= "~" or "\N{NO-BREAK SPACE}" < sign <= "ž"
    if sign in _SIGNS or sign in "–—‘’“”" or (latin and sign not in "ĦħĸĿŀŉŦŧ"):
        return sign
    return " " if sign.isspace() else f"[U+{ord(sign):04X}]"
