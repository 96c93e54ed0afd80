"""What only a process of its own shows: Ctrl-C, a terminal, a full disk, pipes that close."""

import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest

from chainrule import load

from ..patience import GIVE_UP

ENDLESS = ("--hidden", "16", "--epochs", "1000000", "--patience", "1000000")


@pytest.fixture
def large(tmp_path) -> Path:
    """A table that keeps a training busy for a moment in every epoch."""
    draw = np.random.default_rng(0)
    X = draw.normal(size=(5000, 3))
    table = tmp_path / "large.csv"
    rows = np.column_stack([X, np.where(X.sum(axis=1) > 0, 1, 0)])
    np.savetxt(table, rows, delimiter=",", header="a,b,c,y", comments="", fmt=["%.5f"] * 3 + ["%d"])
    return table


def test_ctrl_c_keeps_the_best_model_so_far(tmp_path, large):
    model = tmp_path / "m.safetensors"
    command = [sys.executable, "-m", "chainrule", "train", large, "-t", "y", "-m", model, "--json", *ENDLESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as training:
        assert any(line.startswith("epoch 2/") for line in training.stderr)
        training.send_signal(signal.SIGINT)
        stdout, stderr = training.communicate(timeout=GIVE_UP)
    assert training.returncode == 0, stderr
    assert "Traceback" not in stderr
    assert "stopped: interrupted in epoch" in stderr
    loaded = load(model)
    assert loaded.model_.training["history"]["stop_reason"] == "interrupted"
    assert '"stop_reason": "interrupted"' in stdout
    assert loaded.evaluate(large)["accuracy"] > 0.9


def read_terminal(arguments: list[str]) -> str:
    """Run a command with a terminal of 100 columns for all its streams; return what it wrote there."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm", COLUMNS="100")
        os.execv(sys.executable, [sys.executable, "-m", "chainrule", *arguments])
    written = b""
    while select.select([terminal], [], [], GIVE_UP)[0]:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux: the other side has closed
            break
        written += part
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    return written.decode()


def test_a_terminal_gets_a_bar_that_goes_away(tmp_path, classes):
    shown = read_terminal(
        ["train", str(classes.table), "-t", "kind", "-m", str(tmp_path / "m"), "--hidden", "4", "--epochs", "5"]
    )
    while_training, after = shown.split("stopped:")
    assert "━" in while_training
    assert re.search(r"\d\d:\d\d.* left  epoch 5/5 loss \S+ val \S+ rate \S+ \S+ rows/s", while_training)
    assert re.search(r"\x1b\[2Ktraining the linear model, to compare\s+$", while_training)  # the bar's line is cleared
    assert "\x1b" not in after
    assert "model saved:" in after


def small_disk() -> None:
    """Let no file of this process grow above 2 kB; writing more fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))


def test_a_full_disk_leaves_the_old_model_whole(process, classes, tmp_path):
    model = tmp_path / "m.safetensors"
    model.write_bytes(classes.model.read_bytes())
    arguments = "train", classes.table, "-t", "kind", "-m", model, "--quiet", "--hidden", "64", "--epochs", "1"
    outcome = process(*arguments, preexec_fn=small_disk)
    assert "cannot write" in outcome.error
    assert str(model) in outcome.error
    assert model.read_bytes() == classes.model.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [model.name]


def test_a_full_disk_leaves_the_old_predictions_whole(process, classes, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("old")
    outcome = process("predict", classes.model, classes.table, "--keep", "-o", out, preexec_fn=small_disk)
    assert "cannot write" in outcome.error
    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_full_standard_output_is_one_line(process, classes):
    with Path("/dev/full").open("wb") as full:
        outcome = process("predict", classes.model, classes.table, stdout=full)
    assert "No space left" in outcome.error


def test_a_reader_that_goes_away_is_no_error_message(classes):
    command = f"{sys.executable} -m chainrule predict {classes.model} \"FROM '{classes.table}', range(3000)\" | head -1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=GIVE_UP)
    assert result.stdout == "prediction,p_big,p_lily,p_rose\n"
    assert result.stderr == ""


def test_quiet_is_silent(process, classes, tmp_path):
    quick = "--hidden", "4", "--epochs", "2", "--quiet"
    outcome = process("train", classes.table, "-t", "kind", "-m", tmp_path / "m", *quick)
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "", "")


def test_a_process_gives_the_bits_that_another_gave(process, chainrule, classes, tmp_path):
    arguments = "train", classes.table, "--test-table", classes.test_table, "-t", "kind", "--drop", "price"
    outcome = process(*arguments, "-m", tmp_path / "m", "--json", "--hidden", "4", "--epochs", "3")
    assert outcome.json["figures"] == classes.report["figures"]
    assert (
        load(tmp_path / "m").model_.parameters.theta.tobytes() == load(classes.model).model_.parameters.theta.tobytes()
    )


@pytest.mark.parametrize("command", ["predict", "evaluate", "trace"])
def test_no_memory_is_one_line(chainrule, classes, monkeypatch, command):
    def no_memory(*_, **__):
        raise duckdb.OutOfMemoryException("Out of Memory Error: Allocation failure")

    monkeypatch.setattr(duckdb, "connect", no_memory)
    outcome = chainrule(command, classes.model, classes.table)
    assert outcome.code == 2
    assert outcome.stderr == "Error: the table does not fit into memory; take fewer rows or columns.\n"


@pytest.mark.parametrize("command", ["predict", "evaluate", "summary", "trace", "derive", "--version"])
def test_a_closed_standard_output_is_one_line(classes, command):
    arguments = {"predict": [classes.model, classes.table], "summary": [classes.model]}
    given = arguments | dict.fromkeys(("evaluate", "trace"), arguments["predict"])
    words = " ".join(map(str, [sys.executable, "-m", "chainrule", command, *given.get(command, [])]))
    result = subprocess.run(f"{words} >&-", shell=True, capture_output=True, text=True, check=False, timeout=GIVE_UP)
    assert result.returncode == 2
    assert result.stderr == "Error: standard output is closed. Leave it open, or send it to a file.\n"


def test_help_on_a_full_disk_is_one_line(process):
    with Path("/dev/full").open("wb") as full:
        outcome = process("train", "--help", stdout=full)
    assert "the system says: [Errno 28] No space left" in outcome.error
