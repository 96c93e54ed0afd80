"""Every command reads a file to its last row, or names the line that it cannot read."""

import csv

import pytest

from chainrule import load
from chainrule._errors import TableError

QUICK = ("--hidden", "4", "--epochs", "1", "--quiet", "-m", "new.safetensors")


@pytest.fixture
def lines(classes, tmp_path, monkeypatch):
    """The lines of a table that the model takes: its header and 60 rows."""
    monkeypatch.chdir(tmp_path)
    return classes.test_table.read_text().splitlines()


def two_exports(lines):
    return [*lines[:41], f"id,{lines[0]}", *(f"{i},{line}" for i, line in enumerate(lines[41:]))]


# What is wrong, and the line to name.
BROKEN = {
    "two exports": (two_exports, "line 42 "),
    "rows too long": (lambda lines: [*lines[:7], *(f"{line},1" for line in lines[7:])], "line 8 "),
    "a row too long": (lambda lines: [*lines[:50], f"{lines[50]},1", *lines[51:]], "line 51 "),
    "a row too short": (lambda lines: [*lines[:50], lines[50].rpartition(",")[0], *lines[51:]], "line 51 "),
    "a note between rows": (lambda lines: [*lines[:30], "# checked", *lines[30:]], "line 31 "),
}
COMMANDS = [
    ("train", "{table}", "-t", "kind", *QUICK),
    ("train", "{table}", "-t", "kind", "--memory", "1GB", *QUICK),
    ("train", "SELECT * FROM '{table}'", "-t", "kind", *QUICK),
    ("train", "{good}", "-t", "kind", "--test-table", "{table}", *QUICK),
    ("train", "{good}", "-t", "kind", "--test-table", "{table}", "--checkpoint", "run", *QUICK),
    *(("predict", "{model}", "{table}", "-o", f"out{ending}") for ending in (".csv", ".parquet")),
    ("predict", "{model}", "{table}", "-o", "out.csv", "--memory", "1GB"),
    ("predict", "{model}", "FROM '{table}'", "-o", "out.csv"),
    ("evaluate", "{model}", "{table}"),
    ("evaluate", "{model}", "{table}", "--memory", "1GB"),
    ("trace", "{model}", "{table}", "--row", "2"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_of_two_shapes_is_refused(chainrule, classes, lines, tmp_path, command):
    places = {"model": classes.model, "good": classes.table, "table": "bad.csv"}
    for broken, line in BROKEN.values():
        (tmp_path / "bad.csv").write_text("\n".join(broken(lines)) + "\n")
        assert line in chainrule(*(part.format(**places) for part in command)).error
        with pytest.raises(TableError, match=line):
            load(classes.model).predict("bad.csv")
        left = {path.name for path in tmp_path.iterdir()} - {"run"}
        assert left == {"bad.csv"}


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
def test_as_many_predictions_as_rows(chainrule, classes, lines, tmp_path, memory):
    """Also where a row begins with #, as errors of spreadsheets do."""
    marked = [f"#DIV/0!{line[line.index(',') :]}" if i % 7 == 3 else line for i, line in enumerate(lines)]
    for text in ("\n".join(marked), "Flowers of June\r\n\r\n" + "\r\n".join(lines) + "\r\n\r\n"):
        (tmp_path / "t.csv").write_text(text, newline="")
        outcome = chainrule("predict", classes.model, "t.csv", "-o", "p.csv", *memory)
        assert outcome.code == 0, outcome.stderr
        with (tmp_path / "p.csv").open(newline="") as file:
            assert len(list(csv.DictReader(file))) == 60
        assert chainrule("evaluate", classes.model, "t.csv", "--json", *memory).json["rows"] == 60
    assert len(load(classes.model).predict("t.csv")) == 60


def test_as_many_rows_to_train_on(chainrule, lines, tmp_path):
    marked = [f"#DIV/0!{line[line.index(',') :]}" if i % 7 == 3 else line for i, line in enumerate(lines)]
    (tmp_path / "t.csv").write_text("\n".join(marked))
    for memory in ((), ("--memory", "1GB")):
        outcome = chainrule("train", "t.csv", "-t", "kind", "--json", *QUICK, *memory)
        assert outcome.json["rows"]["train"] + outcome.json["rows"]["test"] == 60


def test_a_process_ends_the_same_way(process, classes, lines, tmp_path):
    (tmp_path / "bad.csv").write_text("\n".join(two_exports(lines)))
    assert "line 42 " in process("predict", classes.model, "bad.csv", "-o", "out.csv").error
    assert not (tmp_path / "out.csv").exists()
