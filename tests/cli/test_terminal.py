"""No control character of a table, a model or a file name reaches the terminal, and no cell becomes a formula."""

import csv
import io
import re
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner

from chainrule import cli
from chainrule.cli import terminal

NAMES = ["size\x1b[31m", "na\nme", "b\u202edi", "kind"]
TRAIN = ("-t", "kind", "--hidden", "3", "--epochs", "2")
LABELS = ["=1+1", "+cmd|' /C calc'!A0", "\x1b[2Jgone"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model and a table, both with hostile names and texts."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = [[(i * 7) % 13 - 6.5, i % 5, f"@x\x07{i % 3}", LABELS[i % 3]] for i in range(60)]
    with (folder / "evil\x1b]0;owned\x07\n.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([NAMES, *rows])
    outcome = run("train", table(folder), *TRAIN, "-m", folder / "m\x1b[0m")
    assert outcome.exit_code == 0, outcome.output
    return folder


def table(folder):
    return next(path for path in folder.iterdir() if path.suffix == ".csv")


def run(*arguments):
    """Run a command as on a terminal with colours: click itself would remove escape sequences elsewhere."""
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments], color=True)


def controls(text):
    return {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp")} - {"\n"}


@pytest.mark.parametrize(
    "command",
    [
        ("train", "TABLE", *TRAIN, "-m", "NEW"),
        ("train", "TABLE", *TRAIN, "-m", "NEW", "--memory", "1GB"),
        ("train", "TABLE", "-t", "kind\x1b[31m"),
        ("train", "TABLE", "-t", "kind", "--drop", "\u202e"),
        ("train", "TABLE", "TABLE"),
        ("train", "TABLE", "--\x1b[31m"),
        ("train", "TABLE", "-t", "kind", "--seed", "\x1b[31m"),
        ("summary", "MODEL"),
        ("evaluate", "MODEL", "TABLE"),
        ("evaluate", "MODEL", "missing\x1b[31m.csv"),
        ("predict", "missing\x1b[31m", "TABLE"),
        ("predict", "MODEL", "TABLE", "-o", "\x1b[31m.docx"),
        ("trace", "MODEL", "TABLE"),
        ("check", "TABLE"),
        ("derive", "--activation", "z\x1b[31m"),
        ("\x1b[31m",),
    ],
    ids=lambda command: " ".join(command).encode("unicode_escape").decode(),
)
def test_control_characters_are_escapes(folder, command):
    places = {"TABLE": table(folder), "MODEL": folder / "m\x1b[0m", "NEW": folder / "new\x1b[0m"}
    outcome = run(*(places.get(part, part) for part in command))
    assert outcome.output
    assert not controls(outcome.output)


def test_names_of_two_lines_stay_in_one(folder):
    shown = run("summary", folder / "m\x1b[0m").stdout
    for name in (r"size\x1b[31m", r"na\nme", r"b\u202edi"):
        assert any(line.startswith(f"{name}  ") for line in shown.splitlines()), name
    assert r"classes: \x1b[2Jgone, +cmd|' /C calc'!A0, =1+1" in shown


def test_words_and_emoji_stay_as_they_are():
    for text in ("größe", "می\u200cخواهم", "👩\u200d🚀", "日本語", "a\nb"):
        assert terminal.shown(text) == text


def test_predictions_on_a_terminal_are_shown_and_elsewhere_exact(monkeypatch):
    class Output(io.BytesIO):
        def isatty(self):
            return True

    stream = io.TextIOWrapper(Output(), encoding="utf-8")
    monkeypatch.setattr("sys.stdout", stream)
    assert stream.isatty()
    written = terminal.standard_output()
    for byte in "ü\x1b[31m\u202e,1\n".encode():
        written.write(bytes([byte]))
    assert stream.buffer.getvalue().decode() == "ü\\x1b[31m\\u202e,1\n"


def test_every_command_prints_through_one_place():
    for path in Path(cli.__file__).parent.glob("*.py"):
        if path.name != "terminal.py":
            assert not re.search(r"click\.echo|click\.secho|(?<!\.)\bprint\(", path.read_text()), path.name


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_a_spreadsheet_runs_no_cell(folder, tmp_path, ending, memory):
    out = tmp_path / f"p{ending}"
    command = ("predict", folder / "m\x1b[0m", table(folder), "--keep", "--safe-for-spreadsheets", "-o", out, *memory)
    assert run(*command).exit_code == 0
    with out.open(newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t" if ending == ".tsv" else ",")
    assert len(rows) == 60
    for cell in [*header, *(cell for row in rows for cell in row)]:
        assert cell[0] not in "=+-@\t\r\n" or float(cell) < 0
    assert {row[3] for row in rows} == {"'=1+1", "'+cmd|' /C calc'!A0", "\x1b[2Jgone"}
    assert {float(row[0]) for row in rows} == {i - 6.5 for i in range(13)}


def test_a_spreadsheet_takes_text_files_alone(folder, tmp_path):
    for ending in (".json", ".parquet"):
        out = tmp_path / f"p{ending}"
        outcome = run("predict", folder / "m\x1b[0m", table(folder), "--safe-for-spreadsheets", "-o", out)
        assert outcome.exit_code == 2
        assert "is for .csv and .tsv files" in outcome.output
        assert not out.exists()
