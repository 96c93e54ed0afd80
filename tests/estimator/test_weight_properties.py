"""Weights mean copies, whatever else is asked for: class weights, encoded columns, a standardised target."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule.fit.parameters import SOLVERS

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::chainrule._errors.ChainruleWarning"
)

M = 40
RNG = np.random.default_rng(0)
SIZES = 5 * RNG.normal(size=(M, 2)) + 20
CITIES = np.array(["bonn", "lima", "oslo"])[RNG.integers(0, 3, M)]
FRAME = pd.DataFrame({"a": np.where(np.arange(M) % 7, SIZES[:, 0], np.nan), "b": SIZES[:, 1], "city": CITIES})
CLASSES = np.array(["red", "green", "blue"])[(SIZES[:, 0] > 20).astype(int) + (CITIES == "oslo")]
DOLLARS = 1e5 + 1e4 * SIZES[:, 0]

COLUMNS = {"scale": True, "missing": "impute", "categorical_features": "from_dtype"}
BY_CLASS = {"red": 1.0, "green": 0.3, "blue": 2.5}
MODELS = {
    "classes": lambda **more: (MLPClassifier((4,), class_weight=BY_CLASS, **COLUMNS, **more), FRAME, CLASSES),
    "numbers": lambda **more: (MLPRegressor((4,), standardize_target=True, **COLUMNS, **more), FRAME, DOLLARS),
    "linear classes": lambda **more: (LinearClassifier(class_weight=BY_CLASS, **more), (SIZES - 20) / 5, CLASSES),
    "linear numbers": lambda **more: (LinearRegressor(**more), (SIZES - 20) / 5, DOLLARS / 1e5),
}
EVERY = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)

few = settings(max_examples=12, deadline=None)
whole = st.lists(st.integers(0, 3), min_size=M, max_size=M).filter(lambda counts: sum(c > 0 for c in counts) > 12)
real = st.lists(st.floats(0.1, 10), min_size=M, max_size=M).map(np.array)


def _theta(made, weights=None, rows=slice(None)):
    model, X, y = made
    X = X.iloc[rows].reset_index(drop=True) if isinstance(X, pd.DataFrame) else X[rows]
    model.fit(X, y[rows], weights)
    return np.concatenate([part.ravel() for part in (*model.coefs_, *model.intercepts_)])


@EVERY
@given(counts=whole, solver=st.sampled_from(["lbfgs", "gradient_descent"]))
@few
def test_d6_weight_k_is_k_copies(make, counts, solver):
    of = {"solver": solver, "max_iter": 5, "random_state": 0}
    copies = np.repeat(np.arange(M), counts)
    np.testing.assert_array_equal(_theta(make(**of), np.array(counts)), _theta(make(**of), rows=copies))


@EVERY
@pytest.mark.parametrize("early_stopping", [False, True])
@given(counts=whole, solver=st.sampled_from(SOLVERS), batch_size=st.sampled_from([1, 7, 40]))
@few
def test_d6_weight_zero_is_a_row_deleted_bit_for_bit(make, early_stopping, counts, solver, batch_size):
    of = {"solver": solver, "max_iter": 3, "random_state": 0, "early_stopping": early_stopping}
    of |= {"batch_size": batch_size}
    weights = np.array(counts) / 3
    kept = np.flatnonzero(weights)
    np.testing.assert_array_equal(_theta(make(**of), weights), _theta(make(**of), weights[kept], kept))


@EVERY
@pytest.mark.parametrize("early_stopping", [False, True])
@given(weights=real, solver=st.sampled_from(SOLVERS), power=st.integers(-20, 20))
@few
def test_d3_a_power_of_two_on_all_weights_changes_no_bit(make, early_stopping, weights, solver, power):
    of = {"solver": solver, "max_iter": 3, "random_state": 0, "early_stopping": early_stopping, "alpha": 0.1}
    np.testing.assert_array_equal(_theta(make(**of), weights), _theta(make(**of), weights * 2.0**power))


@EVERY
@given(weights=real, solver=st.sampled_from(["sgd", "gradient_descent"]))
@few
def test_d3_a_hundred_on_all_weights_changes_no_digit(make, weights, solver):
    """Solvers that divide by the size of the gradient would blow up its rounding, where the base rate makes it 0."""
    of = {"solver": solver, "max_iter": 3, "random_state": 0, "alpha": 0.1}
    assert_allclose(_theta(make(**of), 100 * weights), _theta(make(**of), weights), rtol=1e-12, atol=1e-12)
