"""`chainrule derive`: to the terminal, to files of every kind, and with bad input."""

import pytest

SOURCE = ("--layers", "2,16,1", "--activation", "tanh", "--output", "sigmoid", "--loss", "binary_cross_entropy")


def test_the_sources_network_is_derived(chainrule):
    outcome = chainrule("derive", *SOURCE)
    assert outcome.code == 0
    assert "dZ[2] = A[2] - Y" in outcome.stdout
    assert outcome.stdout == chainrule("derive").stdout


@pytest.mark.parametrize(
    ("ending", "start"), [("html", "<!DOCTYPE html>"), ("tex", "\\documentclass"), ("md", "# "), ("txt", "Back")]
)
def test_files_of_every_kind_are_written(chainrule, tmp_path, ending, start):
    path = tmp_path / f"derivation.{ending}"
    outcome = chainrule("derive", *SOURCE, "-o", path)
    assert (outcome.code, outcome.stdout) == (0, "")
    content = path.read_text(encoding="utf-8")
    assert content.startswith(start)
    assert chainrule("derive", *SOURCE, "--format", ending).stdout == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_format_is_written_under_any_name(chainrule, tmp_path):
    path = tmp_path / "derivation.page"
    assert chainrule("derive", "--format", "html", "-o", path).code == 0
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_own_formulas_and_several_activations(chainrule):
    outcome = chainrule("derive", "--layers", "3,4,4,2", "-a", "z*sigmoid(z)", "-a", "max(0, z)", "--loss", "(a-y)**4")
    assert "= (4/n[3]) (A[3] - Y)³" in outcome.stdout
    assert "g[1](z) = z σ(z)" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--layers", "2,x,1"), "whole numbers with commas"),
        (("--layers", "2"), "between 2 and 51"),
        (("--layers", "2,²,1"), "whole numbers with commas"),
        (("--layers", "2,-3,1"), "whole numbers with commas"),
        (("-a", "tanhh"), "Did you mean 'tanh'?"),
        (("-a", "__import__('os')"), "neither a known name nor a formula in z"),
        (("-a", "z + __import__('os')"), "cannot be read as a formula"),
        (("-a", "tanh", "-a", "tanh"), "a list of 1"),
        (("--loss", "nothing"), "is not known"),
        (("-o", "derivation.pdf"), "cannot tell the format"),
        (("-o", "no/such/folder/d.html"), "there is no folder"),
        (("--format", "html", "-o", "no/such/folder/d.html"), "cannot write"),
        (("--alpha", "nan"), "alpha must be"),
    ],
)
def test_bad_input_is_one_line(chainrule, arguments, message):
    assert message in chainrule("derive", *arguments).error
