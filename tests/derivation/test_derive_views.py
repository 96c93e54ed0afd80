"""A derivation as text, HTML, LaTeX and Markdown."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from chainrule import Dense, Network, derive, trace

from ..patience import GIVE_UP

ROOT = Path(__file__).resolve().parents[2]
CASES = {
    "source": lambda: derive(),
    "element": lambda: derive((3, 5, 2), "relu", detail="element", alpha=0.1, l1_ratio=0.5),
    "focal": lambda: derive((3, 5, 4), "mish", loss="categorical_focal"),
    "binary_focal": lambda: derive((3, 5, 1), "elu", loss="binary_focal"),
    "smoothed": lambda: derive((3, 5, 4), "selu", loss=("categorical_cross_entropy", {"label_smoothing": 0.1})),
    "tweedie": lambda: derive((3, 2), loss="tweedie"),
    "hinge": lambda: derive((3, 4, 1), "hard_tanh", loss="hinge"),
    "huber": lambda: derive((3, 4, 1), "gelu", "tanh", "huber"),
    "own": lambda: derive((3, 4, 2), "z if z > 0 else sin(z)", loss="(a-y)**4 + abs(a)"),
    "numbers": lambda: derive(trace=traced()),
}


def traced():
    net = Network(
        [Dense(6, "softplus", dropout=0.5), Dense(3, "softmax")], n_inputs=2, loss="categorical_cross_entropy"
    )
    X = np.random.default_rng(0).normal(size=(2, 7))
    return trace(net, X, np.eye(3)[:, [0, 1, 2, 0, 1, 2, 0]], sample_weight=[1, 2, 1, 2, 1, 2, 1])


@pytest.fixture(scope="module", params=CASES)
def derivation(request):
    return CASES[request.param]()


def test_text_fits_a_terminal_and_names_every_step(derivation):
    shown = derivation.to_text()
    assert max(map(len, shown.splitlines())) <= 100
    for number, step in enumerate(derivation.steps, 1):
        assert f"{number}. {step.title}" in shown
    assert str(derivation) == shown


def test_html_is_one_well_formed_page_without_script(derivation):
    shown = derivation.to_html()
    assert "<script" not in shown
    assert not re.search(r'(src|href)="', shown)
    body = shown[shown.index("<main") : shown.index("</main>") + len("</main>")]
    tree = ElementTree.fromstring(body)
    assert len(tree.findall(".//section")) == len(derivation.steps)
    assert body in shown
    assert body in derivation._repr_html_()


def test_markdown_has_a_block_of_mathematics_for_every_step(derivation):
    shown = derivation.to_markdown()
    assert shown.count("```math") >= len(derivation.steps)
    assert shown.count("```") % 2 == 0
    for block in re.findall(r"```math\n(.*?)\n```", shown, re.DOTALL):
        assert block.count(r"\begin{") == block.count(r"\end{")
        assert block.count("{") - block.count(r"\{") == block.count("}") - block.count(r"\}")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(derivation, tmp_path):
    (tmp_path / "derivation.tex").write_text(derivation.to_latex(), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "derivation.tex"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=GIVE_UP, check=False)
    log = result.stdout.decode("utf-8", "replace")
    assert result.returncode == 0, log[-2000:]
    assert not [
        line
        for line in log.splitlines()
        if line.startswith("Overfull") and float(line.split("(")[1].split("p")[0]) > 40
    ]


def test_numbers_are_shown_in_small_windows():
    shown = derive(trace=traced()).to_text()
    assert "…" in shown
    assert re.search(r"dZ\[2\] = +[−0-9.]+ +[−0-9.]+ +… +[−0-9.]+\n", shown)


def test_the_documentations_page_is_up_to_date(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["derivation.py", "--check"])
    runpy.run_path(str(ROOT / "docs" / "derivation.py"))
