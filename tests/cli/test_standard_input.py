"""A table that comes from standard input, and predictions in every format that can be asked for."""

import gzip
import json

import duckdb
import pytest

from .conftest import QUICK


def run(process, path, *arguments):
    with open(path, "rb") as stream:  # noqa: PTH123
        return process(*arguments, stdin=stream)


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
def test_train_evaluate_and_predict(process, numbers, tmp_path, memory):
    trained = run(process, numbers.table, "train", "-", "--target", "price", *QUICK, "-m", tmp_path / "m", *memory)
    assert trained.code == 0, trained.stderr
    evaluated = run(process, numbers.test_table, "evaluate", tmp_path / "m", "-", *memory)
    assert "60 rows of standard input" in evaluated.stdout
    piped = run(process, numbers.test_table, "predict", tmp_path / "m", "-", "-o", "-", *memory)
    assert piped.stdout == process("predict", tmp_path / "m", numbers.test_table).stdout
    assert len(piped.stdout.splitlines()) == 61


def test_what_is_wrong_is_said_of_standard_input(process, chainrule, numbers, tmp_path):
    (tmp_path / "empty").write_text("")
    assert run(process, tmp_path / "empty", "evaluate", numbers.model, "-").error == "standard input is empty."
    for options, message in {
        ("--checkpoint", tmp_path / "c"): "--checkpoint needs a table that can be found again",
        ("--test-table", "-"): "standard input is read once",
    }.items():
        assert message in chainrule("train", "-", "--target", "price", "-m", tmp_path / "m", *options).error


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
def test_every_format_has_the_same_rows(chainrule, classes, tmp_path, memory):
    written = {}
    for ending in ("csv", "csv.gz", "tsv", "tsv.gz", "json", "jsonl", "parquet"):
        path = tmp_path / f"out.{ending}"
        outcome = chainrule("predict", classes.model, classes.test_table, "-o", path, *memory)
        assert (outcome.code, outcome.stdout) == (0, ""), outcome.stderr
        written[ending] = [(row[0], *map(float, row[1:])) for row in duckdb.sql(f"FROM '{path}'").fetchall()]
    assert len(written["csv"]) == 60
    for rows in written.values():
        assert [row[0] for row in rows] == [row[0] for row in written["csv"]]
        assert [row[1:] for row in rows] == [pytest.approx(row[1:], rel=1e-6) for row in written["csv"]]
    assert len(json.loads((tmp_path / "out.json").read_text("utf-8"))) == 60
    assert len([json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]) == 60
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()) == (tmp_path / "out.csv").read_bytes()
