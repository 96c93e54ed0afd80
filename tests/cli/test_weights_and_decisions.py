"""Options about rows and answers, as they are shown and written: weights, logarithms, intervals, thresholds."""

import io

import numpy as np
import pandas as pd
import pytest

from .conftest import QUICK

m = 400


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    draw = np.random.default_rng(0)
    x = draw.normal(size=m)
    frame = pd.DataFrame(
        {
            "x": x,
            "price": np.exp(3 + x + 0.5 * draw.normal(size=m)),
            "bought": np.where(draw.random(m) < 1 / (1 + np.exp(1 - x)), "yes", "no"),
            "w": np.arange(m) % 3,
        }
    )
    path = tmp_path_factory.mktemp("table") / "t.csv"
    frame.to_csv(path, index=False)
    return path


def test_weights_are_shown_used_and_recorded(chainrule, table, tmp_path):
    model = tmp_path / "m"
    shown = chainrule("train", table, "-t", "bought", "--drop", "price", "--weight", "w", "-m", model, *QUICK).stdout
    assert "134 rows have weight 0 and are left out\n" in shown
    assert "all figures, also those on the test rows, are weighted by w\n" in shown
    assert chainrule("summary", model).stdout.count("weights: w\n") == 1
    outcome = chainrule("evaluate", model, table)
    assert "134 rows have weight 0 and are left out\n266 rows of " in outcome.stdout
    assert ", weighted by w\n" in outcome.stdout
    data = chainrule("evaluate", model, table, "--json").json
    assert (data["rows"], data["weight"], data["weight_0"]) == (266, "w", 134)
    without = f"SELECT * EXCLUDE w FROM '{table}'"
    assert "all rows count the same: there is no column w" in chainrule("evaluate", model, without).stdout
    data = chainrule("evaluate", model, without, "--json").json
    assert (data["rows"], "weight" in data) == (m, False)
    outcome = chainrule("predict", model, f"SELECT * REPLACE (-1 AS w) FROM '{table}'")
    assert outcome.code == 0  # predicting ignores weights
    assert len(outcome.stdout.splitlines()) == 1 + m


def test_a_bad_weight_is_named(chainrule, table, tmp_path):
    query = f"SELECT * REPLACE (CASE WHEN w = 2 THEN -0.5 ELSE w END AS w) FROM '{table}'"
    said = chainrule("train", query, "-t", "bought", "--weight", "w", "-m", tmp_path / "m").error
    assert said.startswith("row 2, counted from 0, of ")
    assert said.rstrip().endswith("has the weight -0.5; weights must be finite and at least 0.")


def test_logarithms_and_intervals(chainrule, table, tmp_path):
    model = tmp_path / "m"
    plain = chainrule("train", table, "-t", "price", "-m", model, *QUICK).stdout
    assert "price: positive and highly skewed; with --log-target errors count relative to its values\n" in plain
    asked = ("--log-target", "--intervals", "0.8", "--drop", "bought")
    shown = chainrule("train", table, "-t", "price", "-m", model, *asked, *QUICK).stdout
    assert "different, learned as its logarithm\n" in shown
    assert "highly skewed" not in shown
    assert "\nintervals for 80 % cover " in shown
    assert shown.endswith(f" % of the test rows\n\nmodel saved: {model}\n")
    assert "learned as log(y)" in chainrule("summary", model).stdout
    frame = pd.read_csv(io.StringIO(chainrule("predict", model, table).stdout))
    assert list(frame.columns) == ["prediction", "lower", "upper"]
    assert (frame["lower"] > 0).all()
    price = pd.read_csv(table)["price"]
    inside = ((frame["lower"] <= price) & (price <= frame["upper"])).mean()
    assert chainrule("evaluate", model, table, "--json").json["covered"] == pytest.approx([inside])


def test_class_weights_are_shown_and_not_all_0(chainrule, table, tmp_path):
    asked = ("train", table, "-t", "bought", "-m", tmp_path / "m", *QUICK, "--class-weight")
    assert "\nweights of the classes: no 0." in chainrule(*asked, "balanced").stdout
    assert "gives every class that occurs the weight 0" in chainrule(*asked, "yes=0,no=0").error


def test_a_threshold_is_said_and_decides(chainrule, table, tmp_path):
    model = tmp_path / "m"
    assert chainrule("train", table, "-t", "bought", "-m", model, *QUICK).code == 0
    outcome = chainrule("predict", model, table, "--threshold", "recall=0.9")
    assert outcome.stderr.startswith("threshold 0.")
    assert " for p_yes: the largest with a recall of at least 0.9 on the validation rows, " in outcome.stderr
    frame = pd.read_csv(io.StringIO(chainrule("predict", model, table, "--threshold", "0.25").stdout))
    assert ((frame["p_yes"] >= 0.25) == (frame["prediction"] == "yes")).all()
    found = chainrule("evaluate", model, table, "--threshold", "0.25")
    assert "\nyes where p_yes >= 0.25: accuracy 0." in found.stdout
    data = chainrule("evaluate", model, table, "--threshold", "0.25", "--json").json
    assert data["threshold"] == 0.25
    assert data["figures"]["accuracy"] == data["decisions"]["accuracy"]
    assert "threshold: of p_yes, 0.5 by default" in chainrule("summary", model).stdout
    assert "a threshold is a number from 0 to 1" in chainrule("predict", model, table, "--threshold", "2").error
