"""`Network` and `Dense`: shapes, errors, no hidden state, sparse input, fitting by name; what importing costs."""

import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy import sparse

from chainrule._errors import InvalidParameterError, ShapeError, TargetError
from chainrule.network import Dense, Network, Parameters
from chainrule.network.optimizers import OPTIMIZERS
from chainrule.network.schedules import SCHEDULES


@pytest.fixture
def net():
    return Network([Dense(4, "tanh"), Dense(3, "relu"), Dense(2, "identity")], n_inputs=5, loss="squared_error")


@pytest.fixture
def XY():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 7)), rng.normal(size=(2, 7))


def test_the_shapes_of_the_source(net, XY):
    X, Y = XY
    pass_ = net.forward(X)
    gradients = net.backward(pass_, Y)
    n, m = (5, 4, 3, 2), 7
    for l in (1, 2, 3):
        assert net.W[l].shape == gradients.dW[l].shape == (n[l], n[l - 1])
        assert net.b[l].shape == gradients.db[l].shape == (n[l], 1)
        assert pass_.Z[l].shape == pass_.A[l].shape == gradients.dZ[l].shape == (n[l], m)
    assert gradients.dA[1].shape == (4, m)
    assert pass_.A[0] is X
    assert [pass_.Z[0], gradients.dZ[0], gradients.dA[0], gradients.dW[0], gradients.db[0]] == [None] * 5


def test_the_equations_written_out(net, XY):
    X, Y = XY
    W, b = net.W, net.b
    Z1 = W[1] @ X + b[1]
    A1 = np.tanh(Z1)
    Z2 = W[2] @ A1 + b[2]
    A2 = np.where(Z2 > 0, Z2, 0)
    A3 = W[3] @ A2 + b[3]
    dZ3 = (A3 - Y) / 2  # the mean over two outputs of half the squared error
    dZ2 = (W[3].T @ dZ3) * (Z2 > 0)
    dZ1 = (W[2].T @ dZ2) * (1 - A1**2)
    pass_ = net.forward(X)
    gradients = net.backward(pass_, Y)
    np.testing.assert_allclose(net.predict(X), A3, rtol=1e-13)
    for l, dZ, A in ((1, dZ1, X), (2, dZ2, A1), (3, dZ3, A2)):
        np.testing.assert_allclose(gradients.dZ[l], dZ, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(gradients.dW[l], dZ @ A.T / 7, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(gradients.db[l], dZ.mean(axis=1, keepdims=True), rtol=1e-12, atol=1e-15)


def test_d39_backward_accumulates_nothing_and_changes_nothing(net, XY):
    X, Y = XY
    theta = net.parameters.theta.copy()
    pass_ = net.forward(X)
    first, second = net.backward(pass_, Y), net.backward(pass_, Y)
    for l in (1, 2, 3):
        assert np.array_equal(first.dW[l], second.dW[l])
        assert np.array_equal(first.db[l], second.db[l])
    assert np.array_equal(net.parameters.theta, theta)


def test_d39_a_pass_outlives_the_step_that_follows(net, XY):
    X, Y = XY
    pass_ = net.forward(X)
    gradients = net.backward(pass_, Y)
    before = [array.copy() for array in (*pass_.Z[1:], *pass_.A, *gradients.dW[1:], net.W[1])]
    kept = [*pass_.Z[1:], *pass_.A, *gradients.dW[1:], net.W[1]]
    net.step(gradients, 0.1)
    assert all(np.array_equal(old, new) for old, new in zip(before, kept, strict=True))
    assert not np.array_equal(net.W[1], before[-1])


@pytest.mark.parametrize(("part", "field"), [("forward", "Z"), ("forward", "A"), ("backward", "dW")])
def test_d39_passes_are_frozen(net, XY, part, field):
    X, Y = XY
    pass_ = net.forward(X)
    made = pass_ if part == "forward" else net.backward(pass_, Y)
    with pytest.raises(FrozenInstanceError):
        setattr(made, field, [])


def test_d36_the_update_comes_after_all_gradients(net, XY):
    """W[1]'s step uses the W[3] and W[2] of before; the slip would use those of after."""
    X, Y = XY
    W = [w.copy() for w in net.W]
    gradients = net.backward(net.forward(X), Y)
    net.step(gradients, 0.5)
    for l in (1, 2, 3):
        np.testing.assert_allclose(net.W[l], W[l] - 0.5 * gradients.dW[l], rtol=1e-14)
    Z2 = W[2] @ np.tanh(W[1] @ X) > 0
    slipped = ((net.W[2].T @ ((net.W[3].T @ gradients.dZ[3]) * Z2)) * (1 - np.tanh(W[1] @ X) ** 2)) @ X.T / 7
    assert np.abs(slipped - gradients.dW[1]).max() > 1e-3  # so this test can tell


def test_example_weights_are_relative_to_their_mean(net, XY):
    X, Y = XY
    pass_, w = net.forward(X), np.array([2.0, 0, 1, 1, 1, 1, 1])
    weighted = net.backward(pass_, Y, w).dW[3]
    copies = [0, 0, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(weighted, net.backward(net.forward(X[:, copies]), Y[:, copies]).dW[3], rtol=1e-12)


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix])
def test_d29_sparse_input_equals_dense(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6, 30)) * (rng.random((6, 30)) > 0.6)
    Y = rng.integers(0, 2, (1, 30)).astype(float)
    nets = []
    for given in (X, kind(X)):
        made = Network([Dense(5, "tanh", dropout=0.2), Dense(1, "sigmoid")], n_inputs=6, dropout_input=0.3)
        gradients = made.backward(made.forward(given), Y)
        made.step(gradients, 0.1)
        made.fit(given, Y, epochs=3, batch_size=7, optimizer="adam", learning_rate=0.01)
        nets.append((made, gradients, made.predict(given), made.cost(given, Y)))
    (dense, dense_gradients, dense_prediction, cost), (thin, thin_gradients, thin_prediction, thin_cost) = nets
    assert type(thin_gradients.dW[1]) is np.ndarray
    np.testing.assert_allclose(thin_gradients.dW[1], dense_gradients.dW[1], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(thin.parameters.theta, dense.parameters.theta, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(thin_prediction, dense_prediction, rtol=1e-9)
    assert cost == pytest.approx(thin_cost, rel=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net, X, Y: net.forward(X.T), r"X must have shape \(5, m\), got \(7, 5\).*pass the transpose"),
        (lambda net, X, Y: net.forward(X[:3]), r"X must have shape \(5, m\), got \(3, 7\)\.$"),
        (lambda net, X, Y: net.predict(X[:, 0]), r"X must have shape \(5, m\), got \(5,\)"),
        (lambda net, X, Y: net.backward(net.forward(X), Y[:, :3]), r"shape of A\[L\], \(2, 7\), got \(2, 3\)"),
        (lambda net, X, Y: net.backward(net.forward(X), Y[:1]), r"Y must have shape \(2, m\), got \(1, 7\)"),
        (lambda net, X, Y: net.fit(X, Y[:, :3]), r"as many columns \(examples\); got 7 and 3"),
        (lambda net, X, Y: net.cost(X, Y.T), r"Y must have shape \(2, m\), got \(7, 2\).*transpose"),
        (lambda net, X, Y: net.set_parameters([np.ones((4, 5))], [np.ones(4)]), r"widths must be \(5, 4, 3, 2\)"),
        (lambda net, X, Y: net.set_parameters(net.W[1:], net.b[2:]), "one b for each; got 3 .* and 2 b"),
        (lambda net, X, Y: net.set_parameters([], []), "one or more matrices"),
        (lambda net, X, Y: net.set_parameters([np.ones(5)], [np.ones(1)]), r"matrices.*\(5,\)"),
        (
            lambda net, X, Y: net.set_parameters([w.T for w in net.W[1:]], net.b[1:]),
            r"W\[2\] must have shape|W\[1\] must have shape",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_named(net, XY, call, message):
    with pytest.raises(ShapeError, match=message):
        call(net, *XY)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Network([], n_inputs=2), "at least one layer"),
        (lambda: Dense(0), "at least 1"),
        (lambda: Dense(2.5), "whole number"),
        (lambda: Network([Dense(1, "sigmod")], n_inputs=2), "Did you mean 'sigmoid'"),
        (lambda: Network([Dense(1, "sigmoid")], n_inputs=2, loss="squared_eror"), "Did you mean 'squared_error'"),
        (lambda: Network([Dense(1)], n_inputs=2), "needs the output activation 'sigmoid', got 'relu'"),
        (lambda: Network([Dense(1, "sigmoid")], n_inputs=2, kernel_initializer="hee_normal"), "'he_normal'"),
        (lambda: Network([Dense(1, "sigmoid")], n_inputs=2).fit([[0.0], [0]], [[1.0]], optimizer="adm"), "'adam'"),
        (lambda: Network([Dense(1, "sigmoid")], n_inputs=2).fit([[0.0], [0]], [[1.0]], schedule="cosin"), "cosine"),
    ],
)
def test_parameters_that_cannot_be_are_named(build, message):
    with pytest.raises(InvalidParameterError, match=message):
        build()


def test_a_target_outside_the_loss_is_refused_before_training():
    with pytest.raises(TargetError, match="between 0 and 1, got 3"):
        Network([Dense(1, "sigmoid")], n_inputs=1).fit([[0.0, 1.0]], [[0.0, 3.0]])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_optimizer_learns_under_every_schedule(optimizer, schedule):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2, 60))
    Y = (X[:1] * X[1:] > 0).astype(float)
    net = Network([Dense(8, "tanh"), Dense(1, "sigmoid")], n_inputs=2)
    before = net.cost(X, Y)
    rate = {"sgd": 0.5, "adagrad": 0.1}.get(optimizer, 0.02)
    history = net.fit(
        X, Y, epochs=30, batch_size=10, optimizer=optimizer, learning_rate=rate, schedule=schedule, patience=5
    )
    assert net.cost(X, Y) < 0.97 * before
    assert history.final["loss"] == net.cost(X, Y)


def test_adaptive_needs_a_patience():
    X, Y = np.zeros((1, 4)), np.zeros((1, 4))
    with pytest.raises(InvalidParameterError, match="set one"):
        Network([Dense(1, "sigmoid")], n_inputs=1).fit(X, Y, schedule="adaptive")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch_size": -1}, "at least 1"),
        ({"epochs": 0}, "at least 1"),
        ({"optimizer": "adm"}, "Did you mean 'adam'"),
        ({"optimizer": "adam", "beta1": 0.5}, "Did you mean 'beta_1'"),
    ],
)
def test_fit_refuses_what_cannot_work(wrong, message):
    X, Y = np.zeros((1, 4)), np.zeros((1, 4))
    with pytest.raises(InvalidParameterError, match=message):
        Network([Dense(1, "sigmoid")], n_inputs=1).fit(X, Y, **wrong)


def test_a_penalty_is_not_negative():
    with pytest.raises(InvalidParameterError, match="alpha must be at least 0"):
        Network([Dense(1, "sigmoid")], n_inputs=1, alpha=-1.0)


def test_float32_all_the_way(XY):
    X, Y = (values.astype(np.float32) for values in XY)
    net = Network([Dense(4, "gelu"), Dense(2, "identity")], n_inputs=5, loss="huber", alpha=0.1, dtype=np.float32)
    pass_ = net.forward(X)
    gradients = net.backward(pass_, Y)
    net.step(gradients, 0.1)
    net.fit(X, Y, epochs=2, batch_size=3, optimizer="adam", weight_decay=0.1, clip_norm=1.0)
    arrays = [*pass_.Z[1:], *pass_.A, *gradients.dZ[1:], *gradients.dW[1:], *gradients.db[1:], net.predict(X)]
    assert {array.dtype for array in (*arrays, *net.W, *net.b)} == {np.dtype(np.float32)}


def test_d23_a_prediction_does_not_depend_on_the_company():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 50))
    net = Network([Dense(30, "relu"), Dense(3, "softmax")], n_inputs=20, loss="categorical_cross_entropy")
    together = net.predict(X)
    alone = np.concatenate([net.predict(X[:, [i]]) for i in range(50)], axis=1)
    np.testing.assert_allclose(alone, together, rtol=1e-12)


def test_parameters_are_views_of_one_vector():
    parameters = Parameters(np.arange(17.0), (3, 2, 3))
    assert parameters.W[1].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert parameters.W[2].tolist() == [[6, 7], [8, 9], [10, 11]]
    assert parameters.b[1].ravel().tolist() == [12, 13]
    assert parameters.b[2].ravel().tolist() == [14, 15, 16]
    assert parameters.theta[parameters.weights].tolist() == list(range(12))
    assert all(np.shares_memory(view, parameters.theta) for view in (*parameters.W[1:], *parameters.b[1:]))


def test_the_summary_counts():
    summary = Network([Dense(16, "relu"), Dense(1, "sigmoid")], n_inputs=10).summary(batch_size=32)
    assert summary.totals["parameters"] == 10 * 16 + 16 + 16 + 1
    assert summary.totals["multiply-adds"] == 32 * (10 * 16 + 16)
    assert summary.totals["bytes"] == 8 * 193
    assert summary.totals["activation bytes"] == 8 * 32 * (10 + 2 * 16 + 2)  # A[0]; Z and A of both layers
    assert "5,632" in str(summary)


@pytest.mark.parametrize(("code", "loads"), [("pass", False), ("activation('gelu').g(np.ones(1))", True)])
def test_scipy_is_imported_on_use_only(code, loads):
    program = (
        f"import sys, numpy as np; from chainrule.network import activation; {code}; print('scipy' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(loads)


def test_a_warm_up_makes_the_first_steps_small():
    X, Y = np.ones((1, 4)), np.ones((1, 4))
    cold = Network([Dense(1, "identity")], n_inputs=1, loss="squared_error", kernel_initializer="zeros")
    warm = Network([Dense(1, "identity")], n_inputs=1, loss="squared_error", kernel_initializer="zeros")
    cold.fit(X, Y, epochs=1, learning_rate=0.1)
    warm.fit(X, Y, epochs=1, learning_rate=0.1, warmup_steps=10)
    assert warm.W[1] == pytest.approx(cold.W[1] / 10, rel=1e-12)
