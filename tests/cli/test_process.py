"""What only a process of its own shows: Ctrl-C, a terminal, a full disk, pipes that close."""

import json
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


@pytest.mark.parametrize(("number", "code", "name"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")])
def test_an_interrupted_training_keeps_the_best_model_so_far(tmp_path, large, number, code, name):
    model = tmp_path / "m.safetensors"
    command = [sys.executable, "-m", "chainrule", "train", large, "-t", "y", "-m", model, "--json", *ENDLESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as training:
        assert any(line.startswith("epoch 2/") for line in training.stderr)
        training.send_signal(number)
        stdout, stderr = training.communicate(timeout=GIVE_UP)
    assert training.returncode == code, stderr
    assert "Traceback" not in stderr
    assert "stopped: interrupted in epoch" in stderr
    assert stderr.endswith(f"Interrupted by {name}; what was complete is kept.\n")
    loaded = load(model)
    assert loaded.model_.training["history"]["stop_reason"] == "interrupted"
    assert '"stop_reason": "interrupted"' in stdout
    assert loaded.evaluate(large)["accuracy"] > 0.9


# Put before the command: at a named moment the process sends itself a signal.
AT = """
import os, signal, sys
import chainrule.cli
class Dropped:
    def __init__(self, number):
        self.number = number
    def __del__(self):
        os.kill(os.getpid(), self.number)
        sum(range(10))
def at(module, name, number, where="before"):
    import importlib
    holder = importlib.import_module(module)
    *path, last = name.split(".")
    for part in path:
        holder = getattr(holder, part)
    original = getattr(holder, last)
    def moment(*args, **kwargs):
        setattr(holder, last, original)
        if where == "before":
            os.kill(os.getpid(), number)
        if where == "in a finaliser":
            Dropped(number)
        result = original(*args, **kwargs)
        if where == "after":
            os.kill(os.getpid(), number)
        return result
    setattr(holder, last, moment)
{}
from chainrule.__main__ import run
run()
"""
MOMENTS = {
    "importing": 'at("importlib", "import_module", {})',
    "reading": 'at("chainrule.table.reading.read", "scanned", {})',
    "splitting": 'at("chainrule.tabular.prepare", "split_table", {})',
    "encoding": 'at("chainrule.table.encoding.encoder", "Encoder.transform", {})',
    "in a finaliser": 'at("chainrule.tabular.prepare", "split_table", {}, "in a finaliser")',
    "making a folder": 'at("tempfile", "mkdtemp", {}, "after")',
    "deleting a folder": 'at("shutil", "rmtree", {}, "before")',
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_an_interrupted_command_is_one_line_and_leaves_no_folder(tmp_path, large, moment, number):
    folder = tmp_path / "temporary"
    folder.mkdir()
    code = AT.format(moment.format(int(number)))
    command = [sys.executable, "-c", code, "train", large, "-t", "y", "-m", tmp_path / "m", "--quiet", *ENDLESS[:2]]
    ended = subprocess.run(
        [*command, "--epochs", "1", "--memory", "500MB"],
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=GIVE_UP,
    )
    assert ended.returncode == 128 + number, ended.stderr
    assert re.fullmatch(
        r"Interrupted by (Ctrl-C|SIGTERM)( before the end|; what was complete is kept)\.\n", ended.stderr
    )
    assert list(folder.iterdir()) == []


def test_ctrl_c_while_baselines_are_trained_keeps_the_model(tmp_path, large):
    code = AT.format('at("chainrule.tabular.train", "_linear_model", signal.SIGINT)')
    model = tmp_path / "m"
    command = [sys.executable, "-c", code, "train", large, "-t", "y", "-m", model, "--json", *ENDLESS[:2]]
    ended = subprocess.run([*command, "--epochs", "1"], capture_output=True, text=True, check=False, timeout=GIVE_UP)
    assert ended.returncode == 130
    assert json.loads(ended.stdout)["baselines"] == {}
    assert load(model).model_.training["history"]["stop_reason"] == "max_iter"


def test_a_signal_that_the_caller_ignores_stays_ignored(process, classes, tmp_path):
    """As under `nohup` or behind `&`."""
    code = AT.format('at("chainrule.tabular.prepare", "split_table", signal.SIGTERM)')
    command = [sys.executable, "-c", code, "train", classes.table, "-t", "kind", "-m", tmp_path / "m", "--quiet"]
    ended = subprocess.run(
        [*command, "--epochs", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=GIVE_UP,
        preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGKILL, 0])
def test_two_trainings_do_not_share_a_folder(tmp_path, large, process, number):
    """The second is refused while the first trains, whether it is to be resumed or not; death frees the folder."""
    folder, endless = tmp_path / "run", [sys.executable, "-m", "chainrule", "train", large, "-t", "y", *ENDLESS]
    arguments = "train", large, "-t", "y", "-m", tmp_path / "second", "--checkpoint", folder
    with subprocess.Popen(
        [*endless, "-m", tmp_path / "first", "--checkpoint", folder], stderr=subprocess.PIPE, text=True
    ) as first:
        assert any(line.startswith("epoch 2/") for line in first.stderr)
        for options in ((), ("--seed", "5")):
            refused = process(*arguments, *ENDLESS, *options)
            assert re.match(rf"the folder \S+ is in use by process {first.pid} on .* since 20", refused.error)
        assert first.poll() is None
        assert (folder / "encoded-rows" / "prepared.json").exists()
        first.send_signal(number or signal.SIGINT)
        first.communicate(timeout=GIVE_UP)
    if number:
        assert (folder / "lock").exists()  # of a dead process: nobody is held up
    changed = process(*arguments, *ENDLESS, "--seed", "5")
    assert changed.code == 2
    assert "shares: seed was 0, now 5." in changed.stderr
    assert not (folder / "lock").exists()


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
