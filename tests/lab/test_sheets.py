"""Sheets and keys: a page without scripts, a document that compiles; no answer on the sheet, all of them on the key."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from chainrule import lab
from chainrule.lab.numbers import entries

from ..patience import GIVE_UP

SHEETS = {
    "default": lab.worksheet(seed=7),
    "softmax": lab.worksheet((2, 3, 2), m=3, output="softmax", activation="tanh", seed=2, blanks="backward"),
    "product": lab.worksheet((2, 2, 2), m=1, output="sigmoid", loss="squared_error", activation="hard_tanh"),
    "deep": lab.worksheet((2, 2, 2, 1), activation="leaky_relu", blanks=0.4, seed=3),
    "wide": lab.worksheet((5, 5, 2), m=4, output="sigmoid", activation="sigmoid", seed=1, decimals=5),
}
ALL = pytest.mark.parametrize("sheet", SHEETS.values(), ids=list(SHEETS))


class Cells(HTMLParser):
    """The text of every cell to be filled, and whether tags close."""

    def __init__(self, html):
        super().__init__()
        self.open, self.cells, self.inside = [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)
        assert tag not in ("script", "link", "img", "iframe", "form")
        if tag == "div":
            self.inside = ("class", "cells") in attrs
        elif tag == "span" and self.inside:
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.inside and self.open[-1:] == ["span"]:
            self.cells[-1] += data


@ALL
def test_the_sheet_has_a_cell_for_each_number_and_the_key_the_number_in_it(sheet):
    asked, key = Cells(sheet.to_html()), Cells(sheet.to_html(key=True))
    assert asked.open == key.open == []
    assert asked.cells == [""] * sum(answer.size for answer in sheet.answers.values())
    written = [float(cell.replace("−", "-")) for cell in key.cells]
    answers = np.concatenate([answer.ravel() for answer in sheet.answers.values()])
    np.testing.assert_allclose(written, answers, atol=0.5 * 10.0**-sheet.decimals + 1e-9)


@ALL
def test_a_sheet_does_not_tell_its_answers(sheet):
    """No matrix of the key stands on the sheet, unless it is one that is given."""
    for name, answer in sheet.answers.items():
        written = " & ".join(entries(answer, sheet.decimals)[0]).replace("−", "-")
        if answer.shape[1] > 1 and "." in written and not name.startswith("A"):
            assert written in sheet.to_latex(key=True)
            assert written not in sheet.to_latex() or any(written in str(other) for other in given(sheet))


def given(sheet):
    lines = [
        *sheet.trace.W[1:],
        sheet.trace.A[0],
        *(sheet.on_sheet(n) for n in set(sheet.quantities) - set(sheet.answers)),
    ]
    return [" & ".join(row).replace("−", "-") for line in lines for row in entries(line, sheet.decimals)]


@ALL
def test_the_arithmetic_of_the_key_adds_up(sheet):
    """Every line that is written out is calculated anew, by Python."""
    functions = {
        "relu": lambda z: max(z, 0),
        "identity": lambda z: z,
        "tanh": np.tanh,
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "exp": np.exp,
        "log": np.log,
        "hard_tanh": lambda z: min(max(z, -1), 1),
        "leaky_relu": lambda z: z if z > 0 else 0.1 * z,
    }
    lines = re.findall(r'<p class="faint">(.*?)</p>', sheet.to_html(key=True))
    assert len(lines) == len(sheet.blanks)
    for line in lines:
        *ways, result = re.split("[=≈]", line.partition(": ")[2] or line)
        code = ways[-1].replace("−", "-").replace("·", "*").replace("²", "**2").replace(" ", "")
        code = code.replace("hardtanh", "hard_tanh").replace("leakyrelu", "leaky_relu")
        value = eval(code, {"__builtins__": {}}, functions)  # our own text
        assert value == pytest.approx(float(result.replace("−", "-")), abs=2e-3), line
    assert "′(" not in "".join(re.split("[=≈]", line)[-2] for line in lines)


def test_words_of_the_sheet():
    html = SHEETS["default"].to_html()
    for words in (
        "2 inputs, 2 hidden units (relu), 1 output (identity); loss: squared error; m = 2 examples",
        "g[1]′(z) = 1 if z &gt; 0, else 0",
        "Write exact numbers or fractions, or round to 4 decimals.",
        "exercise 7",
        "/ 34",
    ):
        assert words in html
    assert "natural logarithm" in SHEETS["softmax"].to_html()
    assert "one example" in SHEETS["product"].to_html()
    assert "else 0.1 z" in SHEETS["deep"].to_latex()


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
@pytest.mark.parametrize("key", [False, True])
@ALL
def test_latex_compiles(sheet, key, tmp_path):
    (tmp_path / "sheet.tex").write_text(sheet.to_latex(key=key), "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "sheet.tex"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=GIVE_UP)
    assert result.returncode == 0, result.stdout[-2000:]
    assert "Overfull \\hbox" not in result.stdout
