"""Numbers and tables as they are shown."""

import math
import os
import pty
import subprocess
import sys
from contextlib import closing

import pytest

from chainrule.cli.display import aligned, figures_table, number, strict_json
from chainrule.cli.guard import names
from chainrule.cli.progress import Reading


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
        (math.nan, "nan"),
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
    assert lines[1].split() == ["one", "0.9000*", "0.3000"]
    assert lines[2].split() == ["two", "0.8000", "0.2000*"]


def test_a_figure_that_is_no_number_is_never_the_best():
    figures = {"one": {"roc_auc": math.nan}, "two": {"roc_auc": 0.5}}
    assert figures_table(figures).splitlines()[1].split() == ["one", "nan"]
    assert "*" not in figures_table({"one": {"roc_auc": math.nan}, "two": {"roc_auc": math.nan}})


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
