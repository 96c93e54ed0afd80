"""Features and targets in any units: least squares and logistic regression in closed form, and what a training says."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LogisticRegression, Ridge

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import ChainruleWarning
from chainrule.network import StopReason

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(300, 4)) @ (np.eye(4) + 0.5)  # correlated
Y = Z @ [1.0, -2.0, 0.5, 0.3] + RNG.normal(size=300) + 7
OFFSETS, SCALES = [0.0, 1e2, 1e5, 1e8], [1e-9, 1.0, 1e9, "mixed"]


def table(offset, scale):
    """Features so many deviations from 0, of such deviations, and their deviations."""
    by = np.array([1e-9, 1e-3, 1.0, 1e9]) if scale == "mixed" else np.full(4, scale)
    return (Z + offset) * by, by


def least_squares(X, y):
    """By NumPy, of centred columns of deviation 1."""
    deviation = X.std(axis=0)
    return (np.linalg.lstsq((X - X.mean(axis=0)) / deviation, y - y.mean(axis=0), rcond=None)[0].T / deviation).T


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("offset", OFFSETS)
def test_a_linear_regressor_is_least_squares(offset, scale, unit):
    X, _ = table(offset, scale)
    model = LinearRegressor(alpha=0).fit(X, Y * unit)
    assert model.stop_reason_ is StopReason.CONVERGED
    assert_allclose(model.coef_, least_squares(X, Y * unit), rtol=1e-6)
    assert model.predict(X).mean() == pytest.approx(Y.mean() * unit, rel=1e-6)


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("offset", OFFSETS)
def test_so_it_is_in_both_engines_in_float32_with_weights_and_several_outputs(offset, engine):
    X = ((Z + offset) * 3).astype(np.float32)
    X[:, 0] = Z[:, 0]
    columns, targets, w = (
        X.astype(float)[:, : 1 + 3 * (offset < 1e8)],
        np.column_stack([Y, 1e6 * Y**2]),
        np.arange(300) % 3,
    )
    model = LinearRegressor(alpha=0, engine=engine).fit(columns.astype(np.float32), targets, w)
    assert_allclose(
        model.coef_.T, least_squares(np.repeat(columns, w, axis=0), np.repeat(targets, w, axis=0)), rtol=1e-5
    )


@pytest.mark.parametrize("offset", [1.0, 1e4])
@pytest.mark.parametrize("density", [0.02, 0.5, 1.0])
def test_so_it_is_of_sparse_features(offset, density):
    X = sparse.random_array((900, 5), density=density, rng=0, data_sampler=lambda size: offset + RNG.normal(size=size))
    y = X @ np.arange(1.0, 6) / offset + RNG.normal(size=900)
    model = LinearRegressor(alpha=0).fit(X.tocsr(), y)
    assert_allclose(model.coef_, least_squares(X.toarray(), y), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("offset", OFFSETS)
def test_penalties_are_those_of_the_weights_as_they_are(offset, scale):
    """Ridge and lasso in scikit-learn, of centred features in the same units."""
    X, _ = table(offset, scale)
    for strength in (1e-3, 0.3):
        ridge = Ridge(strength * scale**2 * 300).fit(X - X.mean(axis=0), Y)
        assert_allclose(LinearRegressor(strength * scale**2).fit(X, Y).coef_, ridge.coef_, rtol=1e-5)
        lasso = Lasso(strength * scale, tol=1e-14, max_iter=100_000).fit(X - X.mean(axis=0), Y)
        found = LinearRegressor(strength * scale, l1_ratio=1.0).fit(X, Y).coef_
        assert_allclose(found, lasso.coef_, rtol=1e-4, atol=1e-5 * np.abs(lasso.coef_).max())
        assert np.array_equal(found == 0, lasso.coef_ == 0)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("offset", OFFSETS)
def test_a_linear_classifier_is_logistic_regression(offset, scale, n_classes):
    """Without a penalty that of standardised features; with one, that of centred features in equal units."""
    X, by = table(offset, scale)
    labels = np.digitize(Y + RNG.logistic(size=300), [7.0, 10.0][: n_classes - 1])
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(standard, labels)
    _same(LinearClassifier(alpha=0).fit(X, labels).coef_, peer.coef_ / X.std(axis=0), X.std(axis=0))
    if scale != "mixed":
        peer = LogisticRegression(C=1 / (300 * 0.05), tol=1e-10, max_iter=10_000).fit(Z - Z.mean(axis=0), labels)
        _same(LinearClassifier(alpha=0.05 * scale**2).fit(X, labels).coef_, peer.coef_ / by, by)


def _same(ours, theirs, deviation):
    """In units of the features' deviations; of several classes up to what they have in common."""
    if len(ours) > 1:
        ours, theirs = ours - ours.mean(axis=0), theirs - theirs.mean(axis=0)
    assert_allclose(ours * deviation, theirs * deviation, rtol=1e-5, atol=1e-5)


def test_targets_in_any_units_make_the_same_predictions():
    """Of every loss whose minimum goes along with the units of y, from the fourth decimal of one to the other."""
    counts = np.exp(Y / 5)
    for loss, unit in (("poisson", 1e-6), ("poisson", 1e6), ("gamma", 1e-6), ("gamma", 1e6)):
        expected = LinearRegressor(0, loss=loss).fit(Z, counts).predict(Z)
        found = LinearRegressor(0, loss=loss).fit(Z + 1e4, counts * unit).predict(Z + 1e4)
        assert_allclose(found / unit, expected, rtol=1e-4)


# --- what a training says ---------------------------------------------------------------------------------------------


def test_where_tol_is_not_reached_it_says_so():
    """The absolute error has kinks, at which the gradient is no measure."""
    with pytest.warns(
        ConvergenceWarning, match="has not converged: no step lowers the cost .* gradient is .* tol=1e-09"
    ):
        model = LinearRegressor(0, loss="absolute_error").fit(Z, Y)
    assert model.stop_reason_ is StopReason.NO_IMPROVEMENT
    assert model.history_.stop_numbers["gradient"] > model.history_.stop_numbers["tol"]
    assert model.score(Z, Y) > 0.5


@pytest.mark.parametrize(
    ("offset", "scale", "warns"),
    [(0, 1, False), (3, 1, False), (0, 0.1, False), (0, 30, False), (100, 1, True), (0, 1e-3, True), (0, 1e3, True)],
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_network_of_inputs_far_from_1_says_so(offset, scale, warns, solver):
    X = np.column_stack([Z, (Z[:, 0] + offset) * scale])
    with warnings.catch_warnings(record=True, action="always") as caught:
        MLPRegressor((5,), solver=solver, max_iter=2, random_state=0).fit(X, Y)
        MLPClassifier((5,), solver=solver, max_iter=2, random_state=0).fit(X, Y > 7)
        MLPRegressor((5,), solver=solver, max_iter=2, random_state=0, scale=True).fit(X, Y)
    said = [str(warning.message) for warning in caught if "column" in str(warning.message)]
    assert len(said) == 2 * warns
    assert all("column 4 of X" in words and "scale=True" in words for words in said)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("loss", ["log_cosh", "poisson"])
def test_a_tol_that_is_large_beside_the_target_is_said(loss):
    """Whoever does what the warning says learns."""
    y = 1e-4 * np.exp(Y / 5)
    model = MLPRegressor((10,), loss=loss, random_state=0, learning_rate_init=0.01)
    with pytest.warns(ChainruleWarning, match="tol=0.0001 is large beside .*e-.*Scale y"):
        assert model.fit(Z, y).score(Z, y) < 0.5
    assert model.fit(Z, 1e4 * y).score(Z, 1e4 * y) > 0.6


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(
    ("offset", "scale"), [(1e2, 1.0), (1e5, 1.0), (1e6, 1.0), (0.0, 1e6), (0.0, 1e-6), (5e3, 1e-2)]
)
def test_lbfgs_trains_hidden_units_whatever_the_units_of_the_columns(activation, offset, scale):
    """Drawn for standardised inputs they are as good as on those; for raw ones they began saturated or blind."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = np.sin(X[:, 0]) + X[:, 1] ** 2 / 2 + 0.1 * rng.normal(size=300)
    model = MLPRegressor((20,), activation=activation, solver="lbfgs", alpha=0, max_iter=100, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert model.fit(X * scale + offset, y).score(X * scale + offset, y) > 0.97
