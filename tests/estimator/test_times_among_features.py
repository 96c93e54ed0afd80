"""Dates and durations in X: NumPy makes numbers of them in silence, of NaT -9.2e18, of hours the same as of days."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from chainrule import LinearRegressor, MLPEnsembleRegressor, MLPRegressor
from chainrule._errors import TableError

DATES = np.datetime64("2024-01-01") + np.arange(30)
DURATIONS = DATES - DATES[0]
LACKING = np.where(np.arange(30) == 3, np.timedelta64("NaT"), DURATIONS)
PLAIN = np.arange(60.0).reshape(30, 2)
Y = np.arange(30.0)


def _two(times):
    return np.stack([times, times], axis=1)


TABLES = {
    "durations": (_two(DURATIONS), "'x0' holds durations"),
    "NaT": (_two(LACKING), "'x0' holds durations"),
    "hours": (_two(DURATIONS).astype("m8[h]"), "'x0' holds durations"),
    "dates": (_two(DATES), "'x0' holds dates"),
    "list": (_two(DURATIONS).astype("m8[s]").tolist(), "'x0' holds durations"),
    "list of both": ([[1.0, day] for day in DURATIONS], "'x1' holds durations"),
    "objects": (np.array([[1.0, day] for day in DURATIONS], object), "'x1' holds durations"),
    "date objects": ([[1.0, date(2024, 1, 1 + k)] for k in range(30)], "'x1' holds dates"),
    "pandas": (pd.DataFrame({"a": Y, "took": LACKING}), "'took' holds durations"),
    "pandas dates": (pd.DataFrame({"a": Y, "when": pd.to_datetime(DATES)}), "'when' holds dates"),
    "pandas zone": (pd.DataFrame({"a": Y, "when": pd.to_datetime(DATES).tz_localize("UTC")}), "'when' holds dates"),
    "pandas objects": (
        pd.DataFrame({"a": Y, "t": pd.Series([timedelta(1)] * 30, dtype=object)}),
        "'t' holds durations",
    ),
    "only durations": (pd.DataFrame({"a": DURATIONS, "took": LACKING}), "'a' holds durations"),
    "one name twice": (pd.DataFrame([[1.0, day] for day in DURATIONS], columns=["a", "a"]), "holds durations"),
    "polars": (pl.DataFrame({"a": Y, "took": [timedelta(hours=k) for k in range(30)]}), "'took' holds durations"),
    "arrow": (pa.table({"a": Y, "took": pa.array([timedelta(hours=k) for k in range(30)])}), "'took' holds durations"),
}


@pytest.mark.parametrize("name", TABLES)
def test_they_are_refused_wherever_x_is_read(name):
    X, words = TABLES[name]
    net = MLPRegressor((3,), max_iter=2, tol=0.1, random_state=0)
    for reading in (
        lambda: LinearRegressor().fit(X, Y),
        lambda: net.fit(X, Y),
        lambda: net.partial_fit(X, Y),
        lambda: MLPEnsembleRegressor(net, 2).fit(X, Y),
    ):
        with pytest.raises(TableError, match=words):
            reading()


@pytest.mark.parametrize("name", ["durations", "NaT", "dates", "objects"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_they_are_refused_by_a_model_of_numbers(name):
    X, words = TABLES[name]
    net = MLPRegressor((3,), max_iter=2, random_state=0).fit(PLAIN / 60, Y)
    for reading in (
        lambda: net.predict(X),
        lambda: net.score(X, Y),
        lambda: net.data_loss(X, Y),
        lambda: net.fit(PLAIN, Y, X_val=X, y_val=Y),
        lambda: net.fit(PLAIN, Y, X_cal=X, y_cal=Y),
    ):
        with pytest.raises(TableError, match=words):
            reading()


@pytest.mark.parametrize("encoding", [{"scale": True}, {"missing": "impute"}, {"categorical_features": [0]}])
@pytest.mark.parametrize("name", ["NaT", "pandas", "pandas objects", "polars", "list of both", "pandas dates"])
def test_they_are_refused_where_columns_are_encoded(name, encoding):
    with pytest.raises(TableError, match=r"holds (durations|dates): make numbers"):
        MLPRegressor((3,), max_iter=2, **encoding).fit(TABLES[name][0], Y)


@pytest.mark.parametrize("dtype", ["m8[D]", "m8[ns]", object])
def test_durations_are_no_categories(dtype):
    frame = pd.DataFrame({"took": pd.Series(DURATIONS.astype("m8[s]").astype(dtype)), "a": Y})
    with pytest.raises(TableError, match="'took' holds durations"):
        MLPRegressor((3,), max_iter=2, categorical_features=["took"]).fit(frame, Y)


def test_numbers_in_objects_are_taken_as_before():
    objects = LinearRegressor().fit(PLAIN.astype(object), Y)
    np.testing.assert_array_equal(objects.coef_, LinearRegressor().fit(PLAIN, Y).coef_)
