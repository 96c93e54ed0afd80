"""Examples small enough to do by hand, through the textbook object."""

import math
from dataclasses import replace

import numpy as np
import pytest

from chainrule.network import Dense, Network

X = np.array([[0.05], [0.10]])
Y = np.array([[0.01], [0.99]])
W1, W2, B1, B2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]], 0.35, 0.60


def two_two_two():
    """The 2-2-2 logistic network that many tutorials work through, with squared error.

    They state E = 1/2 Σ (y - a)² summed over the outputs; J is the mean over the outputs, so E = 2 J.
    """
    net = Network([Dense(2, "sigmoid"), Dense(2, "sigmoid")], n_inputs=2, loss="squared_error")
    return net.set_parameters([W1, W2], [[B1, B1], [B2, B2]])


def step_of_weights(net, rate_on_E):
    """One step that leaves the biases alone; a rate on E is twice that rate on J = E / 2."""
    gradients = net.backward(net.forward(X), Y)
    fixed = [None, *(np.zeros_like(db) for db in gradients.db[1:])]
    net.step(replace(gradients, db=fixed), learning_rate=2 * rate_on_E)


def in_plain_python(steps, rate):
    """The same example with floats and loops: E and the outputs after a number of steps."""
    x, y, w1, w2 = [0.05, 0.10], [0.01, 0.99], [row[:] for row in W1], [row[:] for row in W2]

    def logistic(z):
        return 1 / (1 + math.exp(-z))

    def forward():
        h = [logistic(w[0] * x[0] + w[1] * x[1] + B1) for w in w1]
        return h, [logistic(w[0] * h[0] + w[1] * h[1] + B2) for w in w2]

    for _ in range(steps):
        h, a = forward()
        dz2 = [(a[k] - y[k]) * a[k] * (1 - a[k]) for k in range(2)]
        dz1 = [sum(dz2[k] * w2[k][j] for k in range(2)) * h[j] * (1 - h[j]) for j in range(2)]
        w2 = [[w2[k][j] - rate * dz2[k] * h[j] for j in range(2)] for k in range(2)]
        w1 = [[w1[j][i] - rate * dz1[j] * x[i] for i in range(2)] for j in range(2)]
    _, a = forward()
    return sum((a[k] - y[k]) ** 2 / 2 for k in range(2)), a


def test_the_2_2_2_example_forward():
    net = two_two_two()
    pass_ = net.forward(X)
    np.testing.assert_allclose(pass_.Z[1].ravel(), [0.3775, 0.3925], rtol=1e-15)
    np.testing.assert_allclose(pass_.A[1].ravel(), [0.593269992, 0.596884378], atol=5e-10)
    np.testing.assert_allclose(pass_.A[2].ravel(), [0.751365070, 0.772928465], atol=5e-10)
    assert 2 * net.cost(X, Y) == pytest.approx(0.298371109, abs=5e-10)


def test_the_2_2_2_example_backward():
    """The tutorial's dE/dw5 = 0.082167041 and dE/dw1 = 0.000438568; dJ is half of each."""
    net = two_two_two()
    gradients = net.backward(net.forward(X), Y)
    assert 2 * gradients.dW[2][0, 0] == pytest.approx(0.082167041, abs=5e-10)
    assert 2 * gradients.dW[1][0, 0] == pytest.approx(0.000438568, abs=5e-10)


def test_d36_the_2_2_2_example_after_one_step():
    """Updating W[2] before computing dW[1] would give another number here."""
    net = two_two_two()
    step_of_weights(net, 0.5)
    assert 2 * net.cost(X, Y) == pytest.approx(0.2910277737, abs=5e-11)
    np.testing.assert_allclose(net.W[1], [[0.149780716, 0.19956143], [0.24975114, 0.29950229]], atol=5e-9)
    np.testing.assert_allclose(net.W[2], [[0.35891648, 0.408666186], [0.511301270, 0.561370121]], atol=5e-9)
    assert net.b[1].ravel().tolist() == [B1, B1]


def test_the_2_2_2_example_after_ten_thousand_steps():
    net = two_two_two()
    for _ in range(10_000):
        step_of_weights(net, 0.5)
    E, a = in_plain_python(10_000, 0.5)
    np.testing.assert_allclose(net.predict(X).ravel(), [0.01591362, 0.98406427], atol=5e-9)
    np.testing.assert_allclose(net.predict(X).ravel(), a, rtol=1e-10)
    assert 2 * net.cost(X, Y) == pytest.approx(E, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_xor_to_certainty(seed):
    X = np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]])
    Y = np.array([[0.0, 1, 1, 0]])
    net = Network([Dense(8, "tanh"), Dense(1, "sigmoid")], n_inputs=2, seed=seed)
    for _ in range(3000):
        net.step(net.backward(net.forward(X), Y), learning_rate=1.0)
    assert np.abs(net.predict(X) - Y).max() < 0.01


def test_one_neuron_by_hand():
    """w = 1, b = 0, x = 2, y = 1, sigmoid + cross-entropy: dZ = a - y, dW = dZ x, db = dZ."""
    net = Network([Dense(1, "sigmoid")], n_inputs=1).set_parameters([[[1.0]]], [[0.0]])
    gradients = net.backward(net.forward(np.array([[2.0]])), np.array([[1.0]]))
    a = 1 / (1 + math.exp(-2))
    assert gradients.dZ[1].item() == pytest.approx(a - 1, rel=1e-14)
    assert gradients.dW[1].item() == pytest.approx(2 * (a - 1), rel=1e-14)
    assert gradients.db[1].item() == pytest.approx(a - 1, rel=1e-14)


def test_a_step_adds_the_l2_penalty_to_the_gradient_of_the_weights_alone():
    """At x = 0 and y = b the data's gradient is 0: w := w - rate alpha w."""
    net = Network([Dense(1, "identity")], n_inputs=1, loss="squared_error", alpha=0.5)
    net.set_parameters([[[2.0]]], [[3.0]])
    X, Y = np.array([[0.0]]), np.array([[3.0]])
    net.step(net.backward(net.forward(X), Y), learning_rate=0.1)
    assert net.W[1].item() == pytest.approx(1.9, rel=1e-15)
    assert net.b[1].item() == 3.0


def test_a_step_applies_the_l1_penalty_as_a_soft_threshold():
    net = Network([Dense(1, "identity")], n_inputs=2, loss="squared_error", alpha=0.5, l1_ratio=1.0)
    net.set_parameters([[[2.0, 0.4]]], [[3.0]])
    X, Y = np.zeros((2, 1)), np.array([[3.0]])
    net.step(net.backward(net.forward(X), Y), learning_rate=1)
    assert net.W[1].tolist() == [[1.5, 0.0]]


def test_steps_by_hand_are_the_same_as_fit():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(3, 20)), rng.normal(size=(2, 20))
    layers = [Dense(4, "tanh"), Dense(2, "identity")]
    one = Network(layers, n_inputs=3, loss="squared_error", alpha=0.1)
    two = Network(layers, n_inputs=3, loss="squared_error", alpha=0.1)
    for _ in range(25):
        one.step(one.backward(one.forward(X), Y), learning_rate=0.2)
    two.fit(X, Y, epochs=25, learning_rate=0.2, shuffle=False)
    np.testing.assert_allclose(one.parameters.theta, two.parameters.theta, rtol=1e-13)
