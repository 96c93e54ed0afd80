"""Leaks: planted ones of every kind are found, and nothing else is accused, in real tables either."""

import numpy as np
import pandas as pd
import pytest

from chainrule.table import from_frame, read_table
from chainrule.table.batches import OneBatch
from chainrule.tabular.prepare import Overrides, prepare

M = 600
TABLES = [
    ("penguins/penguins.csv", ["species"]),
    ("penguins/penguins.csv", ["body_mass_g"]),
    ("adult/adult.data", ["15"]),
    ("credit-default/UCI_Credit_Card.csv", ["default.payment.next.month"]),
    ("california-housing/housing.csv", ["median_house_value"]),
    ("california-housing/housing.csv", ["ocean_proximity"]),
    ("uci-regression/concrete.csv", ["9"]),
    ("uci-regression/power-plant.csv", ["5"]),
    ("uci-regression/energy.csv", ["9"]),
    ("uci-regression/energy.csv", ["9", "10"]),
    ("wine-quality/winequality-white.csv", ["quality"]),
    ("wine-quality/winequality-red.csv", ["quality"]),
    ("pima/pima-indians-diabetes.csv", ["9"]),
    ("magic-gamma/magic04.data", ["11"]),
]


def found(table, targets, **overrides):
    """The findings that accuse columns."""
    prepared = prepare(OneBatch.of(table), targets, overrides=Overrides(**overrides))
    return [finding for finding in prepared.findings if finding.kind == "leak"]


def leaks(frame, **overrides):
    return {finding.columns: finding.text for finding in found(from_frame(frame), ["y"], **overrides)}


def harmless(m=M, seed=0):
    """Columns of every kind that know nothing of any target."""
    draw = np.random.default_rng(seed)
    return {
        "size": draw.normal(size=m),
        "count": draw.integers(0, 9, m),
        "gaps": np.where(draw.random(m) < 0.3, np.nan, draw.normal(size=m)),
        "colour": draw.choice(["red", "blue", "green"], m),
        "code": [f"c{k}" for k in draw.integers(0, 40, m)],
        "when": np.datetime64("2024-01-01") + draw.integers(0, 300, m),
        "flag": draw.random(m) < 0.5,
        "number": draw.permutation(10 * m)[:m],  # of a customer, say
    }


DRAW = np.random.default_rng(9)
SCORE, SIDE = DRAW.normal(size=M), DRAW.normal(size=M)
LABEL = np.where(SCORE > 1.2, "yes", "no")
GRADE = np.digitize(SCORE, [-0.5, 0.7])
PRICE, EXTRA = np.exp(SCORE), np.exp(SIDE)
HOLES = np.where(DRAW.random(M) < 0.1, np.nan, SIDE)
PARITY = DRAW.integers(0, 2, (M, 2))

CLASSES = {
    "a copy": (LABEL, {"leak": np.where(LABEL == "yes", "J", "N")}),
    "a finer copy": (LABEL, {"leak": [f"{label}{k % 5}" for k, label in enumerate(LABEL)]}),
    "a copy of three classes": (GRADE, {"leak": 10 - GRADE}),
    "a threshold": (LABEL, {"leak": SCORE}),
    "two thresholds": (GRADE, {"leak": np.where(np.arange(M) % 9 == 0, np.nan, SCORE)}),
    "a value or none": (LABEL, {"leak": np.where(LABEL == "yes", SIDE, np.nan)}),
    "a date": (LABEL, {"leak": np.datetime64("2024-01-01", "us") + (SCORE * 1e9).astype("timedelta64[us]")}),
    "two together": (PARITY.sum(axis=1) % 2, {"leak": PARITY[:, 0], "other": PARITY[:, 1]}),
}
NUMBERS = {
    "in other units": (SCORE, {"leak": 32 + 1.8 * SCORE}, "exactly"),
    "rounded": (SCORE, {"leak": (5 * SCORE).round(3)}, "nearly exactly"),
    "in order": (SCORE, {"leak": PRICE}, "order"),
    "by its code": (GRADE * 1.5 + DRAW.integers(0, 40, M) // 40, {"leak": [f"g{g}" for g in GRADE]}, "exactly"),
    "a sum": (SCORE + SIDE, {"leak": SCORE, "other": SIDE}, "together give 'y' exactly"),
    "a difference with holes": (SCORE - SIDE, {"leak": SCORE, "other": HOLES}, "exactly where they have values"),
    "a product": (PRICE * EXTRA, {"leak": PRICE, "other": EXTRA}, "exactly by a product"),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_what_gives_the_class_is_found_and_nothing_else(kind):
    y, planted = CLASSES[kind]
    accused = leaks(pd.DataFrame(harmless() | planted | {"y": y}), task="classification")
    assert list(accused) == [tuple(planted)]


@pytest.mark.parametrize("kind", NUMBERS)
def test_what_gives_the_number_is_found_and_nothing_else(kind):
    y, planted, said = NUMBERS[kind]
    accused = leaks(pd.DataFrame(harmless() | planted | {"y": y}), task="regression")
    assert list(accused) == [tuple(planted)]
    assert said in accused[tuple(planted)]


def test_in_a_wide_table_pairs_are_sought_among_the_strongest_and_that_is_said():
    noise = {f"x{k}": column for k, column in enumerate(DRAW.normal(size=(400, M)))}
    table = from_frame(noise | {"a": SCORE, "b": SIDE, "y": SCORE + SIDE})
    prepared = prepare(OneBatch.of(table), ["y"])
    leak, limit = prepared.findings
    assert (leak.kind, leak.columns) == ("leak", ("a", "b"))
    assert (
        limit.text
        == "pairs of columns that give the target were sought among the 200 strongest of 402 columns of numbers"
    )


@pytest.mark.parametrize("share", [0.5, 0.02])
def test_chance_accuses_nothing(share):
    """Not in many columns, nor in few rows, nor of a rare class, nor where each row is there five times."""
    for m in (40, 300, 1500):
        frames = [pd.DataFrame(harmless(m, seed)).add_suffix(str(seed)) for seed in range(3)]
        draw = np.random.default_rng(m)
        y = draw.random(m) < share
        y[:2] = True, False
        frame = pd.concat([*frames, pd.DataFrame({"y": y})], axis=1)
        assert leaks(frame) == {}
        assert leaks(pd.concat([frame] * 5)) == {}
        assert leaks(frame.assign(y=draw.normal(size=m))) == {}


def test_a_strong_feature_and_a_customer_with_one_label_are_no_leaks():
    nearly = np.where(np.arange(M) % 200 == 0, "other", LABEL)  # right in 99.5 % of the rows
    customer = np.arange(M) // 2  # each has two rows of one label
    frame = pd.DataFrame(harmless() | {"nearly": nearly, "customer": customer * 7, "y": LABEL[customer]})
    assert leaks(frame.assign(y=LABEL, customer=0.5 * customer)) == {}
    assert leaks(frame.drop(columns="nearly")) == {}
    noisy = SCORE + SIDE + 0.01 * DRAW.normal(size=M)  # an R² of 0.99995
    assert leaks(pd.DataFrame(harmless() | {"a": SCORE, "b": SIDE, "y": noisy})) == {}


@pytest.mark.parametrize(("name", "targets"), TABLES, ids=[f"{name} {targets[0]}" for name, targets in TABLES])
def test_of_a_real_table_nothing_is_said(shared_data, name, targets):
    prepared = prepare(OneBatch.of(read_table(shared_data(name))), targets)
    assert [finding.text for finding in prepared.findings if finding.kind != "few rows"] == []


def test_the_known_leak_of_a_real_table(shared_data):
    (leak,) = found(read_table(shared_data("bike-sharing/hour.csv")), ["cnt"])
    assert leak.text == "'casual' and 'registered' together give 'cnt' exactly: a leak?"
