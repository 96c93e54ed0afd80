"""Formulas as LaTeX for a document with the package amsmath."""

from __future__ import annotations

from functools import singledispatch

from chainrule.formula import tree as t

GREEK = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "λ": r"\lambda", "σ": r"\sigma",
    "ε": r"\varepsilon", "ζ": r"\zeta", "η": r"\eta", "κ": r"\kappa", "μ": r"\mu", "ν": r"\nu", "ξ": r"\xi",
    "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega", "Γ": r"\Gamma", "Δ": r"\Delta", "Ω": r"\Omega", "Ψ": r"\Psi",
    "τ": r"\tau", "θ": r"\theta", "Φ": r"\Phi", "φ": r"\varphi", "π": r"\pi", "∞": r"\infty", "ρ": r"\rho",
}  # fmt: skip
_ACCENTED = {"ŷ": r"\hat{y}", "Ŷ": r"\hat{Y}", "ỹ": r"\tilde{y}", "Ỹ": r"\tilde{Y}"}
_SIGNS = {":=": r"\mathrel{:=}", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "⇒": r"\Rightarrow"}
_FUNCTIONS = ("log", "exp", "tanh", "cosh", "sinh", "max", "min", "arctanh")
_SPECIAL = str.maketrans(
    {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$"}
    | {"^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
)


def escaped(words: str) -> str:
    """Make plain words safe to set in a LaTeX document.

    Examples
    --------
    >>> escaped("100 % of x_1")
    '100 \\\\% of x\\\\_1'
    """
    return words.translate(_SPECIAL)


@singledispatch
def latex(node: t.Node) -> str:
    """Write a formula as LaTeX, to be put between dollar signs.

    Examples
    --------
    >>> from chainrule.formula.tree import Symbol
    >>> latex(Symbol("W", "l").T @ Symbol("dZ", "l"))
    '{W^{[l]}}^{\\\\mathsf{T}}\\\\,dZ^{[l]}'
    """
    raise TypeError(f"{type(node).__name__} cannot be written as LaTeX.")


def bracketed(node: t.Node, least: int) -> str:
    """Write a part in brackets unless it holds together at least so tightly."""
    return latex(node) if t.precedence(node) >= least else in_brackets(node)


def in_brackets(node: t.Node) -> str:
    """A part in round brackets, which grow around what is taller than a line."""
    return rf"\left({latex(node)}\right)" if t.is_tall(node) else f"({latex(node)})"


def letter(name: str) -> str:
    """A name as a letter, a Greek one, or as upright words; a hat or a tilde is kept, and a number behind it."""
    base, digits = t.base_and_number(name)
    if digits:
        return f"{letter(base)}_{{{digits}}}"
    if name in _ACCENTED:
        return _ACCENTED[name]
    if name in GREEK:
        return GREEK[name]
    if name.startswith("d") and len(name) == 2:
        return name
    return name if len(name) == 1 else rf"\mathrm{{{escaped(name)}}}"


@latex.register
def _(node: t.Symbol) -> str:
    layer = f"^{{[{node.layer}]}}" if node.layer else ""
    indices = f"_{{{' '.join(letter(index) for index in node.indices)}}}" if node.indices else ""
    return letter(node.name) + layer + indices


@latex.register
def _(node: t.Number) -> str:
    digits = (node.digits or f"{node.value:g}").replace("\N{MINUS SIGN}", "-")
    mantissa, _, exponent = digits.partition("e")
    return rf"{mantissa}\cdot 10^{{{int(exponent)}}}" if exponent else mantissa


@latex.register
def _(node: t.Text) -> str:
    return rf"\text{{{escaped(node.words)}}}"


@latex.register
def _(node: t.Sum) -> str:
    first, *others = node.terms
    line = latex(first) if isinstance(first, t.Negative) else bracketed(first, 1)
    for term in others:
        negative = isinstance(term, t.Negative)
        part = term.part if isinstance(term, t.Negative) else term
        line += f" {'-' if negative else '+'} {bracketed(part, 2)}"
    return line


@latex.register
def _(node: t.Negative) -> str:
    return "-" + bracketed(node.part, 2)


@latex.register
def _(node: t.Product) -> str:
    join = r" \ast " if node.kind == "elementwise" else r"\,"
    return join.join(map(bracketed, node.factors, t.least_of_factors(node)))


@latex.register
def _(node: t.Fraction) -> str:
    return rf"\frac{{{latex(node.over)}}}{{{latex(node.under)}}}"


@latex.register
def _(node: t.Power) -> str:
    base = bracketed(node.base, 4)
    return f"{{{base}}}^{{{latex(node.exponent)}}}"


@latex.register
def _(node: t.Selection) -> str:
    return rf"{bracketed(node.matrix, 4)}[{latex(node.rows)},\,{latex(node.columns)}]"


@latex.register
def _(node: t.Stacked) -> str:
    rows = (" & " if node.beside else r" \\ ").join(map(latex, node.blocks))
    return rf"\begin{{bmatrix}}{rows}\end{{bmatrix}}"


@latex.register
def _(node: t.Transpose) -> str:
    return rf"{{{bracketed(node.part, 4)}}}^{{\mathsf{{T}}}}"


@latex.register
def _(node: t.Apply) -> str:
    name = rf"\{node.function}" if node.function in _FUNCTIONS[:-1] else letter(node.function)
    prime = r"\prime" if node.prime else ""
    layer = f"[{node.layer}]" if node.layer else ""
    raised = f"^{{{layer}{prime}}}" if layer or prime else ""
    return name + raised + in_brackets(node.argument)


@latex.register
def _(node: t.Absolute) -> str:
    return rf"\left|{latex(node.part)}\right|"


@latex.register
def _(node: t.Total) -> str:
    last = f"^{{{node.last}}}" if node.last else ""
    index = f"{node.index}=1" if node.last else node.index
    return rf"\sum_{{{index}}}{last} {bracketed(node.body, 2)}"


@latex.register
def _(node: t.Derivative) -> str:
    return rf"\frac{{\partial {latex(node.of)}}}{{\partial {latex(node.by)}}}"


@latex.register
def _(node: t.Cases) -> str:
    rows = [
        f"{latex(value)} & " + (rf"\text{{if }} {latex(condition)}" if condition else r"\text{otherwise}")
        for value, condition in node.pairs
    ]
    return r"\begin{cases}" + r" \\ ".join(rows) + r"\end{cases}"


@latex.register
def _(node: t.Relation) -> str:
    return f"{latex(node.left)} {_SIGNS.get(node.sign, node.sign)} {latex(node.right)}"


@latex.register
def _(node: t.Matrix) -> str:
    rows = [" & ".join(map(_cell, row)) if any(row) else " & ".join([r"\vdots"] * len(row)) for row in node.rows]
    columns = "r" * len(node.rows[0])
    return rf"\left[\begin{{array}}{{{columns}}}" + r" \\ ".join(rows) + r"\end{array}\right]"


def _cell(digits: str | None) -> str:
    if digits is None:
        return r"\cdots"
    return latex(t.Number(0, digits))


@latex.register
def _(node: t.Labelled) -> str:
    return rf"\underset{{{_label(node.label)}}}{{{latex(node.part)}}}"


def _label(label: str) -> str:
    return rf"\scriptstyle\;{label.replace('×', chr(92) + 'times ')}\;"
