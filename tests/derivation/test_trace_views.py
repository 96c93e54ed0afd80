"""A trace as text, page, LaTeX and data: what it must say, for whatever networks and names there are."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from chainrule import Dense, MLPClassifier, Network, trace
from chainrule._errors import InvalidParameterError
from chainrule.derivation.document.matrix_window import window
from chainrule.derivation.tracing.trace import trace_of

from ..patience import GIVE_UP
from .networks import EMBEDDINGS, random_problem

HOSTILE = "<script>alert(1)</script>[bold red]\x1b[31m\\input{/etc/passwd}$%&\n猫_^~#{}"


def by_hand():
    """A 2-2-1 network of sigmoids whose pass can be done by hand: all weights 0."""
    net = Network([Dense(2, "sigmoid"), Dense(1, "sigmoid")], n_inputs=2)
    net.parameters.theta[:] = 0
    return trace(net, [[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0]], learning_rate=2.0)


def wide():
    """64 inputs, 40 units and 200 examples: more than any window shows."""
    net = Network([Dense(40, "relu"), Dense(10, "softmax")], n_inputs=64, loss="categorical_cross_entropy")
    draw = np.random.default_rng(0)
    return trace(net, draw.normal(size=(64, 200)), np.eye(10)[draw.integers(10, size=200)].T)


def embedded():
    return trace_of(random_problem(0, embeddings=EMBEDDINGS, dropout=(0.3,), L=1))


def words_of(html):
    """The text of a page, its style left out."""
    found = []
    reader = HTMLParser()
    reader.handle_data = found.append
    reader.feed(html.partition("</style>")[2])
    return " ".join(found)


def test_the_numbers_are_those_done_by_hand():
    # A[1] = A[2] = 0.5; loss log 2; dZ[2] = 0.5 - y; dW[2] = mean of dZ[2] A[1] = 0; new b[2] = 0 - 2 * 0
    shown = by_hand().to_text()
    assert "J = 0.693147" in shown
    assert "dZ[2] = [ −0.5  0.5 ]" in shown
    assert "dW[2] = [ 0  0 ]" in shown
    assert "Lᵢ = [ 0.6931  0.6931 ]" in shown
    assert "dW[2] = (1/m) dZ[2] A[1]ᵀ\n  1×2           1×2   2×2\n" in shown


def test_where_the_mean_is_taken_is_said_at_those_steps_alone():
    shown = by_hand().to_text()
    assert shown.count("the mean over the examples is taken here: 1/m, m = 2") == 1 + 2 + 2
    assert shown.count("no 1/m here") == 3  # dZ[2], dA[1], dZ[1]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("layout", ["columns", "both"])
@pytest.mark.parametrize("embeddings", [(), EMBEDDINGS], ids=["", "embeddings"])
def test_every_view_of_any_network(seed, layout, embeddings):
    traced = trace_of(random_problem(seed, embeddings=embeddings))
    shown = traced.to_text(layout=layout)
    assert max(map(len, shown.splitlines())) <= 100
    assert "\x1b" not in shown
    for written in (shown, traced.to_html(layout=layout), traced.to_latex(layout=layout)):
        assert not re.search(r"(?<![\w.])[-−]0(\.0+)?(?![\w.])", words_of(written) if "<html" in written else written)
        assert "None" not in written
        assert ("examples in rows" in written) == (layout == "both")
    record = json.loads(json.dumps(traced.to_dict(), allow_nan=False))
    for name in ("W", "Z", "A", "dZ", "dA", "dW", "db", "E", "C", "dE", "new_E"):
        for stored, array in zip(record[name], getattr(traced, name), strict=True):
            np.testing.assert_array_equal(stored, array)
    assert record["cost"] == traced.cost


def test_codes_and_plain_inputs_are_given_apart():
    traced = trace_of(random_problem(1, embeddings=EMBEDDINGS, n_columns=3))
    shown = traced.to_text()
    assert "embeddings     column 2, 5 levels in 3 numbers; column 1, 40 levels in 2 numbers" in shown
    assert "X  the plain inputs  (1 × " in shown
    assert "C[0]  the levels of column 2" in shown
    assert "once, in J, dW, db and dE" in " ".join(shown.split())
    named = replace(traced, inputs=("town", "job", "age")).to_text()
    assert "C[1]  the levels of town" in named
    assert "\n  age" in named


def test_large_matrices_are_cut_and_their_size_is_said():
    traced = wide()
    shown, page, document = traced.to_text(), traced.to_html(), traced.to_latex()
    assert "a window of 8 × 8 of 40 × 64" in shown
    assert "a window of 8 × 8 of 40 × 64" in words_of(page)
    assert r"\text{of }40 \times 64" in document
    assert page.count("<mtr>") == page.count("</mtr>")
    assert max(row.count("<mtd>") for row in re.findall("<mtr>.*?</mtr>", page)) == 8
    assert max(table.count("<mtr>") for table in re.findall("<mtable>.*?</mtable>", page)) == 8
    assert len(page) < 600_000


def test_windows_keep_the_corners():
    array = np.arange(300.0).reshape(20, 15)
    rows = window(array).rows
    assert (len(rows), {len(row) for row in rows}) == (8, {8})
    assert (rows[0][0], rows[0][-1], rows[-1][0], rows[-1][-1]) == ("0", "14", "285", "299")
    assert rows[6] == (None,) * 8


@pytest.mark.parametrize("scale", [1e-300, 1e-7, 1e-3, 1.0, 1e3, 1e8, 1e300])
def test_no_number_is_shown_as_zero_that_is_none(scale):
    draw = np.random.default_rng(3)
    array = draw.normal(size=(8, 8)) * scale * 10.0 ** draw.integers(-6, 1, size=(8, 8))
    for cells, numbers in zip(window(array).rows, array, strict=True):
        for cell, number in zip(cells, numbers, strict=True):
            assert float(cell.replace("−", "-")) == pytest.approx(number, rel=0.4)


def test_what_is_not_finite_is_shown_and_stays_json():
    traced = by_hand()
    traced.Z[1][0, 0], traced.Z[1][0, 1] = np.nan, -np.inf
    assert "⎡ nan" in traced.to_text()
    assert "−∞" in traced.to_text()
    record = json.loads(json.dumps(traced.to_dict(), allow_nan=False))
    assert record["Z"][1][0] == ["NaN", "-Infinity"]
    assert [float(word) for word in record["Z"][1][0]][1] == -np.inf
    assert "∞" in traced.to_html()
    assert r"\infty" in traced.to_latex() or "∞" in traced.to_latex()


def hostile():
    return replace(by_hand(), inputs=(HOSTILE, "b"), outputs=(HOSTILE,), examples=(HOSTILE, HOSTILE))


def test_names_from_outside_are_text_everywhere():
    traced = hostile()
    page = traced.to_html()
    assert "<script" not in page
    assert "<script>alert(1)</script>" in words_of(page)
    shown = traced.to_text()
    assert "\x1b" not in shown
    assert "<script>alert(1)</script>[b" in shown  # no markup, and cut to a line
    assert r"\input{" not in traced.to_latex().split(r"\begin{document}")[1]


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
@pytest.mark.parametrize(
    "make", [hostile, wide, embedded, *(lambda s=s: trace_of(random_problem(s)) for s in range(4))]
)
def test_latex_compiles(make, tmp_path):
    (tmp_path / "trace.tex").write_text(make().to_latex(layout="both"), "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "trace.tex"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=GIVE_UP, check=False)
    log = result.stdout.decode(errors="replace")
    assert result.returncode == 0, log[-1500:]
    assert [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log) if float(points) > 30] == []


def test_names_of_columns_and_classes_are_shown():
    draw = np.random.default_rng(0)
    X = pd.DataFrame(draw.normal(size=(60, 2)), columns=["size", "weight"])
    model = MLPClassifier((3,), max_iter=20, tol=1, random_state=0).fit(
        X, np.array(["cat", "dog", "emu"])[np.arange(60) % 3]
    )
    shown = trace(model, X[:2], ["dog", "emu"]).to_text()
    for name in ("size  ", "weight", "cat", "dog", "emu"):
        assert f"\n  {name}" in shown


def test_an_unknown_layout_is_an_error():
    for view in ("to_text", "to_html", "to_latex"):
        with pytest.raises(InvalidParameterError, match="Did you mean 'columns'"):
            getattr(by_hand(), view)(layout="column")
