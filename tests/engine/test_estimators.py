"""Whole fits: the estimator with the native engine and with the reference ends at the same model."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import CountVectorizer

from chainrule import LinearClassifier, MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.usefixtures("Native"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y = load_digits(return_X_y=True)
X, Y = X[:500] / 16, Y[:500]


def both(kind, *arguments, data=(X, Y), weights=None, **settings):
    """The same fit twice; returns the two models."""
    settings = {"random_state": 0, "max_iter": 12} | settings
    return [kind(*arguments, engine=name, **settings).fit(*data, weights) for name in ("native", "reference")]


def check(native, reference, tolerance=1e-10):
    for mine, truth in zip(native.coefs_ + native.intercepts_, reference.coefs_ + reference.intercepts_, strict=True):
        np.testing.assert_allclose(mine, truth, rtol=0, atol=tolerance * max(1, np.abs(truth).max()))
    assert native.n_iter_ == reference.n_iter_
    assert native.stop_reason_ == reference.stop_reason_
    assert native.best_epoch_ == reference.best_epoch_
    assert native.history_.keys() == reference.history_.keys()
    for name in native.history_.keys() - {"seconds"}:
        mine, truth = native.history_[name], reference.history_[name]
        np.testing.assert_allclose(mine, truth, rtol=tolerance, atol=tolerance, err_msg=name)
    assert native.history_.final == pytest.approx(reference.history_.final, rel=tolerance)


@pytest.mark.parametrize("extra", [{}, {"early_stopping": True}], ids=["", "early stopping"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad", "gradient_descent", "lbfgs"])
def test_digits(solver, extra):
    check(*both(MLPClassifier, (32, 16), activation="tanh", solver=solver, **extra))


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_digits_with_dropout_weights_and_penalties(solver):
    drops = {"dropout": [0.3, 0.2], "dropout_input": 0.1, "early_stopping": True, "alpha": 0.01, "l1_ratio": 0.3}
    weights = np.random.default_rng(0).integers(0, 4, len(Y)).astype(float)
    check(*both(MLPClassifier, (40, 20), activation="silu", solver=solver, weights=weights, clipnorm=1.0, **drops))


def test_several_numbers_at_once():
    targets = X[:, 20:23] + np.cos(X[:, :3])
    check(*both(MLPRegressor, (25,), data=(X, targets), activation="gelu", learning_rate="cosine", warmup_steps=5))


def test_several_quantiles_of_a_number():
    settings = {"loss": "quantile", "quantile": [0.05, 0.3, 0.5, 0.95], "activation": "tanh"}
    for more in ({}, {"early_stopping": True}, {"batch_size": 7, "solver": "sgd"}):
        check(*both(MLPRegressor, (25,), data=(X, X[:, 20] + np.cos(X[:, 3])), **settings, **more))


def test_a_linear_model_of_words():
    words = CountVectorizer().fit_transform([" ".join(f"w{int(10 * v)}" for v in row) for row in X])
    check(*both(LinearClassifier, data=(words, Y % 2), max_iter=20))
    check(*both(MLPClassifier, (9,), data=(words, Y % 2), activation="tanh", dropout_input=0.2))


def test_the_weights_are_the_users_own():
    for model in both(MLPClassifier, (8,), max_iter=2):
        model.coefs_[-1][:] = 0
        model.intercepts_[-1][:] = np.arange(10)
        assert set(model.predict(X)) == {9}


def test_training_goes_on_in_the_other_engine():
    """A state is the same thing to both: half the epochs each, either way round, ends where one engine ends."""
    ends = []
    for first, second in (("native", "reference"), ("reference", "native"), ("reference", "reference")):
        model = MLPClassifier((16,), activation="tanh", random_state=0, warm_start=True, max_iter=4, engine=first)
        model.fit(X, Y).set_params(engine=second).fit(X, Y)
        ends.append(model)
    check(ends[0], ends[2])
    check(ends[1], ends[2])


def test_digits_in_float32():
    native, reference = both(MLPClassifier, (32,), data=(X.astype(np.float32), Y), max_iter=5)
    assert native.coefs_[0].dtype == np.float32
    check(native, reference, tolerance=1e-4)
