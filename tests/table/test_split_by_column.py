"""Splits by groups and by time: what must not happen never does, over random tables, in memory and in batches."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule._errors import InvalidParameterError, TableError
from chainrule.table import from_frame, infer_target
from chainrule.table.batches import OneBatch
from chainrule.table.holdout import folds_of_chapter
from chainrule.table.reading.batches import open_batches
from chainrule.tabular.splitting.groups import group_folds, held_out_groups
from chainrule.tabular.splitting.shares import Shares
from chainrule.tabular.splitting.split import split_table

calm = settings(deadline=None, derandomize=True, max_examples=25)
PARTS = ("training", "validation", "test")


def split(frame, shares, target="y", task="auto"):
    table = from_frame(frame) if isinstance(frame, pd.DataFrame) else frame
    return split_table(OneBatch.of(table), infer_target(table, [target], task), ["x"], shares)


def table(groups, seed=0, **columns):
    """A table with a column of groups, and a class for half of the rows."""
    m = len(groups)
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.where(np.arange(m) % 2, "yes", "no"))
    return pd.DataFrame({"g": groups, "x": rng.random(m), "y": y, **columns})


@calm
@given(
    sizes=st.lists(st.integers(1, 30), min_size=3, max_size=60),
    test=st.sampled_from([0.1, 0.2, 0.5]),
    validation=st.sampled_from([0.0, 0.1, 0.3]),
    seed=st.integers(0, 2**40),
)
def test_no_group_is_in_two_parts_and_shares_are_near(sizes, test, validation, seed):
    m = sum(sizes)
    groups = np.random.default_rng(seed).permutation(np.repeat([f"p{k}" for k in range(len(sizes))], sizes))
    if m < 4:
        return
    found = split(table(groups, seed), Shares(test, validation, seed, by="g"))
    of = {part: set(groups[found.rows(part)]) for part in PARTS}
    assert sum(len(held) for held in of.values()) == len(sizes)
    assert of["training"]
    assert of["test"]
    assert bool(of["validation"]) == bool(validation)
    assert sorted(np.concatenate([found.rows(part) for part in PARTS]).tolist()) == list(range(m))
    # A group is one and a half times the rows wanted at most, or the smallest; nothing is further off than a group.
    largest = 1.5 * max(test * m, min(sizes))
    held = [size for size in sizes if size <= largest]
    wanted = max(min(test * m, sum(held) / 2), min(sizes))
    assert abs(len(found.rows("test")) - wanted) <= max(held)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.35])
def test_every_group_is_held_out_as_often_as_another(share):
    """Over 1,500 seeds: each group, large or small, with about the share asked for, which the rows have nearly."""
    counts = np.random.default_rng(0).integers(1, 12, (40, 2))
    held = np.array([held_out_groups(counts, share, np.random.default_rng(seed)).chosen for seed in range(1500)])
    noise = 4 * np.sqrt(share * (1 - share) / 1500)
    assert np.abs(held.mean(axis=0) - share).max() < 0.3 * share + noise
    rows = held @ counts.sum(axis=1) / counts.sum()
    assert np.abs(rows - share).max() < 0.03
    assert rows.mean() == pytest.approx(share, abs=0.006)


def test_strata_keep_their_shares_better_than_by_chance():
    """A class of 4 % and 300 groups of up to nine rows: its share of the test rows, against groups drawn blindly."""
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 10, 300)
    rare = rng.binomial(sizes, np.where(rng.random(300) < 0.1, 0.4, 0.0))
    counts = np.stack([sizes - rare, rare], axis=1)
    ours = [held_out_groups(counts, 0.2, np.random.default_rng(seed)).chosen @ rare for seed in range(200)]
    blind = [rare[np.random.default_rng(seed).permutation(300)[:60]].sum() for seed in range(200)]
    assert np.mean(ours) == pytest.approx(0.2 * rare.sum(), abs=1)
    assert np.std(ours) < np.std(blind) / 3


def test_a_huge_group_stays_in_training_and_is_named():
    groups = np.array(["all"] * 90 + [f"p{k}" for k in range(10)])
    visits = from_frame(table(groups))
    for seed in range(20):
        found = split(visits, Shares(0.2, 0.1, seed, by="g"))
        assert {"all"} <= set(groups[found.rows("training")])
        assert len(found.rows("test"))
        assert len(found.rows("validation"))
    assert "the group all has 90 of 100 rows, too many to hold out: it is trained on" in found.notes


def test_rows_without_a_group_are_groups_of_their_own():
    groups = np.array([None] * 40 + ["a", "b", "c"] * 20, object)
    found = split(table(groups), Shares(0.25, 0.1, 0, by="g"))
    assert found.notes[0].startswith("split by g: 43 groups, ")
    assert found.notes[1] == "40 rows without a value of g, each a group of its own"
    assert 0 < np.count_nonzero(found.rows("test") < 40) < 40


@pytest.mark.parametrize(("groups", "shares"), [(["a"] * 9, Shares(0.2, 0)), (["a", "b"] * 5, Shares(0.2, 0.1))])
def test_too_few_groups(groups, shares):
    with pytest.raises(TableError, match=r"of 'g' (is|are) too few for test rows and .*training rows"):
        split(table(groups), Shares(shares.test, shares.validation, by="g"))


@calm
@given(sizes=st.lists(st.integers(1, 20), min_size=5, max_size=50), k=st.integers(2, 5), seed=st.integers(0, 2**40))
def test_each_group_is_tested_in_one_fold(sizes, k, seed):
    if sum(sizes) < 20:
        return
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)) * 1.5, sizes))
    tested, rows = [], from_frame(table(groups, seed))
    for fold in range(k):
        found = split(rows, Shares(0.2, 0.0, seed, by="g", fold=(fold, k)))
        tested.append(found.rows("test"))
        parts = [set(groups[found.rows(part)]) for part in PARTS]
        assert sum(map(len, parts)) == len(sizes)
    assert sorted(np.concatenate(tested).tolist()) == list(range(len(groups)))


def test_folds_of_groups_have_about_the_same_rows_and_classes():
    counts = np.random.default_rng(2).integers(0, 9, (200, 3)) + 1
    folds = group_folds(counts, 5, np.random.default_rng(0))
    rows = np.array([counts[folds == fold].sum(axis=0) for fold in range(5)])
    assert np.abs(rows / counts.sum(axis=0) - 0.2).max() < 0.01


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("m", [23, 100, 1001])
def test_each_row_is_tested_in_one_fold_of_its_stratum(task, m):
    rng = np.random.default_rng(m)
    y = rng.integers(0, 3, m) if task == "classification" else rng.normal(size=m)
    frame = pd.DataFrame({"x": rng.random(m), "y": y})
    tested = [split(frame, Shares(seed=3, fold=(fold, 5)), task=task).rows("test") for fold in range(5)]
    assert sorted(np.concatenate(tested).tolist()) == list(range(m))
    assert {len(rows) for rows in tested} <= {m // 5, m // 5 + 1}
    if task == "classification":
        for label in range(3):
            assert np.ptp([np.count_nonzero(y[rows] == label) for rows in tested]) <= 2


def test_folds_are_random():
    """Over 2,000 seeds row 0 shares a fold with row 1, of the other class, as often as chance has it."""
    classes = np.arange(20) % 2
    folds = np.array([folds_of_chapter(0, 20, 5, seed=seed, classes=classes) for seed in range(2000)])
    assert np.mean(folds[:, 0] == folds[:, 1]) == pytest.approx(0.2, abs=5 * np.sqrt(0.16 / 2000))


@calm
@given(
    times=st.lists(st.integers(0, 40), min_size=30, max_size=200).filter(lambda found: len(set(found)) > 8),
    test=st.sampled_from([0.1, 0.2, 0.5]),
    validation=st.sampled_from([0.0, 0.1, 0.3]),
    as_dates=st.booleans(),
)
def test_no_row_is_trained_on_that_is_later_than_a_test_row(times, test, validation, as_dates):
    when = np.datetime64("2024-01-01") + np.array(times) if as_dates else np.array(times) / 2
    found = split(table([0] * len(times), t=when), Shares(test, validation, time="t"))
    parts = [when[found.rows(part)] for part in PARTS if part != "validation" or validation]
    for earlier, later in pairwise(parts):
        assert earlier.max() < later.min()
    assert sum(map(len, parts)) == len(times)
    # No other cut between two times gives a share that is nearer to what was asked for.
    cuts = [np.count_nonzero(when >= time) for time in np.unique(when)[1:]]
    assert abs(len(parts[-1]) - test * len(times)) == min(abs(cut - test * len(times)) for cut in cuts)


@calm
@given(times=st.lists(st.integers(0, 60), min_size=40, max_size=200).filter(lambda found: len(set(found)) > 12))
def test_folds_in_order_of_time_are_tested_after_what_they_are_trained_on(times):
    when, tested = np.array(times), []
    visits = from_frame(table([0] * len(times), t=when))
    for fold in range(4):
        found = split(visits, Shares(0.2, 0.1, time="t", fold=(fold, 4)))
        training, validation, test = (when[found.rows(part)] for part in PARTS)
        assert training.max() < validation.min() <= validation.max() < test.min()
        assert len(training) + len(validation) == np.count_nonzero(when < test.min())
        tested.append(found.rows("test"))
    rows = np.concatenate(tested)
    assert len(rows) == len(set(rows.tolist())) == np.count_nonzero(when >= when[tested[0]].min())


def test_it_is_said_where_time_is_cut():
    days = np.datetime64("2023-01-01") + np.arange(100)
    found = split(table([0] * 100, t=days), Shares(0.2, 0.1, time="t"))
    assert found.notes == ("split by t: test: from 2023-03-22 on, 20 rows; validation: from 2023-03-14 on, 8 rows",)


def test_a_missing_time_is_named():
    when = np.arange(30.0)
    when[[4, 9]] = np.nan
    with pytest.raises(TableError, match=r"2 rows lack a value of 't', the first is row 4, counted from 0\."):
        split(table([0] * 30, t=when), Shares(time="t"))


def test_what_cannot_be_split_by():
    frame = table(["a", "b", "c"] * 9)
    header = from_frame(frame)
    with pytest.raises(InvalidParameterError, match=r"by groups \(g\) or by time \(x\), not both"):
        Shares(by="g", time="x")
    with pytest.raises(InvalidParameterError, match="'y', is the target"):
        Shares(by="y").resolved(header, ["y"])
    with pytest.raises(TableError, match="'g' has no order in time"):
        Shares(time="g").resolved(header, ["y"])
    with pytest.raises(TableError, match="No column 'h'"):
        Shares(by="h").resolved(header, ["y"])
    with pytest.raises(TableError, match="1 different value of 'g' is too few for test rows"):
        split(table([5.0] * 20), Shares(time="g"))


@pytest.mark.parametrize(
    "shares",
    [
        Shares(seed=4, by="g"),
        Shares(seed=4, by="name"),
        Shares(seed=4, by="g", fold=(2, 3)),
        Shares(seed=4, time="t"),
        Shares(seed=4, time="t", fold=(1, 3)),
        Shares(seed=4, fold=(1, 3)),
    ],
    ids=str,
)
def test_batches_are_split_like_a_table_in_memory(tmp_path, shares):
    m, rng = 7000, np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": rng.random(m),
            "g": np.where(rng.random(m) < 0.02, np.nan, rng.integers(0, 300, m)),
            "name": [f"p{k}" for k in rng.integers(0, 99, m)],
            "t": np.datetime64("2020-01-01") + rng.integers(0, 800, m),
            "y": np.where(rng.random(m) < 0.01, np.nan, rng.integers(0, 3, m)),
        }
    )
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=2048)
    with open_batches(str(tmp_path / "t.parquet"), batch_bytes=1) as batches:
        found = split_table(batches, infer_target(from_frame(frame), ["y"]), ["x"], shares)
        assert sum(1 for _ in batches) > 1
    whole = split(frame, shares)
    assert np.array_equal(found.codes, whole.codes)
    assert found.notes == whole.notes


def test_a_group_larger_than_a_fold_is_tested_in_one():
    groups = np.array(["all"] * 90 + [f"p{k}" for k in range(10)])
    found = [split(table(groups), Shares(0.2, 0.0, by="g", fold=(fold, 3))) for fold in range(3)]
    assert sorted(len(each.rows("test")) for each in found) == [5, 5, 90]
    assert found[0].notes[-1] == "the group all has 90 of 100 rows, more than a fold: its fold is larger"
