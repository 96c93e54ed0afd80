"""Intervals keep their promise whatever the dtypes, the units and the steps of the target."""

import numpy as np
import pytest
from scipy.stats import betabinom

from chainrule import LinearRegressor, MLPRegressor, load, save
from chainrule.estimator.intervals import interval

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_CAL, N_NEW, SEEDS = 99, 300, 8


def mlp(**settings):
    return MLPRegressor((6,), solver="lbfgs", max_iter=15, random_state=0, **settings)


def as_it_is(**settings):
    return mlp(standardize_target=False, **settings)


def rows(seed, offset, unit, levels):
    """Features and a target around `offset`, whose values are multiples of 1 / levels of its unit, if any."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(100 + N_CAL + N_NEW, 2))
    y = X @ [1.0, -1.5] + rng.normal(size=len(X))
    y = y if levels is None else np.round(y * levels) / levels
    X = X if levels is None else np.round(X)  # so that predictions are tied, too
    return X, offset + unit * y


def least(coverage, seeds):
    """The fewest covered rows but for 1 in 10,000: a sum of independent beta-binomials, where no scores are tied."""
    k = int(np.ceil(round((N_CAL + 1) * coverage, 9)))
    one, total = betabinom.pmf(np.arange(N_NEW + 1), N_NEW, k, N_CAL + 1 - k), np.ones(1)
    for _ in range(seeds):
        total = np.convolve(total, one)
    below = np.cumsum(total)
    return np.searchsorted(below, 1e-4), np.searchsorted(below, 1 - 1e-4)


@pytest.mark.parametrize("make", [LinearRegressor, mlp, as_it_is], ids=["linear", "mlp", "mlp as it is"])
@pytest.mark.parametrize(
    ("of_X", "of_y", "offset", "unit", "levels"),
    [
        ("f8", "f8", 0, 1, None),
        ("f4", "f4", 0, 1, None),
        ("f4", "f8", 1e4, 1, None),
        ("f4", "f8", 1e8, 1, None),
        ("f4", "f8", 1e12, 1e3, None),
        ("f8", "f8", 1e12, 1, None),
        ("f8", "f8", 0, 1e-7, None),
        ("f4", "i8", 0, 1, 1),
        ("f4", "i8", 10**8, 1, 1),
        ("f8", "f8", 1e8, 1, 5),
    ],
)
def test_the_coverage_is_what_was_asked_for(make, of_X, of_y, offset, unit, levels):
    covered, widths = dict.fromkeys((0.5, 0.8, 0.9, 0.95, 0.99), 0), []
    for seed in range(SEEDS):
        X, y = rows(seed, offset, unit, levels)
        X, y = X.astype(of_X), y.astype(of_y)
        model = make().fit(X[:100], y[:100], X_cal=X[100 : 100 + N_CAL], y_cal=y[100 : 100 + N_CAL])
        for coverage in covered:
            low, high = model.predict_interval(X[-N_NEW:], coverage).T
            covered[coverage] += int(np.sum((low <= y[-N_NEW:]) & (y[-N_NEW:] <= high)))
        widths.append(np.mean(high - low) / unit)
    for coverage, count in covered.items():
        fewest, most = least(coverage, SEEDS)
        assert count >= fewest, coverage
        assert levels is not None or count <= most, coverage
    if make is not as_it_is or unit == 1:
        assert 3 < np.mean(widths) < 9  # of a deviation of 1 around the prediction: not wide either


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_predictions_of_float32_features_are_float64_and_as_good(offset, tmp_path):
    X, y = rows(0, offset, 1.0, None)
    for make in (LinearRegressor, mlp, as_it_is, lambda: mlp(loss="log_cosh")):
        model = make().fit(X.astype(np.float32), y, X_cal=X[:50].astype(np.float32), y_cal=y[:50])
        assert model.predict(X.astype(np.float32)).dtype == np.float64
        assert model.score(X.astype(np.float32), y) == pytest.approx(make().fit(X, y).score(X, y), abs=0.03)
        save(model, tmp_path / "m.safetensors")
        again = load(tmp_path / "m.safetensors")
        assert np.array_equal(again.calibration_residuals_, model.calibration_residuals_)
        assert np.array_equal(again.predict(X.astype(np.float32)), model.predict(X.astype(np.float32)))


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e8])
def test_the_ends_hold_every_target_they_were_measured_on(scale):
    """The widest interval holds its own calibration rows, though differences and sums are rounded."""
    rng = np.random.default_rng(0)
    A, y = rng.normal(size=(500, 1)), np.round(rng.normal(size=(500, 1)), 1)
    for predicted in (A * scale, A * scale - 1e8, np.round(A, 1) + scale):
        for target in (y, y * scale, y + scale):
            for row in range(500):
                one = slice(row, row + 1)
                low, high = interval(predicted[one], target[one] - predicted[one], (), 0.4)[0]
                assert low <= target[row, 0] <= high
