"""Formulas as LaTeX for a document with the package amsmath."""

from __future__ import annotations

from chainrule.formula import tree as t
from chainrule.formula.writer import Writer

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


def latex(node: t.Node) -> str:
    """Write a formula as LaTeX, to be put between dollar signs.

    Examples
    --------
    >>> from chainrule.formula.tree import Symbol
    >>> latex(Symbol("W", "l").T @ Symbol("dZ", "l"))
    '{W^{[l]}}^{\\\\mathsf{T}}\\\\,dZ^{[l]}'
    """
    return _Latex().write(node)


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


class _Latex(Writer):
    def sign(self, sign: str) -> str:
        return f" {_SIGNS.get(sign, sign)} "

    def in_brackets(self, *nodes: t.Node) -> str:
        inside = ", ".join(map(self.write, nodes))
        return rf"\left({inside}\right)" if any(map(t.is_tall, nodes)) else f"({inside})"

    def symbol(self, node: t.Symbol) -> str:
        layer = f"^{{[{node.layer}]}}" if node.layer else ""
        indices = f"_{{{' '.join(letter(index) for index in node.indices)}}}" if node.indices else ""
        return letter(node.name) + layer + indices

    def number(self, node: t.Number) -> str:
        digits = (node.digits or f"{node.value:g}").replace("\N{MINUS SIGN}", "-")
        mantissa, _, exponent = digits.partition("e")
        return rf"{mantissa}\cdot 10^{{{int(exponent)}}}" if exponent else mantissa

    def text(self, node: t.Text) -> str:
        return rf"\text{{{escaped(node.words)}}}"

    def product(self, node: t.Product) -> str:
        join = r" \ast " if node.kind == "elementwise" else r"\,"
        return join.join(map(self.bracketed, node.factors, t.least_of_factors(node)))

    def fraction(self, node: t.Fraction) -> str:
        return rf"\frac{{{self.write(node.over)}}}{{{self.write(node.under)}}}"

    def power(self, node: t.Power) -> str:
        base = self.bracketed(node.base, 4)
        return f"{{{base}}}^{{{self.write(node.exponent)}}}"

    def selection(self, node: t.Selection) -> str:
        return rf"{self.bracketed(node.matrix, 4)}[{self.write(node.rows)},\,{self.write(node.columns)}]"

    def stacked(self, node: t.Stacked) -> str:
        rows = (" & " if node.beside else r" \\ ").join(map(self.write, node.blocks))
        return rf"\begin{{bmatrix}}{rows}\end{{bmatrix}}"

    def transpose(self, node: t.Transpose) -> str:
        return rf"{{{self.bracketed(node.part, 4)}}}^{{\mathsf{{T}}}}"

    def apply(self, node: t.Apply) -> str:
        name = rf"\{node.function}" if node.function in _FUNCTIONS[:-1] else letter(node.function)
        prime = r"\prime" if node.prime else ""
        layer = f"[{node.layer}]" if node.layer else ""
        raised = f"^{{{layer}{prime}}}" if layer or prime else ""
        return name + raised + self.in_brackets(node.argument, *node.more)

    def absolute(self, node: t.Absolute) -> str:
        return rf"\left|{self.write(node.part)}\right|"

    def total(self, node: t.Total) -> str:
        last = f"^{{{node.last}}}" if node.last else ""
        index = f"{node.index}=1" if node.last else node.index
        return rf"\sum_{{{index}}}{last} {self.bracketed(node.body, 2)}"

    def derivative(self, node: t.Derivative) -> str:
        return rf"\frac{{\partial {self.write(node.of)}}}{{\partial {self.write(node.by)}}}"

    def cases(self, node: t.Cases) -> str:
        rows = [
            f"{self.write(value)} & " + (rf"\text{{if }} {self.write(condition)}" if condition else r"\text{otherwise}")
            for value, condition in node.pairs
        ]
        return r"\begin{cases}" + r" \\ ".join(rows) + r"\end{cases}"

    def matrix(self, node: t.Matrix) -> str:
        rows = [" & ".join(map(_cell, row)) if any(row) else " & ".join([r"\vdots"] * len(row)) for row in node.rows]
        columns = "r" * len(node.rows[0])
        return rf"\left[\begin{{array}}{{{columns}}}" + r" \\ ".join(rows) + r"\end{array}\right]"

    def labelled(self, node: t.Labelled) -> str:
        label = node.label.replace("×", r"\times ")
        return rf"\underset{{\scriptstyle\;{label}\;}}{{{self.write(node.part)}}}"


def _cell(digits: str | None) -> str:
    return r"\cdots" if digits is None else latex(t.Number(0, digits))
