"""What is one category and what is not: whatever the values are stored in, and whatever they are called."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import MLPClassifier, MLPRegressor, load, save
from chainrule._errors import TableError
from chainrule.table import Column, Encoder, Table, infer_schema
from chainrule.table.columns import spell
from chainrule.table.reading.from_frame import from_frame, level_column
from chainrule.table.target import infer_target

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

M = 60
TURN = np.arange(M) % 3
EFFECT = np.array([-1.0, 0.0, 2.0])[TURN]
FLOATS = np.array([0.1, 1.0, 2.3])[TURN]
WHOLE = np.array([1, 2, 100])[TURN]
SIZE = np.linspace(0, 1, M)


def taught(values, y=EFFECT, **more):
    """A network that has learned what each category is worth."""
    model = MLPRegressor((8,), categorical_features=["c"], solver="lbfgs", max_iter=200, random_state=0, **more)
    return model.fit(frame(values), y)


def frame(values):
    return pd.DataFrame({"size": SIZE[: len(values)], "c": values})


FORMS = {
    "float32": (FLOATS, FLOATS.astype(np.float32)),
    "float64 of a float32": (FLOATS, FLOATS.astype(np.float32).astype(np.float64)),
    "Float32": (FLOATS, pd.array(FLOATS, "Float32")),
    "objects": (FLOATS, FLOATS.astype(object)),
    "texts": (FLOATS, np.array(["0.1", "1", "2.3"], object)[TURN]),
    "decimals": (FLOATS, np.array([Decimal("0.10"), Decimal("1"), Decimal("2.3")], object)[TURN]),
    "category of floats": (FLOATS, pd.Categorical(FLOATS)),
    "arrow": (FLOATS, pd.array(FLOATS, dtype=pd.ArrowDtype(pa.float32()))),
    "int8": (WHOLE, WHOLE.astype(np.int8)),
    "uint64": (WHOLE, WHOLE.astype(np.uint64)),
    "whole floats": (WHOLE, WHOLE.astype(np.float32)),
    "Int16": (WHOLE, pd.array(WHOLE, "Int16")),
    "arrow integers": (WHOLE, pd.array(WHOLE, dtype=pd.ArrowDtype(pa.int8()))),
    "whole objects": (WHOLE, WHOLE.astype(object)),
    "whole texts": (WHOLE, WHOLE.astype(str).astype(object)),
    "mixed": (WHOLE, np.array([1.0, "2", 100], object)[TURN]),
    "dates": (np.array(["2024-01-01", "2024-01-02", "2025-01-01"], "M8[ns]")[TURN], None),
    "truth": (SIZE > 0.5, pd.array(SIZE > 0.5, "boolean")),
}
FORMS["dates"] = (FORMS["dates"][0], np.array([date.date() for date in FORMS["dates"][0].astype("M8[us]").tolist()]))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_same_values_are_the_same_categories_in_any_form(form):
    y = EFFECT + 2 * (SIZE > 0.5)
    for seen, asked in (FORMS[form], FORMS[form][::-1]):
        model = taught(seen, y)
        np.testing.assert_array_equal(model.predict(frame(asked)), model.predict(frame(seen)))
        assert np.ptp(model.predict(frame(seen))) > 0.5  # it has learned something of them


@pytest.mark.parametrize("kind", ["polars", "arrow", "dictionary", "categorical"])
def test_frames_of_other_kinds(kind):
    texts = np.array(["a", "b", None], object)[TURN]
    model = MLPRegressor(
        (8,), categorical_features=["c"], missing="impute", solver="lbfgs", max_iter=200, random_state=0
    )
    model.fit(frame(texts), EFFECT)
    other = {
        "polars": lambda: pl.DataFrame({"size": SIZE, "c": texts.tolist()}),
        "categorical": lambda: pl.DataFrame({"size": SIZE, "c": pl.Series(texts.tolist(), dtype=pl.Categorical)}),
        "arrow": lambda: pa.table({"size": SIZE, "c": pa.array(texts.tolist())}),
        "dictionary": lambda: pa.table({"size": SIZE, "c": pa.array(texts.tolist()).dictionary_encode()}),
    }[kind]()
    np.testing.assert_array_equal(model.predict(other), model.predict(frame(texts)))
    np.testing.assert_allclose(model.predict(other), EFFECT, atol=0.3)


@pytest.mark.parametrize("kind", [pd.Series, pl.Series, pa.array], ids=["pandas", "polars", "arrow"])
def test_identifiers_are_not_rounded_beside_missing_values(kind):
    big = 2**60
    values = [big, big + 1, None]
    if kind is pd.Series:
        series = frame(pd.array([values[turn] for turn in TURN], "Int64"))
    else:
        rows = kind([values[turn] for turn in TURN])
        series = pl.DataFrame({"size": SIZE, "c": rows}) if kind is pl.Series else pa.table({"size": SIZE, "c": rows})
    model = MLPRegressor(
        (8,), categorical_features=["c"], missing="impute", solver="lbfgs", max_iter=200, random_state=0
    )
    np.testing.assert_allclose(model.fit(series, EFFECT).predict(series), EFFECT, atol=0.3)
    whole = frame(np.where(TURN == 2, big, np.array([big, big + 1, big])[TURN]))
    np.testing.assert_allclose(model.predict(whole)[TURN == 1], 0, atol=0.3)


BUCKETS = ["(other)", "(missing)", "((other))", "None", "nan", "NaN", "NA", "", " ", "<NA>", "null", "0", "-1", "False"]


@pytest.mark.parametrize("name", BUCKETS)
@pytest.mark.parametrize("missing", ["error", "impute"])
def test_no_name_of_a_category_means_anything_else(name, missing, tmp_path):
    """A level of this name is as one of any other name: what is new or missing goes elsewhere."""
    rare = TURN.astype(object)
    values = [np.array(["a", "b", level], object)[TURN] for level in (name, "some level")]
    if missing == "impute":
        for each in values:
            each[::10] = None
    for each in values:
        each[-1] = "rare"
    y = EFFECT + rare.astype(float)
    named, plain = (taught(each, y, missing=missing) for each in values)
    asked = [
        np.array(["a", "b", level, "new", "rare"] + [None] * (missing == "impute"), object)
        for level in (name, "some level")
    ]
    saved = tmp_path / "m"
    save(named, saved)
    for model in (named, load(saved)):
        answers, expected = model.predict(frame(asked[0])), plain.predict(frame(asked[1]))
        assert answers[3] != answers[2]
        assert len(set(model.embeddings_["c"])) == 4 + (missing == "impute")
        assert abs(answers[2] - y[2]) < 1
        assert abs(expected[2] - y[2]) < 1
    assert set(named.embeddings_["c"]) - {name} >= {"a", "b"}


@pytest.mark.parametrize("name", ["(other)", "(missing)"])
def test_on_the_command_line_s_tables_too(name):
    """One-hot levels: the feature of a level with the bucket's name is 1 for it alone."""
    column = ["a"] * 9 + [name] * 9 + ["d", "e"] + [None] * 3
    table = from_frame({"c": np.array(column, object)})
    encoder = Encoder.fit(table, infer_schema(table, categorical=["c"]))
    assert len(set(encoder.feature_names)) == len(encoder.feature_names) == 4
    asked = from_frame({"c": np.array(["a", name, "new", None], object)})
    X = encoder.transform(asked)
    assert X.tolist() == np.eye(4)[[1 if name < "a" else 0, 0 if name < "a" else 1, 2, 3]].tolist()
    assert Encoder.from_dict(encoder.to_dict()) == encoder


def test_true_is_not_1():
    model = taught(SIZE > 0.5)
    with pytest.raises(
        TableError, match="'c' had boolean values in training; now they are of the kind number, and '0'"
    ):
        model.predict(frame((SIZE > 0.5).astype(int)))
    mixed = np.array([True, 1, "1", 1.0, "True"], object)
    assert level_column("c", mixed).levels == ("1", "True")


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None, max_examples=300)
def test_what_is_written_is_read_as_the_same_number_but_for_what_float32_rounds(number):
    written = float(spell(np.float64(number), "number"))
    with np.errstate(over="ignore"):
        rounded = float(np.float32(number))
        assert written == number or (float(np.float32(written)) == number and float(f"{written:.6g}") == written)
    if number == rounded:
        assert spell(np.float32(number), "number") == spell(np.float64(number), "number")


@given(st.decimals(-9999, 9999, places=2))
@settings(deadline=None, max_examples=300)
def test_decimals_of_six_digits_are_written_as_they_are_in_either_precision(decimal):
    number = float(decimal)
    expected = repr(number).removesuffix(".0").replace("-0", "0") if number == 0 else repr(number).removesuffix(".0")
    assert spell(np.float32(number), "number") == spell(np.float64(number), "number") == expected


def test_floats_of_one_column_stay_apart():
    close = np.array([1234567.1, 1234567.125, 100.3, 100.3125, 0.1, np.nextafter(0.1, 1), 16777217.0, 16777216.0])
    assert len(level_column("c", close).as_text().levels) == len(close)


def test_labels_of_a_table_match_in_either_precision():
    y = np.array([0.1, 0.25] * 10)
    for seen, asked in (
        (y, y.astype(np.float32)),
        (y.astype(np.float32), y),
        (y.astype(np.float32), y.astype(np.float32)),
    ):
        target = infer_target(Table((Column("y", "number", seen),)), ["y"])
        assert target.encode(Table((Column("y", "number", asked),))).tolist() == [0, 1] * 10


NAT = np.array(["2024-01-01", "NaT", "2024-01-03", "2024-01-01"], "M8[ns]")
WITHOUT = {
    "NaT": NAT,
    "timedelta": NAT - NAT[0],
    "pandas dates": pd.Series(NAT),
    "zones": pd.Series(NAT).dt.tz_localize("UTC"),
    "date objects": np.array([datetime.date(2024, 1, 1), None] * 2, object),
    "NaN": np.array([0.0, np.nan, 1, 0]),
    "None": [0, None, 1, 0],
    "text": ["a", None, "b", "a"],
    "text and NaN": np.array(["a", np.nan, "b", "a"], object),
    "Int64": pd.array([0, None, 1, 0], "Int64"),
    "boolean": pd.array([True, None, False, True], "boolean"),
    "string": pd.array(["a", None, "b", "a"], "string"),
    "category": pd.Categorical(["a", None, "b", "a"]),
    "polars": pl.Series(["a", None, "b", "a"]),
    "polars dates": pl.Series([datetime.date(2024, 1, 1), None] * 2),
    "arrow": pa.array([0, None, 1, 0]),
    "dictionary": pa.array(["a", None, "b", "a"]).dictionary_encode(),
    "infinity": np.array([0, -np.inf, 1, 0], np.float32),
    "two columns": np.array([[0, 1], [1, np.nan], [1, 1], [0, 1]]),
    "a frame": pd.DataFrame({"a": [0, 1, 0, 1], "b": [0, None, 1, 0]}),
}


@pytest.mark.parametrize("y", WITHOUT.values(), ids=WITHOUT)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_target_without_a_value_names_its_row(kind, y):
    rows = np.arange(8.0).reshape(4, 2)
    good = np.array([0, 1, 1, 0])
    for deed in (
        lambda: kind().fit(rows, y),
        lambda: kind().partial_fit(rows, y),
        lambda: kind().fit(rows, good, X_val=rows, y_val=y),
    ):
        with pytest.raises(ValueError, match=r"Input y contains (NaN|infinity).*row 1, counted from 0, has"):
            deed()


def test_classes_without_a_value_are_none(tmp_path):
    with pytest.raises(ValueError, match="Input classes contains NaN: row 1"):
        MLPClassifier().initialize(2, classes=[0, np.nan])
    pd.DataFrame({"x": [1.0, 2, 3], "y": ["a", None, "b"]}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(ValueError, match="column 'y' lacks 1 values, the first in row 1, counted from 0"):
        MLPClassifier().fit(str(tmp_path / "t.csv"), "y")


def test_dates_are_no_numbers_but_classes():
    dates = np.array(["2024-01-01", "2024-01-02"] * 2, "M8[D]")
    rows = np.arange(8.0).reshape(4, 2)
    for y, words in (
        (dates, "y holds dates"),
        (dates - dates[0], "y holds durations"),
        (dates.tolist(), "must be numbers"),
    ):
        with pytest.raises(ValueError, match=words):
            MLPRegressor().fit(rows, y)
    assert MLPClassifier(max_iter=1).fit(rows, dates).classes_.tolist() == sorted({*dates.tolist()})
