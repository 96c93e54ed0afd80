"""A target learned as its logarithm: predictions and figures in its units, refusals by row, the suggestion, files."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score

from chainrule import TabularClassifier, TabularRegressor, load
from chainrule._errors import InvalidParameterError, TargetError

LINEAR = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 0.0, "early_stopping": False, "random_state": 0}
m = 200


def _frame():
    draw = np.random.default_rng(0)
    x = draw.uniform(-1, 1, size=(m, 2))  # so that no value is compressed much
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.exp(3 + x @ [1.0, -2.0] + 0.1 * draw.normal(size=m))})


FRAME = _frame()


def _fitted(frame=FRAME, **settings):
    return TabularRegressor(**{**LINEAR, "log_target": True, **settings}).fit(frame, "y")


@pytest.mark.parametrize("memory", [None, "1GB"])
def test_a_linear_model_of_the_logarithm_is_that_of_scikit_learn(memory, tmp_path):
    FRAME.to_parquet(tmp_path / "t.parquet")
    source = str(tmp_path / "t.parquet") if memory else FRAME
    ours = _fitted(source, memory=memory, test_size=0.2)
    encoder = ours.model_.encoder
    theirs = TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp)
    rows = ~_test_rows(ours)
    theirs.fit(encoder.transform(_table())[rows], FRAME["y"][rows])
    found, y = theirs.predict(encoder.transform(_table())), FRAME["y"]
    assert_allclose(ours.predict(FRAME), found, rtol=1e-4)
    assert ours.figures_["network"]["mae"] == pytest.approx(mean_absolute_error(y[~rows], found[~rows]), rel=1e-3)
    assert ours.evaluate(FRAME)["r2"] == pytest.approx(r2_score(y, found), rel=1e-4)
    (mean,) = (row for name, row in ours.figures_.items() if name.startswith("baseline"))
    assert mean["mae"] == pytest.approx(np.abs(y[~rows] - y[rows].mean()).mean(), rel=1e-5)


def _table():
    from chainrule.table import from_frame

    return from_frame(FRAME)


def _test_rows(fitted):
    from chainrule.table.batches import OneBatch
    from chainrule.tabular.splitting.shares import Shares
    from chainrule.tabular.splitting.split import split_table

    split = split_table(OneBatch.of(_table()), fitted.model_.target, ["a", "b"], Shares(0.2, 0.0, 0))
    return np.isin(np.arange(m), split.rows("test"))


def test_zeros_are_learned_as_log_1_p_and_nothing_predicted_is_negative():
    counts = FRAME.assign(y=np.where(np.arange(m) % 3 == 0, 0.0, FRAME["y"]))
    fitted = _fitted(counts)
    assert fitted.model_.target.transform == "log1p"
    assert fitted.model_.target.centre == pytest.approx((np.log1p(counts["y"]).mean(),))
    assert (fitted.predict(FRAME * 100) >= 0).all()
    assert _fitted().model_.target.transform == "log"


@pytest.mark.parametrize("memory", [None, "1GB"])
def test_a_negative_value_is_named(memory, tmp_path):
    bad = FRAME.assign(y=np.where(np.arange(m) == 7, -3.5, FRAME["y"]), w=np.arange(m) > 2)
    bad.to_parquet(tmp_path / "t.parquet")
    source = str(tmp_path / "t.parquet") if memory else bad
    asked = TabularRegressor(**LINEAR, log_target=True, memory=memory)
    for weight in (None, "w"):  # rows of weight 0 are left out, and counted in the number all the same
        with pytest.raises(TargetError, match=r"row 7, counted from 0, of .* has 'y' = -3\.5, which has no logarithm"):
            asked.fit(source, "y", sample_weight=weight)
    ignored = bad.assign(w=np.arange(m) != 7)
    assert asked.set_params(memory=None).fit(ignored, "y", sample_weight="w").model_.target.transform == "log"


def test_what_has_no_logarithm_is_refused():
    with pytest.raises(InvalidParameterError, match="through a logarithm itself"):
        _fitted(loss="poisson")
    with pytest.raises(TypeError):
        TabularClassifier(log_target=True)


def test_files_bring_it_back_and_old_ones_lack_it(tmp_path):
    fitted = _fitted()
    fitted.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.log_target
    assert again.model_.target == fitted.model_.target
    assert np.array_equal(again.predict(FRAME), fitted.predict(FRAME))
    plain = _fitted(log_target=False)
    assert "transform" not in plain.to_record()[0]["target"]
    assert "log_target" not in plain.to_record()[0]["training"]["objective"]
    json.dumps(fitted.to_record()[0])


def test_several_targets():
    both = FRAME.assign(z=1 / FRAME["y"])
    fitted = TabularRegressor(**LINEAR, log_target=True).fit(both, ["y", "z"])
    found = fitted.predict(both)
    assert_allclose(found[:, 0] * found[:, 1], 1, rtol=1e-3)  # their logarithms add up to 0
