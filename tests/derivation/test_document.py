"""Every writer writes every document: of a trace, a derivation, a worksheet, a gradient check."""

import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest

from chainrule import Dense, Network, derive, gradcheck, lab, trace
from chainrule.derivation.checks.gradient_check_result import document_of_check
from chainrule.derivation.deriving.document_of_derivation import document_of_derivation
from chainrule.derivation.document.blocks import Document, Examples, Group, Part, Prose
from chainrule.derivation.document.html import as_fragment, as_page
from chainrule.derivation.document.latex import as_latex
from chainrule.derivation.document.markdown import as_markdown
from chainrule.derivation.document.text import as_text
from chainrule.derivation.tracing.document_of_trace import document_of_trace
from chainrule.lab.document_of_worksheet import document_of_worksheet

from ..patience import GIVE_UP


def documents():
    net, X, Y = Network([Dense(3, "relu"), Dense(1, "sigmoid")], n_inputs=2), np.eye(2), [[0.0, 1.0]]
    traced, sheet = trace(net, X, Y), lab.worksheet(seed=7)
    derivation = derive(trace=traced)
    asked = (sheet.trace, sheet.quantities, sheet.blanks[::2], sheet.decimals, sheet.seed)
    return {
        "trace": document_of_trace(traced, "both"),
        "derivation": document_of_derivation(derivation.setting, derivation.steps),
        "worksheet": document_of_worksheet(*asked, key=False),
        "key": document_of_worksheet(*asked, key=True),
        "gradient check": document_of_check(gradcheck(net, X, Y)),
    }


DOCUMENTS = documents()
ALL = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=list(DOCUMENTS))


@ALL
def test_text_and_markdown(document):
    assert max(map(len, as_text(document).splitlines())) <= 100
    shown = as_markdown(document)
    assert shown.count("```math") * 2 == shown.count("```")
    for written in (as_text(document), shown):
        assert document.title in written
        assert "None" not in written
        assert "object at" not in written


@ALL
def test_html_is_well_formed_and_alike_on_a_page_and_in_a_notebook(document):
    shown = as_page(document)
    body = shown[shown.index("<main") : shown.index("</main>") + len("</main>")]
    ElementTree.fromstring(body)
    assert body in as_fragment(document)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
@ALL
def test_latex_compiles(document, tmp_path):
    (tmp_path / "document.tex").write_text(as_latex(document), "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "document.tex"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=GIVE_UP, check=False)
    assert result.returncode == 0, result.stdout.decode(errors="replace")[-1500:]


def test_what_is_not_asked_for_stands_on_the_sheet_and_what_is_does_not():
    shown = as_text(DOCUMENTS["worksheet"])
    assert "Z[1] = ?  ?" in shown
    assert "A[1] = 0.0  1.5" in shown
    assert "?" not in as_text(DOCUMENTS["key"])


def test_a_bar_in_a_name_does_not_end_a_cell_of_a_table():
    table = Examples(np.eye(2), rows=("a|b", "c"), columns=("x", "y"))
    shown = as_markdown(Document("", (Part("Given", (Group((Prose("words"), table), "given"),)),)))
    assert r"| a\|b | 1 | 0 |" in shown
