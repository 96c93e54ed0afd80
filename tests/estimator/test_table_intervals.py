"""Intervals of a table's model: their coverage, ranks by hand, weights, logarithms, files, refusals."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import betabinom

from chainrule import TabularRegressor, load
from chainrule._errors import InvalidParameterError
from chainrule.metrics.conformal import score_of_rank
from chainrule.tabular.intervals import Intervals

SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}


def _frame(seed, m=400):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(m, 2))
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.exp(1 + x @ [0.5, -0.5] + 0.5 * draw.normal(size=m))})


@pytest.mark.parametrize("log_target", [False, True])
def test_coverage_over_many_tables(log_target):
    """The number of test rows inside has a beta-binomial distribution for each table; the total is held to 4 sigma."""
    new, asked, tables, inside, mean, variance = 200, 0.8, 12, 0, 0.0, 0.0
    for seed in range(tables):
        frame = _frame(seed)
        fitted = TabularRegressor(**SMALL, log_target=log_target, intervals=asked, validation_fraction=0.3)
        fitted.fit(frame[new:], "y")
        low, high = fitted.predict_interval(frame[:new]).T
        inside += int(((low <= frame["y"][:new]) & (frame["y"][:new] <= high)).sum())
        n = 60  # validation rows
        k = math.ceil((n + 1) * asked)
        mean, variance = mean + betabinom(new, k, n + 1 - k).mean(), variance + betabinom(new, k, n + 1 - k).var()
    assert abs(inside - mean) < 4 * math.sqrt(variance)


def test_the_margin_has_the_rank_of_the_textbook():
    """Weight k is k copies; with equal weights of any size the rank is the same."""
    draw = np.random.default_rng(0)
    scores = draw.exponential(size=(50, 2))
    for coverage in (0.5, 0.8, 0.9, 0.98):
        by_hand = np.sort(scores, axis=0)[math.ceil(round(51 * coverage, 9)) - 1]
        assert_allclose(score_of_rank(scores, coverage), by_hand)
        assert_allclose(score_of_rank(scores, coverage, np.full(50, 0.1)), by_hand)
    assert np.isinf(score_of_rank(scores, 0.99)).all()
    weights = draw.integers(1, 4, 50)
    copies = np.repeat(scores, weights, axis=0)
    share = (len(copies) + 1) * 0.8 / len(copies) * len(scores) / (len(scores) + 1)  # the same rank among more rows
    assert_allclose(score_of_rank(scores, share, weights.astype(float)), score_of_rank(copies, 0.8))


@pytest.mark.parametrize("memory", [None, "1GB"])
def test_what_is_recorded_and_written_is_in_units(memory, tmp_path):
    frame = _frame(3)
    frame.to_parquet(tmp_path / "t.parquet")
    source = str(tmp_path / "t.parquet") if memory else frame
    fitted = TabularRegressor(**SMALL, log_target=True, intervals=0.9, test_size=0.25, memory=memory).fit(source, "y")
    columns = dict(fitted.model_.predictions(_table(frame)))
    assert list(columns) == ["prediction", "lower", "upper"]
    assert np.array_equal(columns["prediction"], fitted.predict(frame))
    assert np.array_equal(np.stack([columns["lower"], columns["upper"]], 1), fitted.predict_interval(frame))
    ratio = columns["upper"] / columns["prediction"]
    assert_allclose(ratio, ratio[0], rtol=1e-5)  # on the logarithm the margin is a factor
    assert_allclose(columns["prediction"] / columns["lower"], ratio, rtol=1e-5)
    fitted.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.intervals == 0.9
    assert np.array_equal(again.predict_interval(frame), fitted.predict_interval(frame))
    (tested,) = again.model_.training["covered"]
    assert 0.7 < tested <= 1
    low, high = fitted.predict_interval(frame).T
    judged = again.model_.judge(_one(frame)).covered
    assert judged == (np.mean((low <= frame["y"]) & (frame["y"] <= high)),)


def _table(frame):
    from chainrule.table import from_frame

    return from_frame(frame)


def _one(frame):
    from chainrule.table.batches import OneBatch

    return OneBatch.of(_table(frame))


def test_several_targets_have_margins_of_their_own():
    frame = _frame(1).assign(z=lambda table: 100 * table["a"])
    fitted = TabularRegressor(**SMALL, intervals=0.8).fit(frame, ["y", "z"])
    names = [name for name, _ in fitted.model_.predictions(_table(frame))]
    assert names == ["prediction_y", "lower_y", "upper_y", "prediction_z", "lower_z", "upper_z"]
    ends = fitted.predict_interval(frame)
    assert ends.shape == (400, 2, 2)
    assert (ends[..., 0] < ends[..., 1]).all()


def test_losses_without_negative_targets_have_none_in_an_interval():
    frame = _frame(2)
    low, high = TabularRegressor(**SMALL, loss="poisson", intervals=0.95).fit(frame, "y").predict_interval(frame).T
    assert low.min() == 0
    assert (low < high).all()


def test_rows_without_weight_do_not_widen_them():
    scores = np.array([1.0] * 18 + [9.0] * 2)[:, None]
    weights = np.array([1.0] * 18 + [0.01] * 2)
    parts = [(scores, np.zeros_like(scores), weights)]
    assert Intervals.measured(0.9, parts).margins == (1.0,)
    assert Intervals.measured(0.9, [(scores, np.zeros_like(scores), None)]).margins == (9.0,)


def test_what_cannot_be_measured_is_refused():
    frame = _frame(0, 100)
    with pytest.raises(InvalidParameterError, match="measured on the validation rows, and there are none"):
        TabularRegressor(**SMALL, intervals=0.9, early_stopping=False).fit(frame, "y")
    with pytest.raises(InvalidParameterError, match=r"10 validation rows are too few .* 99 are needed"):
        TabularRegressor(**SMALL, intervals=0.99).fit(frame, "y")
    for wrong in (0.0, 1.0, -1, 2, "0.9", True, math.nan):
        with pytest.raises(InvalidParameterError, match="intervals must be"):
            TabularRegressor(**SMALL, intervals=wrong).fit(frame, "y")
    with pytest.raises(InvalidParameterError, match="the model has no intervals"):
        TabularRegressor(**SMALL).fit(frame, "y").predict_interval(frame)
