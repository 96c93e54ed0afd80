import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

from chainrule._errors import TableError
from chainrule.table import from_frame

COLUMNS = {
    "size": [1.5, None, 3.0],
    "count": [3, 1, 2],
    "colour": ["red", None, " blue "],
    "flag": [True, False, None],
    "day": [dt.datetime(2024, 1, 2), None, dt.datetime(2023, 5, 6, 12)],
    "price": ["1,000", "?", "5"],
}


def by_pandas():
    return pd.DataFrame(COLUMNS)


def by_arrow():
    return pytest.importorskip("pyarrow").table(COLUMNS)


@pytest.mark.parametrize("make", [lambda: COLUMNS, by_pandas, lambda: pl.DataFrame(COLUMNS), by_arrow])
def test_the_same_table_from_every_kind_of_frame(make):
    table = from_frame(make())
    assert table.names == tuple(COLUMNS)
    assert [column.kind for column in table.columns] == ["number", "number", "text", "boolean", "date", "number"]
    np.testing.assert_array_equal(table["size"].values, [1.5, np.nan, 3.0])
    assert table["count"].values.tolist() == [3, 1, 2]
    assert (table["colour"].levels, table["colour"].values.tolist()) == (("blue", "red"), [1, -1, 0])
    np.testing.assert_array_equal(table["flag"].values, [1, 0, np.nan])
    np.testing.assert_array_equal(table["day"].values, np.array(COLUMNS["day"], "datetime64[us]"))
    np.testing.assert_array_equal(table["price"].values, [1000, np.nan, 5])


def test_categories_and_nullable_types_of_pandas():
    frame = pd.DataFrame({"c": pd.Categorical(["u", None, "v"]), "n": pd.array([1, None, 3], dtype="Int64")})
    table = from_frame(frame)
    assert table["c"].values.tolist() == [0, -1, 1]
    np.testing.assert_array_equal(table["n"].values, [1, np.nan, 3])


def test_order_is_kept_over_many_rows():
    x = np.random.default_rng(0).permutation(300_000)
    assert np.array_equal(from_frame({"x": x, "t": x.astype(str)})["x"].values, x)


def test_arrays_that_are_views():
    x = np.arange(20.0)[::-2]
    assert from_frame({"x": x})["x"].values.tolist() == x.tolist()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({}, "one length"),
        ({"a": []}, "at least one row"),
        ({"a": [1], "b": [1, 2]}, "one length"),
        ({"a": np.zeros((2, 2))}, "one-dimensional"),
        ({1: [1], "1": [2]}, "differ as text"),
        (42, "data frame or a mapping"),
    ],
)
def test_what_is_no_table(frame, message):
    with pytest.raises(TableError, match=message):
        from_frame(frame)


def test_scalars_of_numpy_in_columns_of_objects_are_values():
    values = np.array([np.float64(3.5), np.int64(2), None, np.float64("nan")], object)
    column = from_frame({"x": values})["x"]
    assert column.values[:2].tolist() == [3.5, 2.0]
    assert column.missing.tolist() == [False, False, True, True]
