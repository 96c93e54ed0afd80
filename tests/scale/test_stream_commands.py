"""The command line on tables that are not held in memory: peak memory, kills, changed tables, predictions."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner

from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.checkpoints.run_folder import has_checkpoint
from chainrule.cli import main
from chainrule.files.model_file import packed, read_model

from ..patience import GIVE_UP
from .faults import AT_A_CHECKPOINT

ROWS = 30_000


def write_table(path, rows, columns=6):
    numbers = ", ".join(f"sin(i * {k + 1}) + random() AS x{k}" for k in range(columns))
    query = f"""SELECT {numbers}, ['red', 'blue', NULL][1 + i % 3] AS colour, CASE WHEN i % 50 > 0
        THEN sin(i) > 0 END AS good, sin(i) * 100 + random() AS price FROM range({rows}) t(i)"""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("SELECT setseed(0.5)")
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 20480)")
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("table") / "t.parquet", ROWS)


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


QUICK = ("-t", "good", "--drop", "price", "--hidden", "8", "--quiet")


TRAIN = """
from chainrule.checkpoints import while_training
from chainrule.cli import main
while_training.SECONDS = 0
main()
"""


def train(table, model, *options, fault=""):
    """Train in a process of its own, which writes a checkpoint at the end of every segment."""
    code = f"{AT_A_CHECKPOINT}\n{fault}\n{TRAIN}"
    command = [sys.executable, "-c", code, "train", table, "-m", model, *QUICK, "--memory", "1GB", *options]
    return subprocess.run(list(map(str, command)), capture_output=True, timeout=GIVE_UP)


def result_of(model):
    """What training came to, but for how long it took."""
    record, tensors = read_model(model)
    record["training"]["history"]["epochs"].pop("seconds")
    record["training"].pop("seconds")
    record.pop("sha256")  # of the file, seconds and all
    return record, {name: tensor.tobytes() for name, tensor in tensors.items()}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_training_goes_on_to_the_same_end(tmp_path, table, signal_):
    options = ("--epochs", "7", "--batch-size", "64")  # an epoch ends with a checkpoint
    undisturbed, model, folder = tmp_path / "one.safetensors", tmp_path / "other.safetensors", tmp_path / "run"
    train(table, undisturbed, *options)
    ends = []
    for number, before in ((1, False), (2, True), (2, False)):
        fault = f"die_at({number}, {int(signal_)}, before={before})"
        ended = train(table, model, *options, "--checkpoint", folder, fault=fault)
        assert ended.returncode == (-signal_ if signal_ == signal.SIGKILL else 130), ended.stderr
        newest = CheckpointFile(folder / "checkpoint.safetensors", {}).found()[0]
        ends.append(read_model(newest)[0]["states"]["now"][0])
    assert 0 < ends[0] < ends[1] < ends[2]
    assert any((folder / "encoded-rows").iterdir())
    assert b"going on from" in train(table, model, *options, "--checkpoint", folder).stderr
    assert result_of(model) == result_of(undisturbed)
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory, table):
    """A table, the folder with the checkpoint of a training on it, and the arguments that made it."""
    place = tmp_path_factory.mktemp("interrupted")
    folder, copy = place / "run", place / "t.parquet"
    copy.write_bytes(table.read_bytes())
    arguments = ("--checkpoint", folder, "--epochs", "1000", "--patience", "1000")
    train(copy, place / "m.safetensors", *arguments, fault="die_at(1, 9)")
    return copy, folder, ("--memory", "1GB", *arguments)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("table", "holds another training: table: /"),
        ("--seed", "holds another training: shares: seed was 0, now 1."),
        ("--test", "holds another training: shares: test was 0.2, now 0.5."),
        ("--hidden", "is of another training: settings: hidden_layer_sizes was "),
        ("--memory", "is of another training: order was [4096, 64], now ["),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(interrupted, tmp_path, change, words, monkeypatch):
    table, folder, arguments = interrupted
    extra = {"--seed": "1", "--test": "0.5", "--hidden": "9", "--memory": "400MB"}
    written = table.stat().st_mtime_ns
    if change == "table":
        os.utime(table, ns=(0, 0))
    if change == "--memory":
        monkeypatch.setattr("chainrule.outofcore.memory.WINDOW", 32)
    options = (change, extra[change]) if change in extra else ()
    outcome = run("train", table, "-m", tmp_path / "m.safetensors", *QUICK, *arguments, *options)
    os.utime(table, ns=(written, written))
    assert outcome.exit_code == 2
    assert words in outcome.stderr
    assert has_checkpoint(folder)
    assert (folder / "encoded-rows" / "prepared.json").exists()


def test_damaged_notes_on_encoded_rows_are_said_to_be_damaged(interrupted, tmp_path):
    table, folder, arguments = interrupted
    notes = folder / "encoded-rows" / "prepared.json"
    written = notes.read_bytes()
    outer = json.loads(written)
    good = json.loads(outer["record"])

    def sealed(record):
        text = json.dumps(record)
        return json.dumps(outer | {"record": text, "sha256": hashlib.sha256(text.encode()).hexdigest()})

    for damaged in (
        "",
        "[]",
        "{" * 5000,
        json.dumps(outer | {"record": outer["record"].replace("0.5", "0.7", 1)}),
        json.dumps(outer | {"record": good}),
        sealed(good | {"mean": ["a"]}),
        sealed(good | {"m": {"training": -1, "validation": 0, "test": 0}}),
        sealed(good | {"digests": {}}),
        sealed(good | {"encoder": {"blocks": [{"kind": "eval"}]}}),
        sealed({name: value for name, value in good.items() if name != "target"}),
    ):
        notes.write_text(damaged)
        outcome = run("train", table, "-m", tmp_path / "m.safetensors", *QUICK, *arguments)
        assert outcome.exit_code == 2, damaged
        assert "prepared.json is damaged" in outcome.stderr
    notes.write_bytes(written)


def flipped(content):
    return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]


@pytest.mark.parametrize("part", ["training.inputs", "training.targets", "validation.inputs", "test.targets"])
@pytest.mark.parametrize("change", [flipped, lambda content: content[:-4], lambda content: content + b"0000", None])
def test_encoded_rows_that_are_not_what_was_written_are_not_trained_on(interrupted, tmp_path, part, change):
    table, folder, arguments = interrupted
    file = folder / "encoded-rows" / part
    written = file.read_bytes()
    file.unlink()
    if change is not None:
        file.write_bytes(change(written))
    outcome = run("train", table, "-m", tmp_path / "m.safetensors", *QUICK, *arguments)
    file.write_bytes(written)
    assert outcome.exit_code == 2
    assert "the encoded rows are damaged" in outcome.stderr
    assert f"Delete {folder} to train from the beginning" in " ".join(outcome.stderr.split())
    assert not (tmp_path / "m.safetensors").exists()


@pytest.mark.parametrize(("layout", "which"), [(None, "an older"), (1, "an older"), (99, "a newer")])
@pytest.mark.parametrize("name", ["encoded-rows/prepared.json", "checkpoint.safetensors"])
def test_what_another_version_wrote_is_said_to_be_of_another_version(interrupted, tmp_path, name, layout, which):
    table, folder, arguments = interrupted
    file = folder / name
    written = file.read_bytes()
    if name.endswith("json"):
        outer = json.loads(written) | {"layout": layout}
        file.write_text(outer["record"] if layout is None else json.dumps(outer))
    else:
        record, tensors = read_model(file)
        file.write_bytes(
            packed({key: value for key, value in record.items() if key != "sha256"} | {"layout": layout}, tensors)
        )
    outcome = run("train", table, "-m", tmp_path / "m.safetensors", *QUICK, *arguments)
    file.write_bytes(written)
    assert outcome.exit_code == 2
    assert f"was written by {which} version of chainrule" in outcome.stderr
    assert "damaged" not in outcome.stderr


# getrusage counts what the forking parent had, too; VmHWM begins anew with the program.
WATCHED = """
import atexit
from pathlib import Path
from chainrule.cli import main
status = Path("/proc/self/status")
atexit.register(lambda: print(*(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))))
main()
"""


def peak_memory(*arguments):
    """Run a command in a process of its own; return the most memory that it had, in bytes."""
    command = [sys.executable, "-c", WATCHED, *map(str, arguments)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(ended.stdout.split()[-2]) * 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_memory_stays_below_the_bound(tmp_path):
    table = write_table(tmp_path / "large.parquet", 900_000, columns=60)
    bound = 450 * 10**6  # the table is 430 MB as read, and 216 MB as encoded
    model, output = tmp_path / "m.safetensors", tmp_path / "p.csv"
    options = ("--memory", "450MB")
    assert peak_memory("train", table, "-m", model, *QUICK, "--epochs", "2", *options) < bound
    assert peak_memory("evaluate", model, table, "--json", *options) < bound
    assert peak_memory("predict", model, table, "-o", output, *options) < bound
    with output.open() as lines:
        assert sum(1 for _ in lines) == 900_001


@pytest.mark.parametrize("target", ["good", "colour", "price"])
@pytest.mark.parametrize("keep", [(), ("--keep",)])
def test_predictions_and_figures_are_those_in_memory(tmp_path, table, target, keep, monkeypatch):
    monkeypatch.setattr("chainrule.table.reading.as_parquet._MOST_ROWS", 4096)
    model = tmp_path / "m.safetensors"
    run("train", table, "-t", target, "-m", model, "--epochs", "1", "--hidden", "4", "--quiet")
    outputs = []
    for options in ((), ("--memory", "1GB")):
        output = tmp_path / f"{len(outputs)}.csv"
        assert run("predict", model, table, "-o", output, *keep, *options).exit_code == 0
        outputs.append(output.read_bytes())
    assert outputs[0] == outputs[1]
    whole, batches = (
        json.loads(run("evaluate", model, table, "--json", *options).stdout) for options in ((), ("--memory", "1GB"))
    )
    assert batches["rows"] == whole["rows"]
    assert batches["without_target"] == whole["without_target"]
    for name, value in whole["figures"].items():
        assert batches["figures"][name] == pytest.approx(value, rel=1e-4 if name == "roc_auc" else 1e-9)


def test_training_in_batches_by_a_test_table(tmp_path, table):
    model = tmp_path / "m.safetensors"
    outcome = run(
        *("train", table, "-t", "good", "-m", model, "--test-table", table, "--memory", "1GB", "--epochs", "1"),
        *("--hidden", "4", "--validation", "0", "--json"),
    )
    assert outcome.exit_code == 0, outcome.stderr
    report = json.loads(outcome.stdout)
    assert report["rows"] == {"train": 29_400, "test": 29_400, "without_target": 1200}
    assert report["baselines"].keys() == {"linear model", "baseline: most frequent class"}


def test_a_table_that_would_fill_the_memory_is_trained_on_in_batches(tmp_path, table, monkeypatch):
    monkeypatch.setattr("chainrule.outofcore.memory.machine_memory", lambda: 4 * 401 * 10**6)
    monkeypatch.setattr("chainrule.table.reading.size._BYTES_PER_VALUE", 2000)
    model = tmp_path / "m.safetensors"
    assert run("train", table, "-m", model, *QUICK, "--epochs", "1").exit_code == 0
    assert "order" in read_model(model)[0]["training"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--memory", "2 pounds"), "such as 2GB or 512MB"),
        (("--memory", "10MB"), "the memory must be at least 400 MB, got 10 MB"),
        (("--memory", "1GB", "--solver", "lbfgs", "--checkpoint", "run"), "does not go with solver='lbfgs'"),
    ],
)
def test_bad_options(tmp_path, table, arguments, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = run("train", table, "-m", tmp_path / "m.safetensors", *QUICK, *arguments)
    assert outcome.exit_code == 2
    assert words in outcome.stderr


def test_nothing_is_left_behind(tmp_path, table, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    Path(tmp_path / "temporary").mkdir()
    run("train", table, "-m", tmp_path / "m.safetensors", *QUICK, "--memory", "1GB", "--epochs", "1")
    run("train", table, "-t", "price", "-m", tmp_path / "m.safetensors", "--memory", "1GB", "--strict", "--epochs", "0")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_csv_file_and_its_parquet_give_the_same_model(tmp_path, table):
    text = tmp_path / "t.csv"
    duckdb.sql(f"COPY (FROM '{table}') TO '{text}'")
    models = []
    for source in (table, text):
        models.append(tmp_path / f"{len(models)}.safetensors")
        assert run("train", source, "-m", models[-1], *QUICK, "--memory", "1GB", "--epochs", "2").exit_code == 0
    (_, tensors), (_, others) = (read_model(model) for model in models)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(tensor, others[name])
