"""Numbers and tables as they are shown."""

import math
import os
import pty
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from chainrule.cli.display import aligned, figures_table, number, strict_json, wrapped
from chainrule.cli.guard import names
from chainrule.cli.progress import Reading
from chainrule.metrics import classification_figures


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.98551, "0.9855"),
        (0.00004, "0.0000"),
        (1.0, "1.000"),
        (12.3456, "12.35"),
        (54_321.9, "54,322"),
        (-7.123456, "-7.123"),
        (math.inf, "inf"),
        (math.nan, "undefined"),
        (None, "undefined"),
    ],
)
def test_number(value, shown):
    assert number(value) == shown


def test_columns_are_aligned_without_blanks_at_the_end():
    assert aligned([("a", "bb"), ("ccc", "d")]) == "a    bb\nccc  d"
    assert aligned([("a", "1"), ("ccc", "22")], right=[1]) == "a     1\nccc  22"


def test_the_best_of_each_figure_has_a_star():
    figures = {"one": {"accuracy": 0.9, "log_loss": 0.3}, "two": {"accuracy": 0.8, "log_loss": 0.2}}
    lines = figures_table(figures).splitlines()
    assert lines[1].split() == ["accuracy", "0.9000*", "0.8000"]
    assert lines[2].split() == ["log", "loss", "0.3000", "0.2000*"]


def test_a_figure_that_is_no_number_is_never_the_best():
    for undefined in (math.nan, None):
        figures = {"one": {"roc_auc": undefined}, "two": {"roc_auc": 0.5}}
        assert figures_table(figures).splitlines()[1].split() == ["ROC", "AUC", "undefined", "0.5000"]
        assert "*" not in figures_table({"one": {"roc_auc": undefined}, "two": {"roc_auc": undefined}})


def test_a_figure_of_another_version_has_no_best():
    figures = {"one": {"accuracy": 0.9, "new_score": 2.0}, "two": {"accuracy": 0.8}, "three": {"new_score": 1.0}}
    assert [line.split() for line in figures_table(figures).splitlines()[1:]] == [
        ["accuracy", "0.9000*", "0.8000", "undefined"],
        ["new", "score", "2.000", "undefined", "1.000"],
    ]


def test_figures_fit_a_terminal():
    codes, probabilities = np.array([0, 1, 1]), np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3]])
    figures = classification_figures(codes, probabilities)
    table = figures_table(dict.fromkeys(("network", "linear model", "baseline: most frequent class"), figures))
    assert max(map(len, table.splitlines())) <= 80
    assert len(table.splitlines()) == 1 + len(figures)


def test_a_long_text_is_broken_at_words():
    text = "trained with --class-weight balanced, rare classes count more; " * 3
    lines = wrapped(text).splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(line.strip() for line in lines) == text.strip()


def test_strict_json_has_no_infinity():
    assert strict_json({"a": {"b": math.inf, "c": 1.5}, "d": math.nan, "e": ["x"], "f": None}).split() == [
        *("{", '"a":', "{", '"b":', "null,", '"c":', "1.5", "},", '"d":', "null,"),
        *('"e":', "[", '"x"', "],", '"f":', "null", "}"),
    ]


def test_names_come_one_by_one_or_with_commas():
    assert names(("a, b", "c", "")) == ("a", "b", "c")


def test_reading_is_shown_in_a_line_for_each_pass(capsys):
    with closing(Reading(quiet=False)) as reading:
        reading.begin("many.parquet")
        for what in ("measuring", "encoding"):
            for done in (0, 500, 1000):
                reading(what, done, 1000)
    assert capsys.readouterr().err.splitlines() == [
        "reading many.parquet in batches",
        "measuring 1,000 rows",
        "encoding 1,000 rows",
    ]


@pytest.mark.parametrize("options", [{"quiet": True}, {"quiet": False, "in_lines": False}])
def test_reading_that_nobody_asked_about_is_silent(capsys, options):
    with closing(Reading(**options)) as reading:
        reading("measuring", 0, 1000)
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_how_far_reading_is():
    """A real one: what a program writes there is read from the other side."""
    script = """
from chainrule.cli.progress import Reading
from chainrule.metrics import classification_figures
reading = Reading(False)
for done in (0, 250, 1000):
    reading("encoding", done, 1000)
reading.close()
"""
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", script], stderr=theirs, check=True, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    assert "encoding row 1,000 of 1,000" in os.read(ours, 100_000).decode()
    os.close(ours)
