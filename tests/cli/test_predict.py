"""`chainrule predict`: one row out for every row in, whatever the table looks like."""

import csv
import io

import duckdb
import numpy as np
import pandas as pd
import pytest

from chainrule import load
from chainrule.table import Column
from chainrule.table.writing.write import plain_values, write_columns

WELL = ("--hidden", "16", "--epochs", "80", "--learning-rate", "0.02", "--dropout", "0", "--validation", "0")


def frame_of(outcome, *, differs=False) -> pd.DataFrame:
    assert outcome.code == 0, outcome.stderr
    assert ("from training:" in outcome.stderr) if differs else outcome.stderr == ""
    return pd.read_csv(io.StringIO(outcome.stdout))


def test_classes_get_a_header_a_label_and_a_probability_each(chainrule, classes):
    frame = frame_of(chainrule("predict", classes.model, classes.test_table))
    assert list(frame.columns) == ["prediction", "p_big", "p_lily", "p_rose"]
    probabilities = frame.iloc[:, 1:]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert ("p_" + frame["prediction"] == probabilities.idxmax(axis=1)).all()


def test_numbers_get_one_column(chainrule, numbers):
    frame = frame_of(chainrule("predict", numbers.model, numbers.test_table))
    assert list(frame.columns) == ["prediction"]
    assert frame["prediction"].between(-50, 100).all()  # in the units of the price


def test_one_row_per_row_in_order(chainrule, classes):
    whole = frame_of(chainrule("predict", classes.model, classes.test_table))
    assert len(whole) == 60
    for first, end in ((0, 1), (17, 40)):
        query = f"SELECT * FROM '{classes.test_table}' LIMIT {end - first} OFFSET {first}"
        part = frame_of(chainrule("predict", classes.model, query))
        pd.testing.assert_frame_equal(part, whole[first:end].reset_index(drop=True))


def test_rows_that_lack_everything_are_predicted_too(chainrule, classes, tmp_path):
    frame = pd.read_csv(classes.test_table).astype(object)
    frame.loc[::2, :] = None
    frame.to_csv(tmp_path / "holes.csv", index=False)
    found = frame_of(chainrule("predict", classes.model, tmp_path / "holes.csv"), differs=True)
    assert len(found) == 60
    assert found.notna().all(axis=None)
    assert found["p_big"][::2].nunique() == 1


def test_the_predictions_are_the_model_s(chainrule, classes):
    frame = frame_of(chainrule("predict", classes.model, classes.test_table))
    expected = load(classes.model).predict_proba(classes.test_table)
    np.testing.assert_array_equal(frame.iloc[:, 1:].to_numpy(np.float32), expected)


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl", "parquet"])
@pytest.mark.parametrize("keep", [False, True])
def test_formats(chainrule, classes, tmp_path, ending, keep):
    out = tmp_path / f"out.{ending}"
    outcome = chainrule("predict", classes.model, classes.test_table, "-o", out, *(["--keep"] if keep else []))
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "", "")
    readers = {"parquet": pd.read_parquet, "json": pd.read_json, "jsonl": lambda path: pd.read_json(path, lines=True)}
    default = {"csv": pd.read_csv, "tsv": lambda path: pd.read_csv(path, sep="\t")}
    found = duckdb.sql(f"FROM '{out}'").df() if ending == "parquet" else (readers | default)[ending](out)
    expected = frame_of(chainrule("predict", classes.model, classes.test_table))
    pd.testing.assert_frame_equal(found[expected.columns], expected, check_dtype=False)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_keep_puts_the_table_s_columns_first(chainrule, classes):
    table = pd.read_csv(classes.test_table)
    frame = frame_of(chainrule("predict", classes.model, classes.test_table, "--keep"))
    assert list(frame.columns) == [*table.columns, "prediction", "p_big", "p_lily", "p_rose"]
    for name in ("size", "colour", "wild", "grade", "kind", "price"):
        pd.testing.assert_series_equal(frame[name], table[name])
    assert frame["day"].tolist() == table["day"].tolist()


def test_keep_writes_whole_numbers_with_gaps_as_they_stood(tmp_path):
    column = Column("n", "number", np.array([1.0, np.nan, 3.0], np.float32))
    write_columns({"n": plain_values(column)}, tmp_path / "n.csv")
    assert (tmp_path / "n.csv").read_text() == "n\n1\n\n3\n"


def test_keep_loses_no_column_to_an_equal_name(chainrule, tmp_path):
    """The table has the names that the predictions would take, and names that differ by case alone."""
    table, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    header = ["x", "Prediction", "p_a", "p_A_", "c"]
    rows = [[i % 30, "uv"[i % 2], i % 3 / 7, i % 5 / 7, ("A", "a", "a_")[i % 3]] for i in range(60)]
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    quick = "--hidden", "2", "--epochs", "1", "--quiet"
    assert chainrule("train", table, "-t", "c", "-m", model, *quick).code == 0
    found = frame_of(chainrule("predict", model, table, "--keep"))
    assert list(found.columns[:5]) == header
    assert len(found.columns) == len({name.casefold() for name in found.columns}) == 5 + 1 + 3
    np.testing.assert_array_equal(
        found.iloc[:, 6:].to_numpy(np.float32), load(model).predict_proba(table), err_msg="in the order of the classes"
    )


def test_however_many_texts_are_kept(chainrule, classes):
    query = f"SELECT *, 'text ' || i AS remark FROM range(110000) AS r(i), (FROM '{classes.test_table}' LIMIT 1)"
    found = frame_of(chainrule("predict", classes.model, query, "--keep"), differs=True)
    assert found["remark"].tolist() == [f"text {i}" for i in range(110_000)]


def test_other_order_and_more_columns_change_nothing(chainrule, classes, tmp_path):
    frame = pd.read_csv(classes.test_table)
    frame["extra"] = "anything"
    frame[frame.columns[::-1]].drop(columns=["kind", "price"]).to_csv(tmp_path / "t.csv", index=False)
    found = chainrule("predict", classes.model, tmp_path / "t.csv")
    assert found.stdout == chainrule("predict", classes.model, classes.test_table).stdout


def test_unseen_categories_are_predicted_alike(chainrule, classes, tmp_path):
    frame = pd.read_csv(classes.test_table)[:2].assign(size=5.0, wild=True, day="2024-01-01", grade=2)
    frame["colour"] = ["mauve", "taupe"]
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = frame_of(chainrule("predict", classes.model, tmp_path / "t.csv"))
    pd.testing.assert_series_equal(found.loc[0], found.loc[1], check_names=False)


def test_missing_columns_are_named(chainrule, classes, tmp_path):
    pd.read_csv(classes.test_table).drop(columns=["size", "wild"]).to_csv(tmp_path / "t.csv", index=False)
    error = chainrule("predict", classes.model, tmp_path / "t.csv").error
    assert "'size'" in error
    assert "'wild'" in error


def test_a_column_of_another_type_is_named(chainrule, classes, tmp_path):
    pd.read_csv(classes.test_table).assign(size="large").to_csv(tmp_path / "t.csv", index=False)
    found = chainrule("predict", classes.model, tmp_path / "t.csv")
    assert found.code == 0
    assert "column 'size': 60 values are no number (the first: 'large', row 1), taken as missing" in found.stderr
    pd.read_csv(classes.test_table).assign(size="").to_csv(tmp_path / "t.csv", index=False)
    assert chainrule("predict", classes.model, tmp_path / "t.csv").stdout == found.stdout


@pytest.mark.parametrize("labels", [(0, 1), (False, True), (1, 2, 3), ("yes", "no"), (-0.5, 0.5)])
def test_labels_come_back_as_the_table_spells_them(chainrule, tmp_path, labels):
    table, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    y = [labels[i % len(labels)] for i in range(60)]
    pd.DataFrame({"x": [i % len(labels) + i / 1000 for i in range(60)], "y": y}).to_csv(table, index=False)
    trained = chainrule("train", table, "-t", "y", "-m", model, "--quiet", *WELL)
    assert trained.code == 0, trained.stderr
    frame = frame_of(chainrule("predict", model, table))
    assert (frame["prediction"] == pd.read_csv(table)["y"]).mean() > 0.9
    assert list(frame.columns[1:]) == [f"p_{label}" for label in sorted(labels)]


def test_an_older_output_is_replaced_and_stays_where_writing_fails(chainrule, classes, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("old")
    assert chainrule("predict", classes.model, tmp_path / "no.csv", "-o", out).code == 2
    assert out.read_text() == "old"
    assert chainrule("predict", classes.model, classes.test_table, "-o", out).code == 0
    assert out.read_text().startswith("prediction,")


def test_outputs_that_cannot_be(chainrule, classes, tmp_path):
    assert ".parquet" in chainrule("predict", classes.model, classes.table, "-o", tmp_path / "o.xlsx").error
    assert "no folder" in chainrule("predict", classes.model, classes.table, "-o", tmp_path / "no" / "o.csv").error
    (tmp_path / "o.csv").mkdir()
    assert "o.csv" in chainrule("predict", classes.model, classes.table, "-o", tmp_path / "o.csv").error
