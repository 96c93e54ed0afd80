"""A network with no hidden layer against scikit-learn's linear models and closed forms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.neural_network import MLPClassifier as ScikitMLPClassifier
from sklearn.svm import SVC

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

# Where steps never settle, the test looks at the place they reached, not at why they stopped.
reaches_max_iter = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

TIGHT = {"tol": 1e-10, "max_iter": 5000}
L1 = {"penalty": "l1"} if LogisticRegression().penalty == "l2" else {"l1_ratio": 1}  # before and since scikit-learn 1.8


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(0).normal(size=(120, 5))


@pytest.fixture(scope="module")
def numbers(inputs):
    noise = np.random.default_rng(1).normal(size=120)
    return inputs @ np.array([1.5, -2.0, 0.0, 0.7, 0.0]) + 3 + 0.3 * noise


@pytest.fixture(scope="module")
def counts(inputs):
    mean = np.exp(inputs @ np.array([0.4, -0.3, 0.0, 0.2, 0.0]) + 0.5)
    return np.random.default_rng(2).poisson(mean).astype(float)


@pytest.fixture(scope="module")
def labels(inputs):
    noise = np.random.default_rng(3).gumbel(size=(120, 3))
    return (inputs[:, :3] * 1.5 + noise).argmax(axis=1)


def _same(ours, theirs, tolerance=1e-4):
    assert_allclose(ours.coefs_[0][:, 0], np.ravel(theirs.coef_), rtol=tolerance, atol=tolerance)
    assert_allclose(ours.intercepts_[0], theirs.intercept_, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("c", [0.05, 1.0, 20.0])
def test_binary_logistic_regression_has_alpha_one_over_c_times_rows(inputs, labels, c):
    y = np.where(labels == 0, "yes", "no")
    theirs = LogisticRegression(C=c, tol=1e-10, max_iter=5000).fit(inputs, y)
    ours = LinearClassifier(1 / (c * len(y)), **TIGHT).fit(inputs, y)
    _same(ours, theirs)
    assert_allclose(ours.predict_proba(inputs), theirs.predict_proba(inputs), atol=1e-4)
    assert_allclose(ours.decision_function(inputs), theirs.decision_function(inputs), atol=1e-3)
    assert (ours.predict(inputs) == theirs.predict(inputs)).all()


@pytest.mark.parametrize("c", [0.05, 1.0, 20.0])
def test_multinomial_logistic_regression(inputs, labels, c):
    theirs = LogisticRegression(C=c, tol=1e-10, max_iter=5000).fit(inputs, labels)
    ours = LinearClassifier(1 / (c * len(labels)), **TIGHT).fit(inputs, labels)
    assert_allclose(ours.coefs_[0].T, theirs.coef_, atol=1e-4, rtol=1e-4)
    shift = ours.intercepts_[0] - theirs.intercept_  # softmax does not see a constant, and biases are not penalised
    assert_allclose(shift, shift.mean(), atol=1e-4)
    assert_allclose(ours.predict_proba(inputs), theirs.predict_proba(inputs), atol=1e-4)


def test_logistic_regression_with_sample_weight(inputs, labels):
    y, weights = labels == 1, np.random.default_rng(4).uniform(0, 3, len(labels))
    theirs = LogisticRegression(C=1 / weights.sum() / 0.01, tol=1e-10, max_iter=5000).fit(inputs, y, weights)
    _same(LinearClassifier(0.01, **TIGHT).fit(inputs, y, weights), theirs)


@pytest.mark.parametrize("c", [0.1, 1.0])
def test_l1_logistic_regression_has_the_same_zeros_as_saga(inputs, labels, c):
    y = labels == 0
    theirs = LogisticRegression(C=c, **L1, solver="saga", tol=1e-9, max_iter=20000).fit(inputs, y)
    ours = LinearClassifier(1 / (c * len(y)), l1_ratio=1.0, **TIGHT).fit(inputs, y)
    _same(ours, theirs)
    assert ((ours.coefs_[0][:, 0] == 0) == (theirs.coef_[0] == 0)).all()


@reaches_max_iter
def test_hinge_is_the_linear_support_vector_machine(inputs, labels):
    y = labels == 0
    theirs = SVC(kernel="linear", C=1.0, tol=1e-8).fit(inputs, y)
    ours = LinearClassifier(1 / len(y), loss="hinge", solver="gradient_descent", learning_rate_init=0.3, tol=0,
                            learning_rate="cosine", n_iter_no_change=np.inf, max_iter=4000).fit(inputs, y)  # fmt: skip

    def cost(w, b):
        s = np.where(y, 1, -1)
        return np.maximum(0, 1 - s * (inputs @ w + b)).mean() + (w @ w) / len(y) / 2

    best = cost(theirs.coef_[0], theirs.intercept_[0])
    assert best * (1 - 1e-9) <= cost(ours.coefs_[0][:, 0], ours.intercepts_[0][0]) <= best * 1.001


def test_least_squares(inputs, numbers):
    _same(LinearRegressor(0.0, **TIGHT).fit(inputs, numbers), LinearRegression().fit(inputs, numbers))


@pytest.mark.parametrize("alpha", [0.1, 10.0, 1000.0])
def test_ridge_has_its_alpha_over_the_rows(inputs, numbers, alpha):
    _same(LinearRegressor(alpha / len(numbers), **TIGHT).fit(inputs, numbers), Ridge(alpha).fit(inputs, numbers))


def test_ridge_with_several_outputs(inputs, numbers):
    """The loss is the mean over the outputs, so alpha per output is halved for two of them."""
    targets = np.column_stack([numbers, numbers**2])
    theirs = Ridge(5.0).fit(inputs, targets)
    ours = LinearRegressor(5.0 / len(numbers) / 2, **TIGHT).fit(inputs, targets)
    assert_allclose(ours.coefs_[0].T, theirs.coef_, atol=1e-4, rtol=1e-4)
    assert_allclose(ours.intercepts_[0], theirs.intercept_, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("alpha", [0.03, 0.3, 1.0])
def test_lasso_and_its_exact_zeros(inputs, numbers, alpha):
    theirs = Lasso(alpha, tol=1e-12, max_iter=100_000).fit(inputs, numbers)
    ours = LinearRegressor(alpha, l1_ratio=1.0, **TIGHT).fit(inputs, numbers)
    _same(ours, theirs)
    assert ((ours.coefs_[0][:, 0] == 0) == (theirs.coef_ == 0)).all()
    assert (ours.coefs_[0] == 0).any()


@pytest.mark.parametrize("l1_ratio", [0.2, 0.8])
def test_elastic_net(inputs, numbers, l1_ratio):
    theirs = ElasticNet(0.3, l1_ratio=l1_ratio, tol=1e-12, max_iter=100_000).fit(inputs, numbers)
    _same(LinearRegressor(0.3, l1_ratio=l1_ratio, **TIGHT).fit(inputs, numbers), theirs)


@pytest.mark.parametrize("alpha", [0.0, 0.1, 1.0])
def test_poisson_regression(inputs, counts, alpha):
    theirs = PoissonRegressor(alpha=alpha, tol=1e-10, max_iter=5000).fit(inputs, counts)
    ours = LinearRegressor(alpha, loss="poisson", **TIGHT).fit(inputs, counts)
    _same(ours, theirs)
    assert_allclose(ours.predict(inputs), theirs.predict(inputs), rtol=1e-3)
    assert ours.out_activation_ == "exponential"


@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_gamma_regression(inputs, counts, alpha):
    y = counts + 0.5
    theirs = GammaRegressor(alpha=alpha, tol=1e-10, max_iter=5000).fit(inputs, y)
    _same(LinearRegressor(alpha, loss="gamma", **TIGHT).fit(inputs, y), theirs)


@pytest.mark.parametrize("power", [1.0, 1.5, 1.9, 2.0, 3.0])
def test_tweedie_regression(inputs, counts, power):
    y = counts + (power >= 2)
    theirs = TweedieRegressor(power=power, link="log", alpha=0.1, tol=1e-10, max_iter=5000).fit(inputs, y)
    _same(LinearRegressor(0.1, loss="tweedie", power=power, **TIGHT).fit(inputs, y), theirs)


def test_huber_regression(inputs, numbers):
    """HuberRegressor finds a scale σ first; at that σ its cost is ours times 2 n / σ, with delta = ε σ."""
    y = numbers.copy()
    y[:6] += 25
    theirs = HuberRegressor(epsilon=1.5, alpha=0.5, tol=1e-10, max_iter=5000).fit(inputs, y)
    ours = LinearRegressor(0.5 * theirs.scale_ / len(y), loss="huber", delta=1.5 * theirs.scale_, **TIGHT)
    _same(ours.fit(inputs, y), theirs)


@reaches_max_iter
@pytest.mark.parametrize("quantile", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("loss", ["quantile", "pinball"])
def test_quantile_regression(inputs, numbers, quantile, loss):
    theirs = QuantileRegressor(quantile=quantile, alpha=0.0).fit(inputs, numbers)
    ours = LinearRegressor(0.0, loss=loss, quantile=quantile, solver="adam", learning_rate_init=0.1, tol=0,
                           learning_rate="cosine", n_iter_no_change=np.inf, max_iter=1000, random_state=0)  # fmt: skip
    ours.fit(inputs, numbers)
    _same(ours, theirs, tolerance=0.02)
    assert np.mean(numbers <= ours.predict(inputs)) == pytest.approx(quantile, abs=0.06)


@reaches_max_iter
@pytest.mark.parametrize(
    "kind",
    [
        {"solver": "gradient_descent", "learning_rate_init": 0.3},
        {"solver": "adam", "learning_rate_init": 0.1, "learning_rate": "cosine"},
        {"solver": "sgd", "learning_rate_init": 0.02, "learning_rate": "cosine"},
    ],
    ids=lambda kind: kind["solver"],
)
def test_other_solvers_reach_the_same_minimum(inputs, numbers, labels, kind):
    settings = kind | {"max_iter": 600, "n_iter_no_change": np.inf, "tol": 0, "random_state": 0}
    regressor = LinearRegressor(0.1, **settings).fit(inputs, numbers)
    _same(regressor, Ridge(0.1 * len(numbers)).fit(inputs, numbers), tolerance=5e-3)
    classifier = LinearClassifier(0.02, **settings).fit(inputs, labels == 0)
    theirs = LogisticRegression(C=1 / (0.02 * len(labels)), tol=1e-10).fit(inputs, labels == 0)
    _same(classifier, theirs, tolerance=5e-3)


@reaches_max_iter
def test_gradient_descent_reaches_the_zeros_of_the_lasso(inputs, numbers):
    theirs = Lasso(0.3, tol=1e-12).fit(inputs, numbers)
    ours = LinearRegressor(0.3, l1_ratio=1.0, solver="gradient_descent", learning_rate_init=0.3, tol=0,
                           n_iter_no_change=np.inf, max_iter=500).fit(inputs, numbers)  # fmt: skip
    _same(ours, theirs)
    assert ((ours.coefs_[0][:, 0] == 0) == (theirs.coef_ == 0)).all()


def test_mlp_without_hidden_layers_is_the_linear_model(inputs, numbers, labels):
    settings = {"alpha": 0.05, "solver": "lbfgs", "random_state": 0, **TIGHT}
    mlp = MLPRegressor((), **settings).fit(inputs, numbers)
    _same(mlp, Ridge(0.05 * len(numbers)).fit(inputs, numbers))
    mlp = MLPClassifier((), **settings).fit(inputs, labels == 2)
    _same(mlp, LogisticRegression(C=1 / (0.05 * len(labels)), tol=1e-10).fit(inputs, labels == 2))


def test_d2_alpha_scaling_batch_is_scikit_learns_rule(inputs, labels):
    """Without hidden layers the cost is convex, so both packages must find the same weights."""
    settings = {"alpha": 3.0, "solver": "lbfgs", "max_iter": 5000, "tol": 1e-9, "random_state": 0}
    theirs = ScikitMLPClassifier((), **settings).fit(inputs, labels == 0)
    ours = MLPClassifier((), alpha_scaling="batch", **settings).fit(inputs, labels == 0)
    assert_allclose(ours.coefs_[0], theirs.coefs_[0], atol=1e-4)
    mean = MLPClassifier((), **settings).fit(inputs, labels == 0)
    assert np.abs(mean.coefs_[0]).max() < 0.2 * np.abs(ours.coefs_[0]).max()
