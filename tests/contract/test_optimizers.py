"""Every optimiser: it converges, it is pure, and its proximal L1 step rests at the lasso's solution."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso

from chainrule.network import Dense, Network
from chainrule.network.optimizers import OPTIMIZERS, GradientDescent, initial_slots

from .cases import OPTIMIZER_CASES

each = pytest.mark.parametrize("case", OPTIMIZER_CASES, ids=str)


def built(case):
    return OPTIMIZERS[case.name](**case.parameters)


def minimised(optimizer, gradient, theta, rate, steps):
    """Follow the gradient while the rate falls to 0 along half a cosine."""
    slots = initial_slots(optimizer, theta)
    for t in range(1, steps + 1):
        fallen = rate * (1 + np.cos(np.pi * t / steps)) / 2
        slots, move, _ = optimizer.update(slots, gradient(theta), float(fallen), t)
        theta = theta - move
    return theta


@each
def test_minimises_a_badly_scaled_quadratic(case):
    """f = Σ s (θ - θ*)² / 2 with curvatures s from 0.02 to 1."""
    scale, least = np.array([0.02, 0.1, 1.0]), np.array([1.0, -0.5, 0.25])
    theta = minimised(built(case), lambda theta: scale * (theta - least), np.zeros(3), case.rate, 5000)
    np.testing.assert_allclose(theta, least, atol=1e-4)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_update_is_pure(case, dtype):
    optimizer, rng = built(case), np.random.default_rng(0)
    slots = tuple(np.abs(rng.normal(size=5)).astype(dtype) for _ in optimizer.slot_names)
    d = rng.normal(size=5).astype(dtype)
    before = [array.copy() for array in (*slots, d)]
    for array in (*slots, d):
        array.flags.writeable = False
    first, second = (optimizer.update(slots, d, 0.1, 7) for _ in range(2))
    assert all(np.array_equal(old, new) for old, new in zip(before, (*slots, d), strict=True))
    assert np.array_equal(first.move, second.move)
    assert all(np.array_equal(one, two) for one, two in zip(first.slots, second.slots, strict=True))
    assert {first.move.dtype, *(slot.dtype for slot in first.slots)} == {np.dtype(dtype)}
    assert len(first.slots) == len(optimizer.slot_names)


@each
def test_the_gain_is_the_move_per_unit_of_a_lasting_gradient(case):
    optimizer, d = built(case), np.array([2.0, -0.5])
    slots = initial_slots(optimizer, d)
    for t in range(1, 20001):
        slots, move, gain = optimizer.update(slots, d, 0.1, t)
    np.testing.assert_allclose(move, gain * d, rtol=1e-2 if case.name == "nadam" else 1e-6)


@each
def test_first_steps_by_hand(case):
    """One parameter, gradient 2 and then 1, rate 0.1, with the default constants of the papers and PyTorch."""
    mu = case.parameters.get("momentum", 0.9)
    mu1, mu2, mu3 = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in (1, 2, 3))
    m, v = 0.9 * 0.2 + 0.1, 0.999 * 0.004 + 0.001
    v_hat = v / (1 - 0.999**2)
    nadam_1 = mu2 * 0.2 / (1 - mu1 * mu2) + (1 - mu1) * 2 / (1 - mu1)
    nadam_2 = mu3 * m / (1 - mu1 * mu2 * mu3) + (1 - mu2) * 1 / (1 - mu1 * mu2)
    expected = {
        "sgd": (0.2, 0.1),
        "momentum": (0.2, 0.1 * (2 * mu + 1)),
        "nesterov": (0.1 * (2 + 1.8), 0.1 * (1 + 0.9 * 2.8)),
        "rmsprop": (0.2 / (0.04**0.5 + 1e-8), 0.1 / ((0.99 * 0.04 + 0.01) ** 0.5 + 1e-8)),
        "adagrad": (0.1, 0.1 / 5**0.5),
        "adam": (0.1, 0.1 * (m / (1 - 0.81)) / v_hat**0.5),
        "nadam": (0.1 * nadam_1 / 2, 0.1 * nadam_2 / v_hat**0.5),
    }[case.name]
    optimizer, slots, moves = built(case), initial_slots(built(case), np.zeros(1)), []
    for t, d in ((1, 2.0), (2, 1.0)):
        slots, move, _ = optimizer.update(slots, np.array([d]), 0.1, t)
        moves.append(float(move[0]))
    assert moves == pytest.approx(expected, rel=1e-7)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 8))
    y = X @ [2.0, -1.5, 0, 0, 1.0, 0, 0, 0] + 0.5 + 0.1 * rng.normal(size=100)
    return X, y


def fitted(table, case, l1_ratio):
    X, y = table
    net = Network([Dense(1, "identity")], n_inputs=8, loss="squared_error", alpha=0.3, l1_ratio=l1_ratio)
    net.fit(
        X.T,
        y[None, :],
        epochs=3000,
        optimizer=case.name,
        learning_rate=case.rate,
        schedule="cosine",
        **case.parameters,
    )
    return net


@each
def test_lasso_with_exact_zeros(case, table):
    net, peer = fitted(table, case, 1.0), Lasso(alpha=0.3, tol=1e-12).fit(*table)
    np.testing.assert_allclose(net.W[1][0], peer.coef_, atol=1e-4)
    np.testing.assert_allclose(net.b[1].item(), peer.intercept_, atol=1e-4)
    assert np.array_equal(net.W[1][0] == 0, peer.coef_ == 0)
    assert (peer.coef_ == 0).sum() == 5


@each
def test_elastic_net_with_exact_zeros(case, table):
    net, peer = fitted(table, case, 0.5), ElasticNet(alpha=0.3, l1_ratio=0.5, tol=1e-12).fit(*table)
    np.testing.assert_allclose(net.W[1][0], peer.coef_, atol=1e-4)
    assert np.array_equal(net.W[1][0] == 0, peer.coef_ == 0)


def test_the_default_is_gradient_descent_of_the_source():
    slots, move, _ = GradientDescent().update((), np.array([3.0]), 0.5, 1)
    assert slots == ()
    assert move.tolist() == [1.5]
