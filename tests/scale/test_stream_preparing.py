"""A table in batches is understood as the same table in memory is."""

import dataclasses

import numpy as np
import pytest

from chainrule._errors import CheckpointError, InvalidParameterError, TableError, TargetError
from chainrule.fit.dataset import TrainingSet, split
from chainrule.outofcore.memory import Budget
from chainrule.table import infer_target, read_table
from chainrule.table.encoding.blocks import Scaled
from chainrule.table.reading.batches import open_batches
from chainrule.tabular.in_memory import prepare, train
from chainrule.tabular.prepare import prepare_batches
from chainrule.tabular.prepared_file import load_prepared, save_prepared
from chainrule.tabular.recipe import recipe
from chainrule.tabular.split import Shares, draw_parts
from chainrule.tabular.summarize import facts_of
from chainrule.tabular.task import Overrides, network_targets
from chainrule.tabular.train import train_batches

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


def close(streamed, whole):
    """Blocks are equal but for the last bits of means and deviations."""
    assert [dataclasses.replace(block, **_same(block)) for block in streamed] == [
        dataclasses.replace(block, **_same(block)) for block in whole
    ]
    for one, other in zip(streamed, whole, strict=True):
        if isinstance(one, Scaled):
            assert one.centre == pytest.approx(other.centre, rel=1e-12, abs=1e-12 * other.scale)
            assert one.scale == pytest.approx(other.scale, rel=1e-11)


def _same(block):
    return {"centre": 0.0, "scale": 1.0} if isinstance(block, Scaled) else {}


def compare(source, targets, overrides, folder):
    table = read_table(source)
    whole = prepare(table, targets, overrides=overrides, test_fraction=0)
    with open_batches(source, batch_bytes=1) as batches:
        streamed = prepare_batches(batches, targets, folder, overrides=overrides, shares=ALL)
    assert streamed.schema == whole.schema
    close(streamed.encoder.blocks, whole.encoder.blocks)
    target = dataclasses.replace(streamed.target, centre=whole.target.centre, scale=whole.target.scale)
    assert target == whole.target
    np.testing.assert_allclose(streamed.target.centre, whole.target.centre, rtol=1e-12)
    np.testing.assert_allclose(streamed.target.scale, whole.target.scale, rtol=1e-11)
    assert (streamed.m, streamed.m_test, streamed.dropped_rows) == (whole.m, 0, whole.dropped_rows)
    block = streamed.rows["training"].read(0, streamed.m)
    Y = network_targets(whole.target, whole.y).astype(np.float64)
    np.testing.assert_allclose(block.X, whole.X, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(block.Y, Y, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(streamed.mean, Y.mean(axis=0), atol=1e-12)
    compare_splits(table, source, targets, overrides, folder)


def compare_splits(table, source, targets, overrides, folder):
    """The same rows are for the test, and the same held out, as of the table in memory; all are encoded alike."""
    whole = prepare(table, targets, overrides=overrides, test_fraction=0.2, seed=3)
    with open_batches(source, batch_bytes=1) as batches:
        streamed = prepare_batches(batches, targets, folder, overrides=overrides, shares=Shares(0.2, 0.1, seed=3))
    Y, strata = network_targets(whole.target, whole.y), whole.y if whole.target.classes else None
    training, held_out = split(recipe(1, early_stopping=True), TrainingSet(whole.X, Y, strata=strata), 3)
    parts = {"training": whole.X[training.rows], "validation": whole.X[held_out.rows], "test": whole.X_test}
    for name, X in parts.items():
        rows = streamed.rows[name]
        assert rows.m == len(X)
        np.testing.assert_allclose(rows.read(0, rows.m).X, X, rtol=1e-5, atol=1e-5)


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
        target = infer_target(batches.header, targets, facts=facts_of(batches, set(targets)))
        return draw_parts(batches, target, [name for name in batches.names if name not in targets], shares).codes


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


def test_shares_that_leave_nothing_are_refused():
    with pytest.raises(InvalidParameterError, match="the share of test rows must be from 0 to below 1, got 1"):
        Shares(1)


def test_the_split_does_not_depend_on_the_batches(tmp_path):
    read = []
    for number, batch_bytes in enumerate((1, 2**30)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with open_batches(QUERY, batch_bytes=batch_bytes) as batches:
            prepared = prepare_batches(batches, ["price"], folder, shares=Shares(seed=1))
        read.append([rows.read(0, rows.m) for rows in prepared.rows.values()])
    for one, other in zip(*read, strict=True):
        np.testing.assert_allclose(one.X, other.X, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(one.Y, other.Y, rtol=1e-6, atol=1e-6)


def test_medians_come_from_a_sample_where_rows_are_many(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.tabular.summarize._SAMPLE_ROWS", 2000)
    with open_batches(QUERY, batch_bytes=1) as batches:
        encoder = prepare_batches(batches, ["price"], tmp_path, shares=ALL).encoder
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
        prepare_batches(batches, targets, tmp_path, **({"shares": ALL} | options))


def test_a_record_brings_everything_back(tmp_path):
    with open_batches(QUERY) as batches:
        prepared = prepare_batches(batches, ["price"], tmp_path)
    fingerprint = {"table": {"query": QUERY}, "seed": 1}
    assert load_prepared(tmp_path, fingerprint) is None
    save_prepared(prepared, tmp_path, fingerprint)
    assert load_prepared(tmp_path, fingerprint) == prepared
    with pytest.raises(CheckpointError, match="another training: seed differ"):
        load_prepared(tmp_path, fingerprint | {"seed": 2})


def test_training_is_as_good_as_in_memory(tmp_path):
    """Not the same to the bit: rows are shuffled in windows."""
    settings = recipe(4000, hidden_layer_sizes=(16,), max_iter=15, dropout=0.0)
    whole = train(prepare(read_table(QUERY), ["flag"]), settings)
    with open_batches(QUERY, batch_bytes=1) as batches:
        prepared = prepare_batches(batches, ["flag"], tmp_path)
    streamed = train_batches(prepared, settings, Budget.asked("1GB"))
    assert streamed.figures.keys() == whole.figures.keys()
    assert streamed.figures["network"]["accuracy"] > whole.figures["network"]["accuracy"] - 0.03
    assert streamed.figures["network"]["accuracy"] > streamed.figures["trivial answer"]["accuracy"] + 0.1
    assert streamed.model.training["order"] == {"block": 4096, "window": 64}


def test_full_batches_that_do_not_fit_are_refused(tmp_path, monkeypatch):
    with open_batches(QUERY) as batches:
        prepared = prepare_batches(batches, ["flag"], tmp_path)
    monkeypatch.setattr("chainrule.outofcore.memory.BLOCK", 64)
    monkeypatch.setattr("chainrule.outofcore.memory.WINDOW", 2)
    with pytest.raises(InvalidParameterError, match="the batch size can be at most 128"):
        train_batches(prepared, recipe(1000, solver="gradient_descent"), Budget.asked("400MB"))
