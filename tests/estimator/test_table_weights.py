"""Sample weights of a table's rows: weight k is k copies and weight 0 is no row, in memory and on disk."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
)

from chainrule import TabularClassifier, TabularRegressor, load
from chainrule._errors import InvalidParameterError, TableError
from chainrule.fit.objective import Objective
from chainrule.table import from_frame
from chainrule.table.batches import OneBatch
from chainrule.table.reading.batches import open_batches
from chainrule.tabular.prepare import Overrides, prepare
from chainrule.tabular.prepared_file import load_prepared, save_prepared

EXACT = {"hidden_layer_sizes": (), "solver": "lbfgs", "early_stopping": False, "max_iter": 200, "random_state": 0}
m = 120


def _frame():
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": np.where(np.arange(m) % 9 == 0, np.nan, draw.normal(size=m).round(3) * 5),
            "colour": draw.choice(["red", "green", "blue"], m),
            "flag": draw.random(m) < 0.4,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 400, m), unit="D"),
            "price": draw.exponential(size=m).round(3),
            "kind": np.where(draw.random(m) < 0.5, "a", "b"),
            "w": draw.integers(0, 4, m),
        }
    )


FRAME = _frame()
COPIES = FRAME.loc[FRAME.index.repeat(FRAME["w"])].drop(columns="w").reset_index(drop=True)
KEPT = FRAME[FRAME["w"] > 0].reset_index(drop=True)


@pytest.fixture(params=["memory", "disk"])
def given(request, tmp_path):
    """A frame as it is, or in a file that is read in batches."""

    def source(frame):
        if request.param == "memory":
            return frame, None
        path = tmp_path / f"{len(frame)}.parquet"
        frame.to_parquet(path)
        return str(path), "1GB"

    return source


@pytest.mark.parametrize(("kind", "target"), [(TabularClassifier, "kind"), (TabularRegressor, "price")])
def test_weight_k_is_k_copies(kind, target, given):
    source, memory = given(FRAME)
    weighted = kind(**EXACT, memory=memory).fit(source, target, sample_weight="w")
    copied = kind(**EXACT, memory=memory).fit(given(COPIES)[0], target)
    names = weighted.model_.encoder.feature_names
    assert names == copied.model_.encoder.feature_names
    assert "w" not in weighted.model_.encoder.columns
    assert "w" not in weighted.feature_names_in_
    assert_allclose(weighted.model_.target.centre, copied.model_.target.centre, rtol=1e-12)
    rounding = {"atol": 1e-3} if memory else {"rtol": 1e-5}  # on disk rows are float32
    assert_allclose(weighted._answers(FRAME), copied._answers(FRAME), **rounding)
    assert weighted.evaluate(FRAME) == pytest.approx(copied.evaluate(COPIES), rel=1e-3)


def test_rows_of_weight_0_are_as_good_as_absent(given):
    """Also in the split, with a class and a category of their own, and numbers that would break any scale."""
    strange = FRAME.assign(w=0, kind="strange", colour="strange", size=1e300)
    mixed = pd.concat([strange[:40], KEPT[:30], strange[40:], KEPT[30:]], ignore_index=True)
    (source, memory), (present, _) = given(mixed), given(KEPT)
    few = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 1, "test_size": 0.2, "memory": memory}
    one = TabularClassifier(**few).fit(source, "kind", sample_weight="w")
    other = TabularClassifier(**few).fit(present, "kind", sample_weight="w")
    assert one.classes_.tolist() == ["a", "b"]
    assert one.figures_ == other.figures_
    assert np.array_equal(one.predict_proba(FRAME), other.predict_proba(FRAME))


def test_figures_are_those_of_scikit_learn_with_weights(given):
    source, memory = given(FRAME)
    w, b, price = KEPT["w"], KEPT["kind"] == "b", KEPT["price"]
    classifier = TabularClassifier(**EXACT, memory=memory).fit(source, "kind", sample_weight="w")
    P = classifier.predict_proba(KEPT)
    expected = {
        "accuracy": np.average(b == (P[:, 1] > 0.5), weights=w),
        "balanced_accuracy": balanced_accuracy_score(b, P[:, 1] > 0.5, sample_weight=w),
        "f1_macro": f1_score(b, P[:, 1] > 0.5, average="macro", sample_weight=w),
        "log_loss": log_loss(b, P, sample_weight=w),
        "brier_score": brier_score_loss(b, P[:, 1], sample_weight=w),
        "roc_auc": roc_auc_score(b, P[:, 1], sample_weight=w),
        "average_precision": average_precision_score(b, P[:, 1], sample_weight=w),
    }
    found = classifier.evaluate(source)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    regressor = TabularRegressor(**EXACT, memory=memory).fit(source, "price", sample_weight="w")
    y, found = regressor.predict(KEPT), regressor.evaluate(source)
    assert found["r2"] == pytest.approx(r2_score(price, y, sample_weight=w), rel=1e-5)
    assert found["mae"] == pytest.approx(mean_absolute_error(price, y, sample_weight=w), rel=1e-5)
    assert found["rmse"] == pytest.approx(np.sqrt(np.average((price - y) ** 2, weights=w)), rel=1e-5)
    without = regressor.evaluate(FRAME.drop(columns="w"))
    assert without["r2"] == pytest.approx(r2_score(FRAME["price"], regressor.predict(FRAME)), rel=1e-5)


def test_baselines_are_weighted():
    settings = {"hidden_layer_sizes": (2,), "max_iter": 1, "test_size": 0.3, "random_state": 0}
    frame = FRAME.assign(w=np.where(FRAME["kind"] == "a", 100, 1), x=np.arange(m) % 7)
    fitted = TabularClassifier(**settings).fit(frame, "kind", sample_weight="w")
    (share,) = (row for name, row in fitted.baselines_.items() if name.startswith("baseline"))
    assert share["accuracy"] > 0.95  # "a" is most of the weight


def test_values_are_a_column_and_the_scale_of_fractions_does_not_matter():
    features = FRAME.drop(columns="w")
    named = TabularRegressor(**EXACT).fit(FRAME, "price", sample_weight="w")
    values = TabularRegressor(**EXACT).fit(features, "price", sample_weight=FRAME["w"])
    assert np.array_equal(named.predict(FRAME), values.predict(FRAME))
    assert values.feature_names_in_.tolist() == [name for name in features if name != "price"]
    small, one = (
        TabularRegressor(**EXACT).fit(features, "price", sample_weight=FRAME["w"].gt(0) / scale) for scale in (1024, 1)
    )
    assert_allclose(small.predict(FRAME), one.predict(FRAME), rtol=1e-6)
    array = KEPT[["size", "price"]].to_numpy()
    k = TabularRegressor(**EXACT).fit(array, KEPT["price"], sample_weight=KEPT["w"])
    copies = TabularRegressor(**EXACT).fit(COPIES[["size", "price"]].to_numpy(), COPIES["price"])
    assert_allclose(k.predict(array), copies.predict(array), rtol=1e-4, atol=1e-4)


def test_a_saved_model_knows_its_weights(tmp_path):
    fitted = TabularClassifier(**EXACT).fit(FRAME, "kind", sample_weight="w")
    fitted.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.evaluate(FRAME) == fitted.evaluate(FRAME) != again.evaluate(FRAME.drop(columns="w"))
    assert again.feature_names_in_.tolist() == fitted.feature_names_in_.tolist()
    assert np.array_equal(again.predict(FRAME.drop(columns="w")), fitted.predict(FRAME))


def test_rows_on_disk_keep_their_weights_when_restored_or_read_elsewhere(tmp_path):
    """By a training that resumes, and by a worker that reads the table itself."""
    FRAME[FRAME["w"] > 0].to_parquet(tmp_path / "t.parquet")
    objective = Objective(class_weight="balanced")
    with open_batches(str(tmp_path / "t.parquet"), batch_bytes=1) as batches:
        prepared = prepare(batches, ["kind"], tmp_path, overrides=Overrides(weight="w"), objective=objective)
    save_prepared(prepared, tmp_path, {})
    restored = load_prepared(tmp_path, {})
    for part, rows in prepared.rows.items():
        own = rows.read(0, rows.m).weights
        assert own.mean() == pytest.approx(1)
        assert np.array_equal(restored.rows[part].read(0, rows.m).weights, own)
    training = replace(prepared.rows["training"], class_weights=prepared.class_weights)
    here, there = training.read(5, 40), prepared.to_share(1 << 30).remote(5, 40).block
    assert np.array_equal(here.weights, there.weights)
    assert len(np.unique(here.weights)) == 6  # three weights, two classes
    assert np.array_equal(training.part(5, 40).read(0, 35).weights, here.weights)


@pytest.mark.parametrize("target", ["kind", "price"])
def test_a_table_in_batches_is_measured_as_in_memory(target, tmp_path):
    """To the last bit, as without weights."""
    many = pd.concat([FRAME] * 40, ignore_index=True)
    many.to_parquet(tmp_path / "t.parquet")
    asked = Overrides(weight="w")
    whole = prepare(OneBatch.of(from_frame(many)), [target], overrides=asked)
    with open_batches(str(tmp_path / "t.parquet"), batch_bytes=1) as batches:
        parts = prepare(batches, [target], tmp_path, overrides=asked)
    assert (parts.schema, parts.target, parts.encoder) == (whole.schema, whole.target, whole.encoder)
    assert (parts.mean, parts.unit_means, parts.zero_rows) == (whole.mean, whole.unit_means, whole.zero_rows)
    assert whole.zero_rows == 40 * (FRAME["w"] == 0).sum()


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (-1.5, r"row 7, counted from 0, of .* has the weight -1\.5"),
        (np.nan, r"row 7, counted from 0, of .* has no weight, or none that is finite, in column 'w'"),
    ],
)
def test_a_bad_weight_is_named(weight, said):
    frame = FRAME.assign(w=np.where(np.arange(m) == 7, weight, 1.0))
    with pytest.raises(TableError, match=said):
        TabularClassifier(**EXACT).fit(frame, "kind", sample_weight="w")
    fitted = TabularClassifier(**EXACT).fit(FRAME, "kind", sample_weight="w")
    with pytest.raises(TableError, match=said):
        fitted.evaluate(frame)


def test_bad_columns_of_weights_are_refused():
    classifier = TabularClassifier(**EXACT)
    with pytest.raises(TableError, match="they must be numbers, but it has '"):
        classifier.fit(FRAME, "kind", sample_weight="colour")
    with pytest.raises(TableError, match="No column 'weight'"):
        classifier.fit(FRAME, "kind", sample_weight="weight")
    with pytest.raises(InvalidParameterError, match="both the target and the weight"):
        classifier.fit(FRAME, "w", sample_weight="w")
    with pytest.raises(InvalidParameterError, match="one role, but dropped and weight"):
        TabularClassifier(**EXACT, drop=["w"]).fit(FRAME, "kind", sample_weight="w")
    with pytest.raises(TableError, match=r"every row of .* has weight 0"):
        classifier.fit(FRAME.assign(w=0), "kind", sample_weight="w")
    with pytest.raises(TableError, match="too large to be added up"):
        classifier.fit(FRAME.assign(w=1e308), "kind", sample_weight="w")
    with pytest.raises(InvalidParameterError, match="is the name of its column"):
        classifier.fit("SELECT 1 AS x, 2 AS y", "y", sample_weight=[1.0])
    with pytest.raises(ValueError, match="at least one non-zero"):
        classifier.fit(FRAME, "kind", sample_weight=np.zeros(m))
