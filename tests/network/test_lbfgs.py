"""L-BFGS against scikit-learn's solvers of the same convex problems, and its history and stops."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, PoissonRegressor, Ridge

from chainrule._errors import DivergenceError
from chainrule.network import Architecture, StopReason, activation, initial_parameters, loss
from chainrule.network.examples import Examples
from chainrule.network.penalties import Penalty
from chainrule.network.schedules import Schedule
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory
from chainrule.network.training.lbfgs import train_lbfgs
from chainrule.network.training.segment import Plan, initial_state
from chainrule.network.training.setup import Stopping, Training, Validation


def training_of(X, Y, name, penalty, *, weights=None, hidden=(), **changed):
    """A training of a network on the table X and targets Y of shape (n, m)."""
    widths = (X.shape[1], *hidden, len(Y))
    architecture = Architecture(widths, tuple(activation("tanh") for _ in hidden), loss(name), penalty)
    stopping = changed.pop("stopping", Stopping(max_epochs=5000, tol=1e-9))
    schedule = Schedule("constant", 1.0, 1, 1, len(X))
    training = Training(
        architecture, Plan(), InMemory(Examples(X.T, Y, weights), segment), schedule, stopping, **changed
    )
    return training, initial_state(initial_parameters(architecture, seed=0), Plan())


def fitted(*problem, **changed):
    training, start = training_of(*problem, **changed)
    state, history = train_lbfgs(training, start)
    return state.parameters.W[1], state.parameters.b[1].ravel(), history


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 6))
    y = X @ [2.0, -1.5, 0, 0, 1.0, 0] + 0.5 + 0.1 * rng.normal(size=150)
    return X, y


def test_ridge(table):
    X, y = table
    W, b, history = fitted(X, y[None, :], "squared_error", Penalty(0.3))
    peer = Ridge(alpha=0.3 * len(y)).fit(X, y)
    np.testing.assert_allclose(W[0], peer.coef_, atol=1e-7)
    np.testing.assert_allclose(b, peer.intercept_, atol=1e-7)
    assert history.stop_reason is StopReason.CONVERGED


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_lasso_and_elastic_net_by_splitting(table, l1_ratio):
    X, y = table
    W, b, _ = fitted(X, y[None, :], "squared_error", Penalty(0.3, l1_ratio))
    peer = (Lasso(0.3, tol=1e-12) if l1_ratio == 1 else ElasticNet(0.3, l1_ratio=0.5, tol=1e-12)).fit(X, y)
    np.testing.assert_allclose(W[0], peer.coef_, atol=1e-6)
    np.testing.assert_allclose(b, peer.intercept_, atol=1e-6)
    assert np.array_equal(W[0] == 0, peer.coef_ == 0)
    assert (W == 0).sum() == 3


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_logistic_regression(table, l1_ratio):
    X, y = table
    labels = (y > 0.5).astype(float)
    W, b, _ = fitted(X, labels[None, :], "binary_cross_entropy", Penalty(0.05, l1_ratio))
    peer = LogisticRegression(
        C=1 / (0.05 * len(y)),
        l1_ratio=l1_ratio,
        solver="saga" if l1_ratio else "lbfgs",
        tol=1e-10,
        max_iter=100_000,
        random_state=0,
    ).fit(X, labels)
    np.testing.assert_allclose(W, peer.coef_, atol=1e-5)
    np.testing.assert_allclose(b, peer.intercept_, atol=1e-5)
    assert np.array_equal(W == 0, peer.coef_ == 0)
    assert (W == 0).any() == bool(l1_ratio)


def test_multinomial_regression_with_weights(table):
    X, y = table
    labels, w = np.digitize(y, [-1.0, 1.5]), np.random.default_rng(1).uniform(0.5, 2, len(y))
    W, b, _ = fitted(X, np.eye(3)[:, labels], "categorical_cross_entropy", Penalty(0.02), weights=w)
    peer = LogisticRegression(C=1 / (0.02 * w.sum()), tol=1e-10, max_iter=10_000).fit(X, labels, sample_weight=w)
    np.testing.assert_allclose(W, peer.coef_, atol=1e-5)
    np.testing.assert_allclose(b - b.mean(), peer.intercept_ - peer.intercept_.mean(), atol=1e-5)


def test_poisson_regression(table):
    X, y = table
    counts = np.random.default_rng(2).poisson(np.exp(y / 3)).astype(float)
    W, b, _ = fitted(X, counts[None, :], "poisson", Penalty(0.1))
    peer = PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=10_000).fit(X, counts)
    np.testing.assert_allclose(W[0], peer.coef_, atol=1e-6)
    np.testing.assert_allclose(b, peer.intercept_, atol=1e-6)


def test_an_l1_penalty_on_a_network_reaches_a_stationary_point_with_zeros(table):
    """At the solution |dJ/dw| <= l1 where w = 0, and dJ/dw = -l1 sign(w) elsewhere."""
    X, y = table
    training, start = training_of(X, y[None, :], "squared_error", Penalty(0.05, 0.8), hidden=(5,))
    state, _ = train_lbfgs(training, start)
    parameters = state.parameters
    _, d = segment.cost_and_gradient(training.architecture, parameters, training.feed.examples)
    w = parameters.theta[parameters.weights]
    zero = w == 0
    assert 5 < zero.sum() < len(w)
    assert (np.abs(d[: len(w)][zero]) <= 0.04 + 1e-6).all()
    np.testing.assert_allclose(d[: len(w)][~zero], -0.04 * np.sign(w[~zero]), atol=1e-5)
    np.testing.assert_allclose(d[len(w) :], 0, atol=1e-5)


def test_d31_every_iteration_is_in_the_history(table):
    X, y = table
    seen = []
    training, start = training_of(
        X, y[None, :], "squared_error", Penalty(0.1), hidden=(4,), on_epoch=lambda p: seen.append(p.epoch)
    )
    state, history = train_lbfgs(training, start)
    assert seen == history["epoch"] == list(range(1, state.epoch + 1))
    assert (np.diff(history["running_total"]) <= 1e-12).all()
    np.testing.assert_allclose(
        np.add(history["running_loss"], history["penalty"]), history["running_total"], rtol=1e-12
    )
    assert history["running_total"][-1] == pytest.approx(history.final["total"], rel=1e-9)


def test_the_number_of_iterations_is_bounded(table):
    X, y = table
    training, start = training_of(X, y[None, :], "squared_error", Penalty(), stopping=Stopping(2, tol=1e-12))
    state, history = train_lbfgs(training, start)
    assert state.epoch == 2
    assert history.stop_reason is StopReason.MAX_ITER


def test_d31_validation_stops_it_and_the_best_iteration_is_kept(table):
    X, y = table
    rng = np.random.default_rng(0)
    noise = Examples(X[:40].T, rng.normal(size=(1, 40)))  # nothing to learn: soon no improvement
    training, start = training_of(
        X[40:],
        y[None, 40:],
        "squared_error",
        Penalty(),
        hidden=(10,),
        stopping=Stopping(500, patience=3, tol=0.0),
        validation=Validation(InMemory(noise, segment)),
    )
    _, history = train_lbfgs(training, start)
    assert history.stop_reason is StopReason.NO_IMPROVEMENT
    assert history.best_epoch == 1 + int(np.argmin(history["val_loss"]))
    assert len(history["epoch"]) == history.best_epoch + 3
    assert history.final["val_loss"] == min(history["val_loss"])


def test_ctrl_c_leaves_the_last_iteration(table):
    X, y = table

    def press(progress):
        if progress.epoch == 3:
            raise KeyboardInterrupt

    training, start = training_of(X, y[None, :], "squared_error", Penalty(), hidden=(5,), on_epoch=press)
    state, history = train_lbfgs(training, start)
    assert history.stop_reason is StopReason.INTERRUPTED
    assert state.epoch == 3
    assert history.final["total"] == pytest.approx(history["running_total"][-1], rel=1e-12)


def test_d9_a_cost_that_is_not_finite_is_an_error(table):
    X, y = table
    X = X.copy()
    X[3, 2] = np.nan
    training, start = training_of(X, y[None, :], "squared_error", Penalty())
    with pytest.raises(DivergenceError, match="non-finite"):
        train_lbfgs(training, start)


def test_float32_weights_stay_float32(table):
    X, y = table
    training, _ = training_of(X, y[None, :], "squared_error", Penalty(0.1))
    start = initial_state(initial_parameters(training.architecture, seed=0, dtype=np.float32), Plan())
    state, _ = train_lbfgs(training, start)
    assert state.parameters.theta.dtype == np.float32
    np.testing.assert_allclose(state.parameters.W[1][0], Ridge(alpha=0.1 * len(y)).fit(X, y).coef_, atol=1e-3)
