"""A table in batches is understood as the same table in memory is."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chainrule._errors import CheckpointError, InvalidParameterError, TableError, TargetError
from chainrule.outofcore.memory import Budget
from chainrule.table import infer_target, read_table
from chainrule.table.batches import OneBatch
from chainrule.table.encoding.blocks import Scaled
from chainrule.table.encoding.date_parts import DATE_PARTS
from chainrule.table.reading.batches import open_batches
from chainrule.tabular.prepare import Overrides, prepare, summarize
from chainrule.tabular.prepared_file import load_prepared, save_prepared
from chainrule.tabular.recipe import recipe
from chainrule.tabular.split import Shares, split_table
from chainrule.tabular.train import train

ALL = Shares(test=0.0, validation=0.0)

TABLES = [
    ("penguins/penguins.csv", ["species"], Overrides()),
    ("adult/adult.data", ["15"], Overrides(drop=["3"])),
    ("credit-default/UCI_Credit_Card.csv", ["default.payment.next.month"], Overrides(categorical=["SEX", "PAY_0"])),
    ("california-housing/housing.csv", ["median_house_value"], Overrides()),
    ("bike-sharing/hour.csv", ["cnt"], Overrides()),
    ("uci-regression/energy.csv", ["9", "10"], Overrides()),
    ("wine-quality/winequality-white.csv", ["quality"], Overrides(task="classification")),
    ("pima/pima-indians-diabetes.csv", ["9"], Overrides()),
]

QUERY = """SELECT sin(i) * 3 + 1 AS x, CASE WHEN i % 7 > 0 THEN i % 50 END AS k, i % 3 = 0 AS flag, i AS id,
    ['red', 'blue', ' NA', 'green', 'grey'][1 + i * i % 5] AS colour, 'always' AS same,
    DATE '2022-01-01' + INTERVAL (i * 37 % 900) DAY AS day, ['low', 'high', 'mid'][1 + i % 3] AS level,
    CASE WHEN i % 11 > 0 THEN i % 4 END AS grade, cos(i) * 1e6 AS price FROM range(6000) t(i)"""


def compare(source, targets, overrides, folder):
    """Schema, target, encoder, split and encoded rows are the same to the last bit, however the table is read."""
    shares = Shares(0.2, 0.1, seed=3)
    whole = prepare(OneBatch.of(read_table(source)), targets, overrides=overrides, shares=shares)
    with open_batches(source, batch_bytes=1) as batches:
        streamed = prepare(batches, targets, folder, overrides=overrides, shares=shares)
    assert (streamed.schema, streamed.target, streamed.encoder) == (whole.schema, whole.target, whole.encoder)
    assert (streamed.mean, streamed.dropped_rows) == (whole.mean, whole.dropped_rows)
    assert np.array_equal(streamed.split.codes, whole.split.codes)
    for name, rows in whole.rows.items():
        one, other = streamed.rows[name].read(0, rows.m), rows.read(0, rows.m)
        assert streamed.rows[name].m == rows.m
        assert np.array_equal(one.X, other.X)
        assert np.array_equal(one.Y, other.Y.astype(np.float32))


@pytest.mark.parametrize(("name", "targets", "overrides"), TABLES, ids=[name for name, _, _ in TABLES])
def test_public_tables(shared_data, tmp_path, name, targets, overrides):
    compare(shared_data(name), targets, overrides, tmp_path)


@pytest.mark.parametrize(
    ("targets", "overrides"),
    [
        (["price"], Overrides()),
        (["grade"], Overrides(ordinal=["level", "k"], numeric=["flag"])),
        (["colour"], Overrides(categorical=["k", "flag"], drop=["id"])),
        (["flag"], Overrides(categorical=["day"])),
        (["x", "price"], Overrides()),
    ],
    ids=["numbers", "ordinal", "categorical", "days as levels", "two targets"],
)
def test_every_kind_of_column(tmp_path, targets, overrides):
    compare(QUERY, targets, overrides, tmp_path)


def parts_of(query, targets, shares):
    with open_batches(query, batch_bytes=1) as batches:
        target = infer_target(batches.header, targets, summaries=summarize(batches, set(targets)))
        return split_table(batches, target, [name for name in batches.names if name not in targets], shares).codes


@pytest.mark.parametrize("chapter", [None, 700])
def test_shares_are_those_asked_for_in_every_class_and_chapter(monkeypatch, chapter):
    """7,000 rows of four distinct ones, a tenth without a class: copies part, batches end anywhere in a chapter."""
    if chapter:
        monkeypatch.setattr("chainrule.tabular.split.CHAPTER", chapter)
    query = "SELECT i % 4 AS x, CASE WHEN i % 10 > 0 THEN ['a', 'b', 'c'][1 + i % 3] END AS y FROM range(7000) t(i)"
    codes = parts_of(query, ["y"], Shares(0.2, 0.25, seed=5))
    y = np.where(np.arange(7000) % 10, np.arange(7000) % 3, -1)
    assert not codes[y < 0].any()
    for k in range(3):
        assert np.bincount(codes[y == k], minlength=4).tolist() == pytest.approx([0, 1260, 420, 420], abs=10)
    for x in range(4):
        held_out = codes[(np.arange(7000) % 4 == x) & (y >= 0)]
        assert np.bincount(held_out, minlength=4)[1:] / len(held_out) == pytest.approx([0.6, 0.2, 0.2], abs=0.05)
    assert not np.array_equal(codes, parts_of(query, ["y"], Shares(0.2, 0.25, seed=6)))


def test_copies_travel_together_where_rows_are_nearly_all_distinct():
    query = "SELECT CASE WHEN i < 5000 THEN i ELSE i - 5000 END * 0.5 AS x, i * 37 % 100 AS y FROM range(6000) t(i)"
    codes = parts_of(query, ["y"], Shares(0.2, 0.25, seed=5))
    assert np.array_equal(codes[:1000], codes[5000:])
    assert np.bincount(codes).tolist() == pytest.approx([0, 3600, 1200, 1200], abs=8)


def test_copies_of_features_stay_together_in_real_rows(shared_data):
    path = shared_data("wine-quality/winequality-red.csv")
    X = pd.read_csv(path, sep=";").drop(columns="quality")
    assert X.duplicated().sum() == 240
    codes = parts_of(path, ["quality"], Shares(0.2, 0.0))
    assert (X.assign(part=codes).groupby(list(X.columns))["part"].nunique() == 1).all()
    assert (codes == 3).sum() == pytest.approx(0.2 * len(X), abs=6)  # 6 strata, one for each quality


def test_shares_that_leave_nothing_are_refused():
    with pytest.raises(InvalidParameterError, match="the share of test rows must be from 0 to below 1, got 1"):
        Shares(1)


def test_nothing_depends_on_how_the_batches_are_cut(tmp_path):
    read = []
    for number, batch_bytes in enumerate((1, 2**30)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with open_batches(QUERY, batch_bytes=batch_bytes) as batches:
            prepared = prepare(batches, ["price"], folder, shares=Shares(seed=1))
        read.append([rows.read(0, rows.m) for rows in prepared.rows.values()])
    for one, other in zip(*read, strict=True):
        assert np.array_equal(one.X, other.X)
        assert np.array_equal(one.Y, other.Y)


def test_medians_come_from_a_sample_where_rows_are_many(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.tabular.prepare._SAMPLE_ROWS", 2000)
    with open_batches(QUERY, batch_bytes=1) as batches:
        encoder = prepare(batches, ["price"], tmp_path, shares=ALL).encoder
    k = next(block for block in encoder.blocks if block.column == "k" and isinstance(block, Scaled))
    assert k.fill == pytest.approx(24.5, abs=3)  # of 0 to 49


@pytest.mark.parametrize(
    ("query", "targets", "options", "error", "words"),
    [
        (QUERY, ["nothing"], {}, TableError, "No column 'nothing'"),
        (QUERY, ["same"], {}, TargetError, "one class only, 'always'"),
        (QUERY, ["level", "grade"], {}, TargetError, "must hold numbers, but it has 'low'"),
        (QUERY, ["grade"], {"strict": True}, TargetError, "rows lack a value of grade. Mend them"),
        ("SELECT range AS x, NULL AS y FROM range(30)", ["y"], {}, TargetError, "no values: all 30 rows are missing"),
        (
            "SELECT range AS x, ['a', 'b'][1 + range] AS y FROM range(2)",
            ["y"],
            {"shares": Shares(0.3, 0)},
            TargetError,
            "too few, or too alike",
        ),
        ("SELECT 1 AS x, range % 2 AS y FROM range(50)", ["y"], {}, TableError, "No column of .* is left to learn"),
    ],
    ids=["unknown", "constant", "text", "strict", "empty", "all alike", "nothing to learn"],
)
def test_what_cannot_be_trained_on_is_said(tmp_path, query, targets, options, error, words):
    with pytest.raises(error, match=words), open_batches(query) as batches:
        prepare(batches, targets, tmp_path, **({"shares": ALL} | options))


def test_a_record_brings_everything_back(tmp_path):
    with open_batches(QUERY) as batches:
        prepared = prepare(batches, ["price"], tmp_path)
    fingerprint = {"table": {"query": QUERY}, "seed": 1}
    assert load_prepared(tmp_path, fingerprint) is None
    save_prepared(prepared, tmp_path, fingerprint)
    assert load_prepared(tmp_path, fingerprint) == replace(prepared, split=None)
    with pytest.raises(CheckpointError, match="another training: seed differ"):
        load_prepared(tmp_path, fingerprint | {"seed": 2})


def test_training_is_as_good_as_in_memory(tmp_path):
    """Not the same to the bit: rows are shuffled in windows."""
    settings = recipe(4000, hidden_layer_sizes=(16,), max_iter=15, dropout=0.0)
    whole = train(prepare(OneBatch.of(read_table(QUERY)), ["flag"]), settings)
    with open_batches(QUERY, batch_bytes=1) as batches:
        prepared = prepare(batches, ["flag"], tmp_path)
    streamed = train(prepared, settings, budget=Budget.asked("1GB"))
    assert streamed.figures.keys() == whole.figures.keys()
    assert streamed.figures["network"]["accuracy"] > whole.figures["network"]["accuracy"] - 0.03
    assert streamed.figures["network"]["accuracy"] > streamed.figures["baseline: most frequent class"]["accuracy"] + 0.1
    assert streamed.model.training["order"] == {"block": 4096, "window": 64}


def test_full_batches_that_do_not_fit_are_refused(tmp_path, monkeypatch):
    with open_batches(QUERY) as batches:
        prepared = prepare(batches, ["flag"], tmp_path)
    monkeypatch.setattr("chainrule.outofcore.memory.BLOCK", 64)
    monkeypatch.setattr("chainrule.outofcore.memory.WINDOW", 2)
    with pytest.raises(InvalidParameterError, match="the batch size can be at most 128"):
        train(prepared, recipe(1000, solver="gradient_descent"), budget=Budget.asked("400MB"))


def test_units_are_those_of_the_training_rows_and_a_constant_stays_unscaled():
    query = "SELECT i * 0.5 AS x, sin(i) AS a, 10 AS b FROM range(400) t(i) ORDER BY hash(i)"
    prepared = prepare(OneBatch.of(read_table(query)), ["a", "b"])
    a = read_table(query)["a"].values[prepared.split.untested]
    assert prepared.target.centre == pytest.approx((a.mean(), 10), rel=1e-12)
    assert prepared.target.scale == pytest.approx((a.std(), 1), rel=1e-12)


@pytest.mark.parametrize("memory", [False, True])
def test_gaps_that_training_did_not_have_become_its_medians(tmp_path, memory):
    """Of numbers, of few different ones, and of dates; not 0, which may be far outside of what training had."""
    query = "SELECT 1e6 + sin(i) AS x, 50 + i % 3 AS few, DATE '2024-01-01' + INTERVAL (i % 99) DAY AS day, i % 2 AS y"
    source = f"{query} FROM range(400) t(i)"
    with open_batches(source) if memory else nullcontext(OneBatch.of(read_table(source))) as batches:
        prepared = prepare(batches, ["y"], tmp_path if memory else None)
    table, rows = read_table(source), prepared.split.untested
    for block in prepared.encoder.blocks:
        column = table[block.column]
        taken = DATE_PARTS[block.part](column.values[rows]) if column.kind == "date" else column.values[rows]
        assert not block.indicator
        assert block.fill == np.median(taken.astype(np.float64))
