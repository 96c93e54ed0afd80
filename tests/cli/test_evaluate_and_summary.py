"""`chainrule evaluate` and `chainrule summary`."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, root_mean_squared_error

import chainrule as package


def predictions(chainrule, trained) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(chainrule("predict", trained.model, trained.test_table).stdout))


def test_figures_are_those_of_the_predictions(chainrule, classes):
    report = chainrule("evaluate", classes.model, classes.test_table, "--json").json
    y, found = pd.read_csv(classes.test_table)["kind"], predictions(chainrule, classes)
    given = [row[f"p_{label}"] for label, (_, row) in zip(y, found.iterrows(), strict=True)]
    assert report["figures"]["accuracy"] == (y == found["prediction"]).mean()
    assert report["figures"]["log_loss"] == pytest.approx(-np.log(given).mean(), rel=1e-5)
    assert report["figures"] == classes.report["figures"]
    labels = report["classes"]
    assert report["confusion"] == confusion_matrix(y, found["prediction"], labels=labels).tolist()
    truth = precision_recall_fscore_support(y, found["prediction"], labels=labels, zero_division=np.nan)
    for row, precision, recall, f1, support in zip(report["per_class"], *truth, strict=True):
        expected = [None if np.isnan(value) else pytest.approx(value) for value in (precision, recall, f1, support)]
        assert [row[name] for name in ("precision", "recall", "f1", "support")] == expected
    assert [row["class"] for row in report["per_class"]] == labels
    for name in ("per_class", "confusion", "classes"):
        assert report[name] == classes.report[name]
    assert (report["rows"], report["without_target"]) == (60, 0)


def test_figures_of_numbers_are_in_their_units(chainrule, numbers):
    report = chainrule("evaluate", numbers.model, numbers.test_table, "--json").json
    y, found = pd.read_csv(numbers.test_table)["price"], predictions(chainrule, numbers)["prediction"]
    assert report["figures"]["rmse"] == pytest.approx(root_mean_squared_error(y, found))
    assert report["remarks"] == []
    assert "confusion" not in report


def test_rows_without_target_are_counted(chainrule, numbers, tmp_path):
    frame = pd.read_csv(numbers.test_table)
    frame.loc[:4, "price"] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    report = chainrule("evaluate", numbers.model, tmp_path / "t.csv", "--json").json
    assert (report["rows"], report["without_target"]) == (55, 5)
    shown = chainrule("evaluate", numbers.model, tmp_path / "t.csv").stdout
    assert "5 rows lack a target value" in shown
    assert "*" not in shown  # one model alone is not the best of several


def test_rows_of_one_class_have_no_ranks(chainrule, classes, tmp_path):
    """What is undefined is null in JSON, and said."""
    frame = pd.read_csv(classes.test_table)
    frame[frame.kind == "rose"].to_csv(tmp_path / "t.csv", index=False)
    report = chainrule("evaluate", classes.model, tmp_path / "t.csv", "--json").json
    assert report["figures"]["roc_auc"] is report["figures"]["average_precision"] is None
    m = int((frame.kind == "rose").sum())
    assert report["remarks"][-3:] == [
        f"fewer than 30 rows of 'rose' ({m}): their figures are uncertain",
        "no rows of 'big', 'lily': nothing can be said of how they are predicted",
        "ROC AUC and average precision are undefined: all rows are of one class",
    ]
    shown = chainrule("evaluate", classes.model, tmp_path / "t.csv").stdout
    assert re.search(r"ROC AUC +undefined\n", shown)
    for remark in report["remarks"]:
        assert remark in " ".join(shown.split())


def test_what_evaluate_refuses(chainrule, classes, tmp_path):
    frame = pd.read_csv(classes.test_table)
    frame.drop(columns="kind").to_csv(tmp_path / "none.csv", index=False)
    assert "'kind'" in chainrule("evaluate", classes.model, tmp_path / "none.csv").error
    frame.assign(kind="oak").to_csv(tmp_path / "oak.csv", index=False)
    assert "'oak'" in chainrule("evaluate", classes.model, tmp_path / "oak.csv").error
    frame.assign(kind="?").to_csv(tmp_path / "all.csv", index=False)
    assert "every row" in chainrule("evaluate", classes.model, tmp_path / "all.csv").error


def test_labels_spelled_differently_are_understood_and_said(chainrule, classes, tmp_path):
    frame = pd.read_csv(classes.test_table)
    frame["kind"] += "."
    frame.to_csv(tmp_path / "t.csv", index=False)
    shown = chainrule("evaluate", classes.model, tmp_path / "t.csv").stdout
    assert "'rose.' read as 'rose'" in shown


def test_summary_says_what_the_model_is(chainrule, classes):
    shown = chainrule("summary", classes.model).stdout
    model = package.load(classes.model).model_
    count = sum(W.size for W in model.parameters.W) + sum(b.size for b in model.parameters.b)
    assert next(line for line in shown.splitlines() if line.startswith("total")).split()[1] == str(count)
    for said in ("target: kind (classification)", "classes: big, lily, rose", "trained on 150 rows with seed 0"):
        assert said in shown
    assert "stopped: reached max_iter=3 epochs" in shown
    assert "baseline: most frequent class" in shown


def test_summary_of_a_model_without_a_record_of_its_training(chainrule, classes, tmp_path):
    model = package.load(classes.model).model_
    bare = type(model)(model.encoder, model.target, model.network)
    package.save(bare, tmp_path / "bare.safetensors")
    outcome = chainrule("summary", tmp_path / "bare.safetensors")
    assert outcome.code == 0
    assert "target: kind" in outcome.stdout


def test_an_estimator_s_file_is_no_table_model(chainrule, classes, tmp_path):
    estimator = package.LinearRegressor(solver="lbfgs").fit(np.eye(3), [1.0, 2.0, 3.0])
    package.save(estimator, tmp_path / "e.safetensors")
    for command in (("predict", tmp_path / "e.safetensors", classes.table), ("summary", tmp_path / "e.safetensors")):
        assert "LinearRegressor" in chainrule(*command).error
