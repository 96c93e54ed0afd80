import numpy as np
import pandas as pd
import polars as pl
import pytest

from chainrule._errors import InvalidParameterError, TableError
from chainrule.table import Encoder, Table, from_frame, infer_schema, read_table

N = 1000
GENERATOR = np.random.default_rng(0)
EXAMPLES = {
    "id": np.arange(1, N + 1),
    "shuffled_id": GENERATOR.permutation(N) + 5,
    "name": [f"person {i}" for i in range(N)],
    "remark": [f"remark {i % 200}" for i in range(N)],
    "constant": np.ones(N),
    "empty": [None] * N,
    "one_text": ["same"] * N,
    "float_range": np.arange(N) + 0.5,
    "repeated": np.arange(N) // 2,
    "gaps": np.arange(N) * 2,
    "colour": [("red", "green", "blue")[i % 3] for i in range(N - 4)] + ["mauve"] * 2 + [None] * 2,
    "flag": [bool(i % 2) for i in range(N)],
    "when": np.datetime64("2024-01-01", "us") + np.arange(N) * np.timedelta64(1, "D"),
    "text_number": [f"{i % 10},000" for i in range(N)],
    "sometimes": [1.0] * (N - 7) + [None] * 7,
}
EXPECTED = {
    "id": ("dropped", "identifier-like: whole numbers 1 to 1,000 in order"),
    "shuffled_id": ("dropped", "identifier-like: whole numbers 5 to 1,004"),
    "name": ("dropped", "identifier-like: every text is different"),
    "remark": ("dropped", "free text: 200 different values"),
    "constant": ("dropped", "constant: always 1"),
    "empty": ("dropped", "all missing"),
    "one_text": ("dropped", "constant: always same"),
    "float_range": ("numeric", ""),
    "repeated": ("numeric", ""),
    "gaps": ("numeric", ""),
    "colour": ("categorical", "4 categories, 1 rare, 2 missing"),
    "flag": ("boolean", ""),
    "when": ("date", ""),
    "text_number": ("numeric", "numbers stored as text"),
    "sometimes": ("numeric", "7 missing"),
}


@pytest.fixture(scope="module")
def table() -> Table:
    return from_frame(EXAMPLES)


def test_every_kind_of_column_is_understood(table):
    assert {name: (role, note) for name, role, note in infer_schema(table).rows()} == EXPECTED


def test_targets_have_no_plan(table):
    assert "id" not in [plan.name for plan in infer_schema(table, targets=["id"]).plans]


def test_overrides_by_name_and_by_position(table):
    schema = infer_schema(table, drop=["flag"], numeric=["1"], categorical=["repeated"], ordinal=["colour"])
    roles = {plan.name: plan.role for plan in schema.plans}
    assert [roles[name] for name in ("flag", "id", "repeated", "colour")] == [
        *("dropped", "numeric", "categorical", "ordinal")
    ]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"drop": ["colur"]}, "Did you mean 'colour'"),
        ({"targets": [99]}, "No column 99"),
        ({"numeric": ["colour"]}, "'colour' cannot be numeric: its values must be numbers, but it has 'red'"),
        ({"dates": ["flag"]}, "'flag' cannot be a date"),
        ({"ordinal": ["empty"]}, "cannot be ordinal: it has no values"),
    ],
)
def test_impossible_overrides(table, overrides, message):
    with pytest.raises(TableError, match=message):
        infer_schema(table, **overrides)


def test_two_roles_for_one_column(table):
    with pytest.raises(InvalidParameterError, match="dropped and numeric"):
        infer_schema(table, drop=["id"], numeric=[1])


def test_nothing_left():
    with pytest.raises(TableError, match=r"left to learn from \(a: constant: always 1\)"):
        infer_schema(from_frame({"a": [1, 1], "y": [1, 2]}), targets=["y"])


def test_few_rows_prove_no_identifier():
    assert infer_schema(from_frame({"a": [1, 2, 3]})).rows() == [("a", "numeric", "")]


@pytest.mark.parametrize(
    ("name", "dropped", "notes"),
    [
        (
            "adult/adult.data",
            [],
            {"column2": "8 categories, 1 rare, 1,836 missing", "column14": "41 categories, 1 rare, 583 missing"},
        ),
        ("bike-sharing/hour.csv", ["instant"], {"instant": "identifier-like: whole numbers 1 to 17,379 in order"}),
        (
            "california-housing/housing.csv",
            [],
            {"total_bedrooms": "207 missing", "ocean_proximity": "5 categories, 1 rare"},
        ),
        ("credit-default/UCI_Credit_Card.csv", [], {}),
        ("penguins/penguins.csv", [], {"sex": "2 categories, 11 missing", "body_mass_g": "2 missing"}),
    ],
)
def test_public_tables(shared_data, name, dropped, notes):
    plans = {plan.name: plan for plan in infer_schema(read_table(shared_data(name))).plans}
    assert [plan.name for plan in plans.values() if plan.role == "dropped"] == dropped
    assert {column: plans[column].note for column in notes} == notes


def test_words_of_a_scale_are_ordered(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("cut,size,x\n" + "Very Good,S,1.5\nFair,L,2\nIdeal,M,0\nGood,S,7\n" * 10)
    plans = {plan.name: plan for plan in infer_schema(read_table(path)).plans}
    assert plans["cut"].role == "ordinal"
    assert plans["cut"].order == ("Fair", "Good", "Very Good", "Ideal")
    assert plans["size"].order == ("S", "M", "L")
    asked = infer_schema(read_table(path), categorical=["cut"], ordinal=["size=L<M<S"]).plans
    assert (asked[0].role, asked[1].order) == ("categorical", ("L", "M", "S"))
    with pytest.raises(TableError, match="The order of column 'size' lacks 'L'"):
        infer_schema(read_table(path), ordinal=["size=S<M"])


def test_the_order_of_categories_of_a_frame_is_kept():
    texts, order = ["b", "c", "a"] * 10, ["c", "a", "b"]
    frames = (
        pd.DataFrame({"k": pd.Categorical(texts, order, ordered=True), "x": range(0, 60, 2)}),
        pl.DataFrame({"k": pl.Series(texts, dtype=pl.Enum(order)), "x": list(range(0, 60, 2))}),
    )
    for frame in frames:
        table = from_frame(frame)
        plan = infer_schema(table).plans[0]
        assert (plan.role, plan.order) == ("ordinal", tuple(order))
        block = Encoder.fit(table, infer_schema(table)).blocks[0]
        assert block.levels == tuple(order)
    unordered = pd.DataFrame({"k": pd.Categorical(texts, order), "x": range(0, 60, 2)})
    assert infer_schema(from_frame(unordered)).plans[0].role == "categorical"


def test_a_column_of_lists_is_dropped_with_the_reason():
    table = from_frame({"x": [1.0, 2.0, 3.5], "tags": [["a"], ["b", "c"], None]})
    plan = next(plan for plan in infer_schema(table).plans if plan.name == "tags")
    assert (plan.role, plan.note) == ("dropped", "all missing, lists or records, which are not read")
