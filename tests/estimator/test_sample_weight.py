"""Weights mean copies: 0 deletes a row, k repeats it, and their scale does not matter."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.linear_model import Ridge

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:batch_size=:chainrule._errors.ChainruleWarning"
)

ESTIMATORS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3))
CODES = np.arange(50) % 3
WEIGHTS = np.array([0, 1, 2, 0, 3])[np.arange(50) % 5]


def _target(kind):
    return CODES if kind in (MLPClassifier, LinearClassifier) else X @ [1.0, -1.0, 2.0]


def _model(kind, **settings):
    small = {"hidden_layer_sizes": (6,)} if kind in ESTIMATORS[:2] else {}
    return kind(**({"max_iter": 4, "random_state": 0} | small | settings))


def _same_bits(a, b):
    return all(np.array_equal(u, v) for u, v in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True))


@pytest.mark.parametrize("make", [np.array, sparse.csr_array])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "adam", "batch_size": 1},
        {"solver": "adam", "batch_size": 7},
        {"solver": "sgd", "batch_size": 10},
        {"solver": "adamw"},
        {"solver": "gradient_descent"},
        {"solver": "lbfgs"},
        {"solver": "adam", "batch_size": 7, "dropout": 0.4, "dropout_input": 0.2},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d6_weight_zero_is_a_row_deleted_bit_for_bit(kind, settings, early_stopping, make):
    if kind in (LinearClassifier, LinearRegressor):
        settings = {name: value for name, value in settings.items() if "dropout" not in name}
    y, kept = _target(kind), WEIGHTS > 0
    with_zeros = _model(kind, early_stopping=early_stopping, **settings).fit(make(X), y, WEIGHTS)
    without = _model(kind, early_stopping=early_stopping, **settings).fit(make(X)[kept], y[kept], WEIGHTS[kept])
    assert _same_bits(with_zeros, without)
    assert with_zeros.t_ == without.t_
    assert with_zeros.loss_ == without.loss_
    assert with_zeros.validation_scores_ == without.validation_scores_


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d6_weight_zero_in_partial_fit(kind):
    y, kept = _target(kind), WEIGHTS > 0
    a, b = _model(kind, solver="adam", batch_size=7), _model(kind, solver="adam", batch_size=7)
    for _ in range(3):
        a.partial_fit(X, y, sample_weight=WEIGHTS)
        b.partial_fit(X[kept], y[kept], sample_weight=WEIGHTS[kept])
    assert _same_bits(a, b)


@pytest.mark.parametrize("solver", ["lbfgs", "gradient_descent"])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d6_weight_k_is_k_copies_to_the_bit_for_full_batches(kind, solver):
    y, places = _target(kind), np.repeat(np.arange(50), WEIGHTS)
    settings = {"solver": solver, "max_iter": 10}
    weighted = _model(kind, **settings).fit(X, y, WEIGHTS)
    copied = _model(kind, **settings).fit(X[places], y[places])
    shuffled = np.random.default_rng(1).permutation(places)
    assert _same_bits(weighted, copied)
    assert _same_bits(weighted, _model(kind, **settings).fit(X[shuffled], y[shuffled]))


def test_copies_have_dropout_masks_of_their_own():
    """A step on a hundred copies of four rows averages a hundred draws: a tenth of the deviation of a step on four."""
    rows, y = np.tile(X[:4], (100, 1)), np.tile(_target(MLPRegressor)[:4], 100)
    settings = {"solver": "gradient_descent", "dropout": 0.5, "max_iter": 1, "activation": "tanh"}
    start = _model(MLPRegressor, **settings).fit(rows, y)
    given = {"coef_init": start.coefs_, "intercept_init": start.intercepts_}

    def deviation(X, y):
        fits = [_model(MLPRegressor, **settings | {"random_state": k}).fit(X, y, **given) for k in range(60)]
        return np.std([model.coefs_[0] for model in fits], axis=0).mean()

    assert deviation(rows, y) / deviation(X[:4], y[:4]) == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize("solver", ["adam", "sgd", "gradient_descent", "lbfgs"])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d3_the_scale_of_the_weights_does_not_matter(kind, solver):
    """With a heavy penalty, which must not be diluted by heavy weights."""
    settings = {"solver": solver, "alpha": 1.0, "max_iter": 10} | (
        {"batch_size": 8} if solver in ("adam", "sgd") else {}
    )
    y, weights = _target(kind), RNG.uniform(0.1, 2, 50)
    once = _model(kind, **settings).fit(X, y, weights)
    scaled = _model(kind, **settings).fit(X, y, 100 * weights)
    for a, b in zip(once.coefs_ + once.intercepts_, scaled.coefs_ + scaled.intercepts_, strict=True):
        assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    assert scaled.loss_ == pytest.approx(once.loss_, rel=1e-6)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_weights_of_one_are_no_weights(kind, solver):
    y = _target(kind)
    a, b = _model(kind, solver=solver).fit(X, y, np.ones(50)), _model(kind, solver=solver).fit(X, y)
    assert _same_bits(a, b)


def test_d2_the_penalty_does_not_depend_on_the_batch_size():
    """Every batch size solves the same ridge regression."""
    y = _target(LinearRegressor)
    expected = Ridge(0.5 * 50).fit(X, y).coef_
    for batch_size in (5, 10, 50):
        model = LinearRegressor(0.5, solver="sgd", batch_size=batch_size, learning_rate="cosine", max_iter=400, tol=0,
                                learning_rate_init=0.05, n_iter_no_change=np.inf, random_state=0)  # fmt: skip
        assert_allclose(model.fit(X, y).coefs_[0][:, 0], expected, atol=0.02)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d4_batches_of_zero_weights_only(kind):
    """One row in ten counts, so with batches of two most would hold nothing."""
    weights = (np.arange(50) % 10 == 0).astype(float)
    model = _model(kind, solver="sgd", batch_size=2).fit(X, _target(kind), weights)
    assert all(np.isfinite(W).all() for W in model.coefs_)


def test_d5_the_mean_of_all_batch_gradients_is_the_gradient_of_the_whole():
    """One plain step per batch at a tiny rate adds up to a full step, so every batch has the same normaliser."""
    y, weights = _target(LinearRegressor), RNG.uniform(0, 5, 50)
    settings = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "max_iter": 1, "random_state": 0}
    rate, start = 1e-7, LinearRegressor(learning_rate_init=1e-300, **settings).fit(X, y, weights)
    batches = LinearRegressor(learning_rate_init=rate, batch_size=5, **settings).fit(X, y, weights)
    whole = LinearRegressor(learning_rate_init=10 * rate, batch_size=50, **settings).fit(X, y, weights)
    by_batches, at_once = batches.coefs_[0] - start.coefs_[0], whole.coefs_[0] - start.coefs_[0]
    assert_allclose(by_batches, at_once, rtol=1e-4)
    r = X @ start.coefs_[0][:, 0] + start.intercepts_[0] - y
    assert_allclose(at_once[:, 0], -10 * rate * (weights * r) @ X / weights.sum(), rtol=1e-4)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_the_reported_loss_is_the_weighted_mean(kind):
    y, weights = _target(kind), RNG.uniform(0, 2, 50)
    model = _model(kind, solver="adam").fit(X, y, weights)
    rows = np.array([model.data_loss(X[i : i + 1], y[i : i + 1]) for i in range(50)])
    assert model.history_.final["loss"] == pytest.approx(np.average(rows, weights=weights), rel=1e-9)
    assert model.data_loss(X, y, weights) == model.history_.final["loss"]


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (-np.ones(50), "Negative values in data passed to `sample_weight`"),
        (np.zeros(50), "(?i)sample.weight"),
        (np.ones(49), "sample_weight.shape"),
        (np.ones((50, 2)), "(?i)sample.weights"),
        (np.full(50, np.nan), "sample_weight contains NaN"),
        (np.full(50, np.inf), "sample_weight contains infinity"),
    ],
    ids=["negative", "all zero", "length", "shape", "NaN", "inf"],
)
def test_weights_that_cannot_be(kind, weights, words):
    with pytest.raises(ValueError, match=words):
        _model(kind).fit(X, _target(kind), weights)
