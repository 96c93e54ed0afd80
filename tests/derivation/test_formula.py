"""Formulas as text, LaTeX and MathML: every row of the table, and the brackets that decide what a formula means."""

import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

from chainrule.derivation.document.latex_document import document, plain
from chainrule.derivation.equations import EQUATIONS
from chainrule.derivation.layouts import at_layer, by_rows, with_shapes
from chainrule.formula import latex, math, text
from chainrule.formula import tree as t
from chainrule.formula.text import stacked

from ..patience import GIVE_UP

a, b, c, x = (t.Symbol(name) for name in "abcx")
TWO = t.Number(2)
EXPECTED = {  # written by hand, as a book would
    "linear_model": "f(x) = wᵀ x + b",
    "network": "f(x) = W[2] σ(W[1] x + b[1]) + b[2]",
    "linear": "Z[l] = W[l] A[l-1] + b[l]",
    "embedded_input": "A[0] = (X over E[j][:,C[j]])",
    "activation": "A[l] = g[l](Z[l])",
    "loss": "Lᵢ = L(yᵢ, ŷᵢ)",
    "cost": "J = (1/m) Σᵢ Lᵢ + penalty",
    "penalty": "penalty = λ₁ Σₗ Σᵢⱼ |W[l]ᵢⱼ| + (λ₂/2) Σₗ Σᵢⱼ W[l]ᵢⱼ²",
    "output_delta": "dZ[L] = A[L] - Y",
    "output_delta_product": "dZ[L] = dA[L] * g[L]′(Z[L])",
    "previous_activation": "dA[l-1] = W[l]ᵀ dZ[l]",
    "hidden_delta": "dZ[l-1] = dA[l-1] * g[l-1]′(Z[l-1])",
    "weights": "dW[l] = (1/m) dZ[l] A[l-1]ᵀ",
    "weights_penalized": "dW[l] = (1/m) dZ[l] A[l-1]ᵀ + λ₂ W[l] + λ₁ sign(W[l])",
    "biases": "db[l] = (1/m) Σᵢ dZ[l]",
    "embeddings": "dE[j][:,c] = (1/m) Σᵢ dA[0][rows of E[j],C[j] = c]",
    "update_embeddings": "E[j] := E[j] - α dE[j]",
    "update_weights": "W[l] := W[l] - α dW[l]",
    "update_biases": "b[l] := b[l] - α db[l]",
}
BRACKETS = [
    (a * (b + c), "a (b + c)", r"a\,(b + c)"),
    ((a + b).hadamard(c), "(a + b) * c", r"(a + b) \ast c"),
    (a - (b - c), "a - (b - c)", r"a - (b - c)"),
    (-(a + b), "-(a + b)", r"-(a + b)"),
    ((a @ b).T, "(a b)ᵀ", r"{(a\,b)}^{\mathsf{T}}"),
    ((a + b) ** TWO, "(a + b)²", r"{(a + b)}^{2}"),
    (a.hadamard(b @ c), "a * (b c)", r"a \ast (b\,c)"),
    (t.Total("i", "m", a) * b, "(Σᵢ a) b", r"\left(\sum_{i=1}^{m} a\right)\,b"),
    (b * t.Total("i", "m", a), "b Σᵢ a", r"b\,\sum_{i=1}^{m} a"),
    ((a / b) * c, "(a/b) c", r"\frac{a}{b}\,c"),
    (t.Selection(a + b, t.Text(":"), c), "(a + b)[:,c]", r"(a + b)[\text{:},\,c]"),
    (a / (b + c), "a/(b + c)", r"\frac{a}{b + c}"),
    (t.Number(-2) * a, "(−2) a", r"(-2)\,a"),
    (t.Number(1.5e-7), "1.5e−07", r"1.5\cdot 10^{-7}"),
]
HOSTILE = '<script>alert(1)</script> & "x" \\input{y} %_^~#$'


@pytest.mark.parametrize("name", EQUATIONS)
def test_rows_as_text(name):
    assert text(EQUATIONS[name].formula) == EXPECTED[name]


@pytest.mark.parametrize(("formula", "as_text", "as_latex"), BRACKETS)
def test_brackets(formula, as_text, as_latex):
    assert text(formula) == as_text
    assert latex(formula) == as_latex
    assert ("(" in as_latex) == ("(" in math(formula))


def every_formula():
    """Each row as it stands, at a layer, with shapes, and by rows; and the other kinds of nodes."""
    for name, row in EQUATIONS.items():
        yield row.formula
        if name in ("penalty", "network", "linear_model"):
            continue
        numbered = at_layer(row.formula, 2, 2)
        yield from (with_shapes(numbered, (2, 3, 1), 4), with_shapes(by_rows(numbered), (2, 3, 1), 4, rows=True))
    yield from (formula for formula, *_ in BRACKETS)
    yield t.Cases(((x, x), (-x, None)))
    yield t.Derivative(t.Symbol("L"), t.Symbol("A", "1", ("i", "j")))
    yield t.Matrix((("1", None, "−2e-5"), (None, None, None), ("0.5", None, "∞")))
    yield t.Equation(t.Symbol("ŷ"), t.Symbol("λ₁") * t.Symbol("ỹ") + t.Text(HOSTILE) + t.Symbol("softmax′", "2"))


@pytest.mark.parametrize("formula", list(every_formula()), ids=lambda formula: text(formula)[:30])
def test_mathml_is_well_formed_and_of_mathml_core(formula):
    root = ET.fromstring(math(formula).replace("&#160;", " "))
    core = "math mrow mi mn mo mtext mfrac msup msub msubsup munder munderover mover mtable mtr mtd mspace"
    assert {element.tag for element in root.iter()} <= set(core.split())
    children = {"mfrac": 2, "msup": 2, "msub": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
    for element in root.iter():
        assert len(element) == children.get(element.tag, len(element)), element.tag


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
def test_latex_of_every_formula_compiles(tmp_path):
    lines = [rf"\[ {latex(formula)} \]" for formula in every_formula()]
    accents = "".join(chr(code) for code in range(0xA0, 0x180))
    prose = plain(f"{HOSTILE} Σᵢ λ₁₂ Wₖⱼ dZ Aᵀ × ŷ ½ x² 猫 \x00 \n “–” {accents}")
    (tmp_path / "all.tex").write_text(document(f"Δ 100 % {HOSTILE}", "\n\n".join([prose, *lines])), "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=GIVE_UP, check=False)
    assert result.returncode == 0, result.stdout.decode(errors="replace")[-1500:]


def test_shapes_stand_under_their_letters():
    upper, lower = stacked(with_shapes(at_layer(EQUATIONS["weights"].formula, 1, 1), (784, 10), 5000))
    assert upper == "dW[1]  = (1/m) dZ[1]   A[0]ᵀ"
    assert lower == "10×784         10×5000 5000×784"
    for letter, shape in (("dW[1]", "10×784"), ("dZ[1]", "10×5000"), ("A[0]ᵀ", "5000×784")):
        assert upper.index(letter) == lower.index(shape)
