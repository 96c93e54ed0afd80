"""`chainrule trace`: rows of a table through a saved model, on the terminal and in files."""

import json

import numpy as np
import pandas as pd
import pytest

from chainrule import load, trace


def test_rows_are_shown_with_their_names(chainrule, classes):
    outcome = chainrule("trace", classes.model, classes.table, "--row", "3,5-6")
    assert (outcome.code, outcome.stderr) == (0, "")
    for words in ("row 3", "row 5", "row 6", "m = 3", "colour=blue", "kind=rose", "dW[1] = (1/m) dZ[1] A[0]ᵀ"):
        assert words in outcome.stdout
    assert "row 4" not in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 100
    assert "\x1b" not in outcome.stdout


def test_the_numbers_are_the_trace_s(chainrule, classes, tmp_path):
    out = tmp_path / "t.json"
    assert chainrule("trace", classes.model, classes.table, "-r", "2", "-r", "4", "--no-dropout", "-o", out).code == 0
    record = json.loads(out.read_text("utf-8"), parse_constant=pytest.fail)
    table = pd.read_csv(classes.table)
    taken = trace(load(classes.model), table.iloc[[1, 3]], dropout_step=None)
    np.testing.assert_allclose(record["A"][-1], taken.A[-1], rtol=1e-6)
    np.testing.assert_allclose(record["dW"][1], taken.dW[1], rtol=1e-5, atol=1e-9)
    predicted = load(classes.model).predict_proba(table.iloc[[1, 3]])
    np.testing.assert_allclose(np.transpose(record["A"][-1]), predicted, rtol=1e-4)
    assert record["examples"] == ["row 2", "row 4"]


def test_the_first_rows_with_a_target_are_the_default(chainrule, numbers, tmp_path):
    table = pd.read_csv(numbers.table)
    table.loc[[0, 2], "price"] = None
    table.to_csv(tmp_path / "holes.csv", index=False)
    chainrule("trace", numbers.model, tmp_path / "holes.csv", "-o", tmp_path / "t.json")
    record = json.loads((tmp_path / "t.json").read_text("utf-8"))
    assert record["examples"] == [f"row {n}" for n in (2, 4, 5, 6, 7)]
    assert record["outputs"] == ["price"]
    error = chainrule("trace", numbers.model, tmp_path / "holes.csv", "--row", "3").error
    assert error == f"row 3 of {tmp_path / 'holes.csv'} lacks a value of price."


@pytest.mark.parametrize("ending", ["html", "tex", "txt", "json", "HTML"])
def test_files_by_their_ending_replace_older_ones(chainrule, numbers, tmp_path, ending):
    out = tmp_path / f"trace.{ending}"
    out.write_text("older")
    outcome = chainrule("trace", numbers.model, numbers.table, "-o", out, "--layout", "both", "--learning-rate", "0.5")
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "", "")
    starts = {"html": "<!DOCTYPE html>", "tex": r"\documentclass", "txt": "One pass", "json": "{"}
    content = out.read_text("utf-8")
    assert content.startswith(starts[ending.lower()])
    assert "0.5" in content
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_dropout_masks_follow_the_step(chainrule, flower_files, tmp_path):
    model = tmp_path / "m.safetensors"
    options = ("-t", "kind", "--hidden", "8", "--dropout", "0.5", "--epochs", "1", "--quiet")
    assert chainrule("train", flower_files[0], "-m", model, *options).code == 0
    seen = [
        chainrule("trace", model, flower_files[0], "--row", "1-3", *more).stdout
        for more in ((), ("--dropout-step", "0"), ("--dropout-step", "7"), ("--no-dropout",))
    ]
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3
    assert "M[1]" in seen[2]
    assert "M[1]" not in seen[3]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--row", "0"), "--row takes numbers from 1"),
        (("--row", "5-3"), "--row takes numbers from 1"),
        (("--row", "two"), "got 'two'"),
        (("--row", "1-99999999999"), "at most 10,000 rows"),
        (("--row", "-"), "got '-'"),
        (("--row", "99999"), "there is no row 99,999"),
        (("-o", "trace.pdf"), "cannot tell the format of trace.pdf"),
        (("-o", "nowhere/trace.html"), "there is no folder nowhere"),
        (("--learning-rate", "nan"), "learning_rate must be a finite number"),
    ],
)
def test_bad_input_is_one_line(chainrule, classes, options, words):
    assert words in chainrule("trace", classes.model, classes.table, *options).error


def test_a_file_that_cannot_be_written_leaves_the_older_one(chainrule, classes, tmp_path, monkeypatch):
    out = tmp_path / "trace.html"
    out.write_text("older")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert "No space left on device" in chainrule("trace", classes.model, classes.table, "-o", out).error
    assert out.read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["trace.html"]


def test_a_table_that_lacks_the_target_or_a_column(chainrule, classes, tmp_path):
    table = pd.read_csv(classes.table)
    table.drop(columns="kind").to_csv(tmp_path / "no_target.csv", index=False)
    assert "kind" in chainrule("trace", classes.model, tmp_path / "no_target.csv").error
    table.drop(columns="size").to_csv(tmp_path / "no_size.csv", index=False)
    assert "size" in chainrule("trace", classes.model, tmp_path / "no_size.csv").error
    table.assign(kind=None).to_csv(tmp_path / "empty.csv", index=False)
    assert "lacks a value of kind" in chainrule("trace", classes.model, tmp_path / "empty.csv").error
