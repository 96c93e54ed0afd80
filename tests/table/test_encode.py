import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule._errors import TableError
from chainrule.table import Column, Encoder, Table, from_frame, infer_schema


def encode(columns, *, test=None, rows=None, **overrides):
    """Fit on a frame, encode it or another; give the features by name."""
    table = from_frame(columns)
    encoder = Encoder.fit(table, infer_schema(table, **overrides), rows)
    X = encoder.transform(table if test is None else from_frame(test))
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    return dict(zip(encoder.feature_names, X.T.tolist(), strict=True))


def clipped(z):
    return z / math.sqrt(1 + (z / 4) ** 2)


def test_numbers_worked_by_hand():
    # 1, 3, 5 and the median 3 for the missing one: mean 3, variance 2
    features = encode({"x": [1.0, 3.0, 5.0, None]})
    z = clipped(math.sqrt(2))
    assert features["x"] == pytest.approx([-z, 0, z, 0])
    assert features["x (missing)"] == [0, 0, 0, 1]


def test_statistics_come_from_the_training_rows_alone():
    # training 0 and 2: mean 1, standard deviation 1
    features = encode({"x": [0.0, 2.0, 1000.0]}, rows=np.array([0, 1]))
    assert features["x"] == pytest.approx([clipped(-1), clipped(1), clipped(999)])
    assert "x (missing)" not in features


def test_missing_only_at_prediction_becomes_the_median():
    assert encode({"x": [5.0, 5.0, 8.0]}, test={"x": ["?", "5"]})["x"] == pytest.approx(
        [clipped(-1 / math.sqrt(2))] * 2
    )


def test_far_from_zero_numbers_keep_their_differences():
    features = encode({"x": 1e9 + np.array([0.0, 1.0, 2.0, 1.0])})
    z = clipped(math.sqrt(2))
    assert features["x"] == pytest.approx([-z, 0, z, 0])


@pytest.mark.filterwarnings("ignore:.*do not count for its scale")
@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=50).filter(lambda x: len(set(x)) > 1))
def test_scaling_is_bounded_and_keeps_the_order(values):
    columns = (Column("x", "number", np.array(values)),)
    table = Table((*columns, Column("y", "number", np.arange(len(values)) * 0.5)))
    x = Encoder.fit(table, infer_schema(table, numeric=["x"])).transform(table)[np.argsort(values, kind="stable"), 0]
    assert (np.abs(x) <= 4).all()
    assert (np.diff(x) >= 0).all()


def test_levels_rare_missing_and_unseen():
    training = {"c": ["a"] * 5 + ["b"] * 5 + ["d"] + [None] * 2}
    features = encode(training, test={"c": ["a", "b", "d", None, "never seen"]})
    assert features == {
        "c=a": [1, 0, 0, 0, 0],
        "c=b": [0, 1, 0, 0, 0],
        "c=(other)": [0, 0, 1, 0, 1],
        "c=(missing)": [0, 0, 0, 1, 0],
    }


def test_unseen_and_missing_are_zeros_where_training_had_neither():
    features = encode({"c": ["a", "b", "c"] * 3}, test={"c": ["a", "z", None]})
    assert features == {"c=a": [1, 0, 0], "c=b": [0, 0, 0], "c=c": [0, 0, 0]}


def test_two_levels_share_a_feature():
    assert encode({"c": ["no", "yes"] * 3}, test={"c": ["no", "yes", "maybe"]}) == {"c=yes": [0, 1, 0.5]}


def test_at_most_255_levels_keep_a_feature():
    counts = {f"level {i:03}": 10 + (i % 2) for i in range(300)}
    features = encode({"c": [level for level, n in counts.items() for _ in range(n)]}, categorical=["c"])
    assert len(features) == 256
    assert sum(features["c=(other)"]) == 45 * 10  # the pooled are among the rarest
    assert np.array(list(features.values())).sum(axis=0).tolist() == [1] * sum(counts.values())


def test_numbers_as_categories_match_by_spelling():
    features = encode({"grade": [1, 2, 3] * 4}, test={"grade": ["2", "3", "x"]}, categorical=["grade"])
    assert features == {"grade=1": [0, 0, 0], "grade=2": [1, 0, 0], "grade=3": [0, 1, 0]}


def test_truth_values():
    assert encode({"b": [True, False, True]}) == {"b": [1, 0, 1]}
    assert encode({"b": [True, False, None]}) == {"b": [1, 0, 0.5], "b (missing)": [0, 0, 1]}


def test_ordinal_texts_are_ranked():
    features = encode({"s": ["a", "b", "c"]}, test={"s": ["c", "a", None]}, ordinal=["s"])
    z = clipped(math.sqrt(1.5))
    assert features["s"] == pytest.approx([z, -z, 0])


def test_dates_are_expanded_and_constant_parts_left_out():
    # Thursday 29 February 2024, Friday 1 March 2024, noon and midnight
    when = np.array(["2024-02-29T12", "2024-03-01T00"], "datetime64[us]")
    features = encode({"t": when})
    parts = ("days", "month", "month_sin", "month_cos", "day", "weekday", "weekday_sin", "hour", "hour_cos")
    # no year; no hour_sin: 0 at noon and at midnight; no weekday_cos: Thursday and Friday mirror each other
    assert list(features) == [f"t.{part}" for part in parts]
    assert features["t.month"] == pytest.approx([-clipped(1), clipped(1)])
    assert features["t.day"] == pytest.approx([clipped(1), -clipped(1)])


def test_pixels_lie_between_0_and_1():
    image = np.array([[0, 255], [51, 0], [0, 0]], np.uint8)
    table = Table(tuple(Column(f"p{i}", "pixel", image[:, i]) for i in range(2)))
    X = Encoder.fit(table, infer_schema(table)).transform(table, np.array([1, 0]))
    assert X.tolist() == [[pytest.approx(0.2), 0], [0, 1]]


MIXED = {
    "x": [1.0, None, 3.0, 7.0] * 30,
    "c": ["a", "b", None, "d"] * 30,
    "when": np.datetime64("2020-01-30", "us") + np.arange(120) * np.timedelta64(31, "h"),
    "b": [True, False, True, None] * 30,
    "s": ["low", "mid", "top", "mid"] * 30,
}


def fitted():
    table = from_frame(MIXED)
    return table, Encoder.fit(table, infer_schema(table, ordinal=["s"]))


def test_through_json_and_back_is_exact():
    table, encoder = fitted()
    restored = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert restored == encoder
    assert np.array_equal(restored.transform(table), encoder.transform(table))


def test_rows_are_independent_of_their_neighbours_and_of_column_order():
    table, encoder = fitted()
    X = encoder.transform(table)
    rows = np.array([119, 3, 3, 50])
    assert np.array_equal(encoder.transform(table, rows), X[rows])
    mask = np.arange(120) % 7 == 0
    assert np.array_equal(encoder.transform(table, mask), X[mask])
    shuffled = Table((Column("extra", "number", np.zeros(120)), *reversed(table.columns)))
    assert np.array_equal(encoder.transform(shuffled), X)


def test_more_rows_than_a_chunk():
    x = np.random.default_rng(0).normal(size=10_000)
    table = from_frame({"x": x, "y": -x})
    X = Encoder.fit(table, infer_schema(table)).transform(table)
    assert np.array_equal(X[:, 0], -X[:, 1])
    z = (x - x.mean()) / x.std()
    np.testing.assert_allclose(X[:, 0], z / np.sqrt(1 + (z / 4) ** 2), rtol=1e-6, atol=1e-7)


def test_absent_columns_are_all_named():
    table, encoder = fitted()
    assert encoder.columns == ("x", "c", "when", "b", "s")
    with pytest.raises(TableError, match=r"lacks 2 column\(s\) the model was trained on: 'x', 'when'"):
        encoder.transform(table.without(["x", "when"]))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("x", ["1", "tall"], "'x' had numbers in training, but here it has 'tall'"),
        ("x", ["$1,250", "Total"], "'x' had numbers in training, but here it has 'Total'"),
        ("when", ["2024-03-01", "late"], "'when' had dates in training, but here it has 'late'"),
        ("when", ["soon", "late"], "'when' had dates in training, but here it has 'soon'"),
        ("when", [3, 4], "'when' had dates in training, but here it has '3'"),
        ("b", ["yes", "no"], "'b' had numbers in training, but here it has 'yes'"),
    ],
)
def test_a_column_of_another_type(name, values, message):
    _, encoder = fitted()
    test = from_frame({key: column[:2] for key, column in MIXED.items()} | {name: values})
    with pytest.raises(TableError, match=message):
        encoder.transform(test)


def test_everything_missing_at_prediction():
    _, encoder = fitted()
    X = encoder.transform(from_frame({name: [None, None] for name in MIXED}))
    assert np.isfinite(X).all()


def test_training_rows_without_variation():
    table = from_frame({"x": [1, 1, 2]})
    with pytest.raises(TableError, match="constant in the training rows"):
        Encoder.fit(table, infer_schema(table), np.array([0, 1]))


def test_truth_values_are_those_of_the_texts_in_training():
    table = from_frame({"k": ["true", "false", "maybe"] * 10, "x": np.arange(30) / 7})
    encoder = Encoder.fit(table, infer_schema(table))
    texts, flags = ({"k": values, "x": [1.0, 2.0]} for values in (["true", "false"], [True, False]))
    known = table.format
    np.testing.assert_array_equal(
        encoder.transform(from_frame(flags, known=known)), encoder.transform(from_frame(texts, known=known))
    )
