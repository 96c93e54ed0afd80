"""Drift: planted differences are said in the right numbers, and two parts of one table never differ."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule._errors import ModelFileError
from chainrule.table import from_frame, infer_schema, read_table
from chainrule.table.encoding.measures import Rows, measure
from chainrule.tabular.findings.drift import MOST_LEVELS, Drift, Profile, profiles

NAMES = [
    "penguins/penguins.csv",
    "adult/adult.data",
    "credit-default/UCI_Credit_Card.csv",
    "california-housing/housing.csv",
    "bike-sharing/hour.csv",
    "uci-regression/energy.csv",
    "uci-regression/concrete.csv",
    "wine-quality/winequality-white.csv",
    "pima/pima-indians-diabetes.csv",
    "magic-gamma/magic04.data",
]
DRAW = np.random.default_rng(4)
M = 1000
FRAME = pd.DataFrame(
    {
        "size": DRAW.normal(size=M),
        "grade": DRAW.integers(1, 4, M),
        "city": DRAW.choice(["Bergen", "Oslo", "Rome"], M, p=[0.2, 0.3, 0.5]),
        "flag": DRAW.random(M) < 0.3,
        "when": np.datetime64("2024-01-01") + DRAW.integers(0, 300, M),
        "gaps": np.where(DRAW.random(M) < 0.1, np.nan, DRAW.normal(size=M)),
    }
)


def profiled(table, rows=None):
    schema = infer_schema(table)
    table = table.select(plan.name for plan in schema.used)
    rows = np.arange(table.n_rows) if rows is None else rows
    return profiles(schema, measure(table.take(slice(0, 0)), [Rows(table, rows, rows)], schema.categorical))


@cache
def trained_on():
    return profiled(from_frame(FRAME))


def differences(frame, cuts=()):
    """What is said of a frame beside FRAME, by column, in order."""
    drift, table = Drift(trained_on()), from_frame(frame)
    for first, end in zip([0, *cuts], [*cuts, len(frame)], strict=True):
        drift.add(table.take(slice(first, end)))
    return {finding.columns[0]: finding.text.partition(": ")[2] for finding in drift.findings()}


def test_two_parts_of_a_table_do_not_differ():
    assert differences(FRAME) == {}
    assert differences(FRAME.sample(frac=0.1, random_state=0)) == {}
    assert Drift(trained_on()).findings() == ()


@pytest.mark.parametrize("name", NAMES)
def test_no_random_split_of_a_real_table_differs(shared_data, name):
    table = read_table(shared_data(name))
    for seed, (n, m) in enumerate([(0.8, 0.2), (0.5, 0.5), (200, 100), (300, 20)]):
        order = np.random.default_rng(seed).permutation(table.n_rows)
        n, m = (int(k * table.n_rows) if k < 1 else k for k in (n, m))
        drift = Drift(profiled(table, np.sort(order[:n])))
        drift.add(table.take(np.sort(order[n : n + m])))
        assert drift.findings() == ()


def test_what_differs_is_said_the_worst_first():
    new = FRAME.assign(
        city=np.where(np.arange(M) % 10 < 3, "Paris", FRAME.city),
        gaps=np.where(np.arange(M) % 2 == 0, np.nan, FRAME.gaps),
        when=FRAME.when + pd.Timedelta(days=290),
        size=FRAME["size"] + 0.8,
        grade=1,
    )
    missing, before = new.gaps.isna().mean(), FRAME.gaps.isna().mean()
    late = (new.when > FRAME.when.max()).mean()
    found = differences(new)
    assert list(found) == ["when", "grade", "gaps", "size", "city"]
    assert found[
        "when"
    ] == f"{late:.0%} of the values are outside the range of training, 2024-01-01 to 2024-10-26".replace("%", " %", 1)
    assert found["gaps"] == f"{100 * missing:.0f} % of the rows lack a value, in training {100 * before:.0f} %"
    assert found["city"] == "30 % of the rows have values that training did not have: 'Paris'"
    assert found["grade"].startswith("100 % of the values are below 2, in training 3")


def test_shares_beside_a_decile_are_those_of_the_values():
    """The greatest difference of the two distribution functions, at a decile of the training values."""
    new = FRAME.assign(size=1.5 * FRAME["size"] + 0.7)
    deciles = np.sort(FRAME["size"])[np.arange(100, 1000, 100) - 1]
    ours, theirs = ((values.to_numpy() < deciles[:, None]).mean(axis=1) for values in (new["size"], FRAME["size"]))
    at = np.abs(ours - theirs).argmax()
    above, before = (round(100 * (1 - below[at])) for below in (ours, theirs))
    assert differences(new) == {
        "size": f"{above} % of the values are {deciles[at]:.4g} or more, in training {before} %"
    }


def test_a_level_that_takes_over_is_said():
    new = FRAME.assign(city=np.where(np.arange(M) < 500, "Bergen", FRAME.city))
    share, before = ((frame.city == "Bergen").mean() for frame in (new, FRAME))
    assert differences(new) == {
        "city": f"'Bergen' is {100 * share:.0f} % of the values, in training {100 * before:.0f} %"
    }


def test_truth_values_are_named():
    before = FRAME.flag.mean()
    for share, frame in ((1, FRAME.assign(flag=True)), (0.9, FRAME.assign(flag=FRAME.index % 10 > 0))):
        said = f"{100 * share:.0f} % of the values are true, in training {100 * before:.0f} %"
        assert differences(frame) == {"flag": said}
    assert differences(FRAME.assign(flag=False)) == {
        "flag": f"100 % of the values are false, in training {100 * (1 - before):.0f} %"
    }


def test_few_rows_are_not_enough_for_a_difference_and_new_values_in_all_of_ten_are():
    few = FRAME[:10].assign(city="Paris")
    assert differences(few) == {"city": "100 % of the rows have values that training did not have: 'Paris'"}
    assert differences(FRAME[FRAME["size"] > 0][:5]) == {}


def test_new_values_are_expected_of_a_column_with_many_that_occur_once():
    """Half the words of a text have been seen once, so every other row may bring a new one (Good and Turing)."""
    words = np.random.default_rng(0).zipf(1.4, 4000).clip(max=10**9).astype(str)
    table = from_frame({"word": words, "x": np.arange(4000) % 9})
    profile = next(each for each in _levels_of(table, np.arange(2000)))
    drift = Drift([profile])
    drift.add(table.take(slice(2000, 4000)))
    assert 0.1 < np.mean(~np.isin(words[2000:], words[:2000])) < 0.5
    assert drift.findings() == ()


def _levels_of(table, rows):
    schema = infer_schema(table, categorical=["word"])
    return profiles(schema, measure(table.take(slice(0, 0)), [Rows(table, rows, rows)], schema.categorical))


def test_of_very_many_levels_only_the_most_frequent_are_kept():
    words = [f"w{k}" for k in range(MOST_LEVELS)] * 2 + [f"rare{k}" for k in range(50)]
    (profile, _) = _levels_of(from_frame({"word": words, "x": np.arange(len(words)) % 9}), np.arange(len(words)))
    assert (len(profile.levels), profile.rest, profile.once) == (MOST_LEVELS, 50, 50)
    assert not any(level.startswith("rare") for level in profile.levels)


@settings(max_examples=10)
@given(cuts=st.lists(st.integers(0, M), max_size=5).map(sorted))
def test_batches_do_not_matter(cuts):
    new = FRAME.assign(size=FRAME["size"] + 1, city=np.where(np.arange(M) % 3 == 0, "Paris", FRAME.city))
    assert differences(new, cuts) == differences(new)


def test_a_profile_comes_back_from_json():
    found = profiled(from_frame(FRAME))
    assert [each.column for each in found] == list(FRAME.columns)
    assert tuple(Profile.from_dict(json.loads(json.dumps(each.to_dict()))) for each in found) == found


@pytest.mark.parametrize(
    "change",
    [
        {"counts": [1]},
        {"edges": [2.0, 1.0], "counts": [1, 1, 1]},
        {"levels": ["a", "a"], "counts": [1, 1], "kind": "levels", "once": 0, "rest": 0},
        {"levels": ["a"], "counts": [1, 1], "kind": "levels", "once": 0, "rest": 0},
        {"unit": "date", "high": 1e300},
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(change):
    good = {"kind": "numbers", "column": "x", "rows": 9, "missing": 0, "edges": [1.0], "counts": [4, 5]}
    good |= {"low": 0.0, "high": 2.0, "unit": "number"}
    assert Profile.from_dict(good).edges == (1.0,)
    with pytest.raises(ModelFileError, match="'x'"):
        Profile.from_dict(good | change)
