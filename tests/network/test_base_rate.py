"""The last bias at the base rate: the loss is that of the best constant answer, and weights count."""

import numpy as np
import pytest
from scipy.optimize import minimize

from chainrule import LinearClassifier, MLPClassifier, MLPRegressor
from chainrule.network import Architecture, activation, initial_parameters, loss
from chainrule.network.losses import LOSSES
from chainrule.network.training.initial_bias import at_base_rate, base_rate

WITH_MEAN = ["binary_cross_entropy", "categorical_cross_entropy", "squared_error", "poisson", "gamma", "tweedie"]
draw = np.random.default_rng(0)
WEIGHTS = draw.random(50)


def targets(name):
    if name == "categorical_cross_entropy":
        return np.eye(3)[draw.integers(0, 3, 50)].T
    return draw.integers(0, 2, (2, 50)) * 1.0 if "binary" in name else 0.1 + draw.random((2, 50))


@pytest.mark.parametrize("name", WITH_MEAN)
def test_it_is_the_best_constant(name):
    pair, Y = loss(name), targets(name)

    def cost(z):
        return np.average(pair.per_example(np.tile(z[:, None], 50), Y), weights=WEIGHTS)

    best = minimize(cost, np.zeros(len(Y)), tol=1e-12)
    found = base_rate(pair, np.average(Y, axis=1, weights=WEIGHTS))
    assert cost(found) == pytest.approx(best.fun, rel=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_starts_somewhere_finite(name):
    for mean in (np.zeros(3), np.ones(3), np.array([0.2, 0.3, 0.5])):
        assert np.isfinite(base_rate(loss(name), mean)).all()


@pytest.mark.parametrize(
    "pair", [loss("hinge"), loss("squared_error", output=activation("tanh"))], ids=["hinge", "tanh"]
)
def test_what_predicts_no_mean_starts_at_0(pair):
    assert base_rate(pair, np.array([0.3, 0.6])).tolist() == [0, 0]


def test_of_several_quantiles_the_middle_one_starts_at_the_mean():
    pair = loss("quantiles", quantiles=(0.1, 0.5, 0.9))
    A = pair.output.g(base_rate(pair, np.full(3, 7.0))[:, None])[:, 0]
    assert A[1] == 7
    assert (np.diff(A) > 0).all()


def test_only_the_last_bias_moves():
    architecture = Architecture((2, 3), (), loss("squared_error"))
    before = initial_parameters(architecture, seed=0)
    after = at_base_rate(architecture, before, np.tile([[1.0], [2.0], [3.0]], 4), None)
    assert not initial_parameters(architecture, seed=0, bias_initializer="auto").b[1].any()
    assert after.b[1].ravel().tolist() == [1, 2, 3]
    assert np.array_equal(after.W[1], before.W[1])
    assert not before.b[1].any()


@pytest.mark.filterwarnings("ignore:.*max_iter")
@pytest.mark.parametrize("classes", [2, 3])
def test_a_classifier_starts_at_the_entropy_of_the_shares(classes):
    X, y = draw.normal(size=(200, 3)), np.minimum(draw.integers(0, 9, 200), classes - 1)
    still = {
        "kernel_initializer": "zeros",
        "solver": "sgd",
        "learning_rate_init": 1e-300,
        "max_iter": 1,
        "engine": "reference",
    }
    shares = np.bincount(y) / 200
    loss_of_shares = MLPClassifier((4,), **still).fit(X, y).history_.final["loss"]
    assert loss_of_shares == pytest.approx(-shares @ np.log(shares), rel=1e-12)


@pytest.mark.filterwarnings("ignore:.*max_iter")
def test_a_target_far_from_0_costs_no_epochs():
    X = draw.normal(size=(100, 3))
    model = MLPRegressor(max_iter=20, engine="reference", random_state=0).fit(X, 1e6 + X[:, 0])
    assert abs(model.predict(X) - 1e6).max() < 10


def test_where_nothing_is_left_to_find_lbfgs_ends_at_once():
    X, y = draw.normal(size=(60, 2)), draw.integers(0, 2, 60)
    model = LinearClassifier(class_weight={0: 1e9, 1: 1e-9}, engine="reference", tol=1e-6).fit(X, y)
    assert (model.predict(X) == 0).all()
    assert model.loss_curve_ == []
