"""Targets in units in which nothing is learned of them: it is said, and of which column."""

import warnings

import numpy as np
import pytest

from chainrule import LinearRegressor, MLPRegressor
from chainrule._errors import ChainruleWarning, DivergenceError

X = np.random.default_rng(0).normal(size=(200, 3))
F = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]


def _net(**parameters):
    given = {"max_iter": 30, "tol": 1e-2, "learning_rate_init": 0.01, "random_state": 0} | parameters
    return MLPRegressor((8,), **given)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    "parameters",
    [{"loss": "log_cosh"}, {"standardize_target": False}, {"loss": "huber"}, {"loss": "log_cosh", "solver": "sgd"}],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:tol=0.01 is large")
def test_a_small_column_beside_a_large_one_is_named(parameters, place):
    Y = np.roll(np.stack([1e-3 * F, F], axis=1), place, axis=1)
    with pytest.warns(ChainruleWarning, match=f"column {place} of y is hardly learned"):
        _net(**parameters).fit(X, Y)


@pytest.mark.parametrize(
    ("parameters", "small"),
    [({}, 1e-3), ({"loss": "log_cosh"}, 0.3), ({"standardize_target": False}, 0.1), ({"loss": "log_cosh"}, 0.0)],
)
def test_columns_of_one_size_or_standardised_or_constant_are_no_matter(parameters, small):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Training")
        _net(**parameters).fit(X, np.stack([small * F, F], axis=1))


@pytest.mark.parametrize("unit", [1e-155, 1e-165, 1e-200, 1e-300])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
@pytest.mark.filterwarnings("ignore:Training", "ignore:tol=")
def test_a_target_whose_squares_are_0_is_said(unit, solver):
    with pytest.warns(ChainruleWarning, match=r"^y varies by .* only, and squares of that round to 0.*Scale y"):
        LinearRegressor(solver=solver, tol=1e-2).fit(X, X[:, 0] * unit)


@pytest.mark.parametrize("unit", [1e-120, 1e-30, 1e120])
def test_smaller_or_larger_ones_are_learned_without_a_word(unit):
    y = X @ [1.0, 2.0, -3.0]
    np.testing.assert_allclose(LinearRegressor(alpha=0).fit(X, y * unit).coef_ / unit, [1, 2, -3], rtol=1e-6)


@pytest.mark.parametrize("unit", [1e155, -1e200, 1e300])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_a_target_whose_squares_overflow_is_blamed(unit, solver):
    with pytest.raises(DivergenceError, match=r"y holds numbers as large as .*e\+.*Scale y"):
        LinearRegressor(solver=solver).fit(X, X[:, 0] * unit)


def test_inputs_that_overflow_are_blamed_as_before():
    with pytest.raises(DivergenceError, match="Scale the inputs"):
        LinearRegressor(solver="sgd").fit(X * 1e200, X[:, 0])
