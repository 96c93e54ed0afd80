"""Scores: rows of weight 0 are as if deleted, and what `fit` refuses is refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from chainrule import (
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPEnsembleClassifier,
    MLPEnsembleRegressor,
    MLPRegressor,
    MLPSearchCV,
)
from chainrule._errors import TargetError

X = np.random.default_rng(0).normal(size=(60, 2))
NUMBERS = X[:, 0] + 0.1 * X[:, 1] ** 2
LABELS = np.where(X[:, 0] > 0, "a", "b").astype(object)
WEIGHTS = np.arange(60.0) % 5
QUANTILES = LinearRegressor(loss="quantile", quantile=[0.1, 0.9], solver="adam", tol=0.1)
REGRESSORS = [LinearRegressor(), QUANTILES, MLPEnsembleRegressor(LinearRegressor(), 2)]
CLASSIFIERS = [LinearClassifier(), MLPEnsembleClassifier(LinearClassifier(), 2)]
BIG = 2**53


@pytest.mark.parametrize("model", REGRESSORS)
@pytest.mark.parametrize("strange", [1e300, -1e200])
def test_numbers_of_weight_0_are_not_looked_at(model, strange):
    model.fit(X, NUMBERS)
    y = np.where(WEIGHTS > 0, NUMBERS, strange)
    rows = WEIGHTS > 0
    assert model.score(X, y, WEIGHTS) == model.score(X[rows], NUMBERS[rows], WEIGHTS[rows])


@pytest.mark.parametrize("model", CLASSIFIERS)
@pytest.mark.parametrize("strange", ["c", 3, 2.5])
def test_labels_of_weight_0_are_not_looked_at(model, strange):
    model.fit(X, LABELS)
    y, rows = LABELS.copy(), WEIGHTS > 0
    y[~rows] = strange
    assert model.score(X, y, WEIGHTS) == model.score(X[rows], LABELS[rows], WEIGHTS[rows])


@pytest.mark.parametrize("model", REGRESSORS + CLASSIFIERS)
def test_weights_that_fit_refuses(model):
    y = LABELS if model in CLASSIFIERS else NUMBERS
    model.fit(X, y)
    durations = WEIGHTS.astype("m8[D]")
    for weights, words in ((WEIGHTS - 1, "Negative"), (0 * WEIGHTS, "zero"), (durations, "weights are durations")):
        for judge in (model.fit, model.score):
            with pytest.raises(ValueError, match=words):
                judge(X, y, sample_weight=weights)


@pytest.mark.parametrize("model", REGRESSORS)
def test_targets_that_fit_refuses(model):
    model.fit(X, NUMBERS)
    durations = np.arange(60).astype("m8[D]")
    lacking = np.where(np.arange(60) == 3, np.timedelta64("NaT"), durations)
    for y, words in ((lacking, "row 3, counted from 0, has NaT"), (durations, "y holds durations")):
        for judge in (model.fit, model.score):
            with pytest.raises(TargetError, match=words):
                judge(X, y)


@pytest.mark.parametrize("dtype", ["int64", "Int64", "UInt64", "int64[pyarrow]"])
@pytest.mark.parametrize("base", [1, BIG])
@pytest.mark.parametrize("model", [*CLASSIFIERS, MLPSearchCV(LinearClassifier(), {})])
def test_whole_numbers_stay_whole_in_any_column(dtype, base, model):
    y = pd.Series(np.where(X[:, 0] > 0, base, base + 1), dtype=dtype)
    model.fit(X, y)
    assert_array_equal(model.classes_, [base, base + 1])
    assert model.classes_.dtype.kind in "iu"
    assert model.predict(X).dtype.kind in "iu"
    assert model.score(X, y) == np.mean(model.predict(X) == np.asarray(y)) > 0.9


@pytest.mark.parametrize("dtype", ["Int64", "UInt64", "int64[pyarrow]", "boolean"])
def test_whole_numbers_without_a_value_name_their_row(dtype):
    y = pd.Series([1, 0] * 30, dtype=dtype)
    y[4] = pd.NA
    with pytest.raises(TargetError, match="row 4, counted from 0"):
        LinearClassifier().fit(X, y)


def test_labels_of_a_frame_with_two_types_of_whole_numbers():
    frame = pd.DataFrame({"a": pd.Series([0, 1] * 30, dtype="Int64"), "b": pd.Series([1, 0] * 30, dtype="int8")})
    assert LinearClassifier().fit(X, frame).predict(X).dtype.kind == "i"


@pytest.mark.parametrize(
    ("strange", "words"), [(np.inf, "infinity"), (1, "all texts or all numbers"), (None, "no value")]
)
@pytest.mark.parametrize("model", [MLPClassifier((3,)), MLPSearchCV(LinearClassifier(), {"alpha": [1, 2]})])
def test_what_is_no_label_among_texts(strange, words, model):
    y = LABELS.copy()
    y[7] = strange
    with pytest.raises(TargetError, match=words) as error:
        model.fit(X, y)
    assert "row 7, counted from 0" in str(error.value)


def test_infinity_among_objects_is_no_number():
    y = NUMBERS.astype(object)
    y[7] = float("inf")
    with pytest.raises(TargetError, match="row 7, counted from 0, has inf"):
        MLPRegressor((3,)).fit(X, y)
