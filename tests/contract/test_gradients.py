"""The gradient of the whole network against finite differences of the cost it reports (traps D1, D2, D37, D38)."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule.network import Architecture, Parameters, activation, initial_parameters, loss
from chainrule.network.dropout import dropout_masks
from chainrule.network.examples import Examples
from chainrule.network.parameters import flatten
from chainrule.network.penalties import Penalty
from chainrule.network.propagate import backward, forward
from chainrule.network.training.segment import cost_and_gradient, mean_loss

from .cases import ACTIVATION_CASES, LOSS_CASES, LOSSES_AND_OUTPUTS

FAR = 0.01  # no logit and no loss may be nearer to a kink than this
HIDDEN = [case for case in ACTIVATION_CASES if case.name != "exponential"]


def slopes(cost, theta, h=1e-4):
    """The gradient of cost(theta), coordinate by coordinate, by fourth-order central differences."""
    numeric = np.empty_like(theta)
    for i in range(len(theta)):
        values = []
        for t in (-2, -1, 1, 2):
            moved = theta.copy()
            moved[i] += t * h
            values.append(cost(moved))
        numeric[i] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    return numeric


def relative_error(a, b):
    return np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b), 1e-8)


def problem(case, g, n, m=6):
    """A 2-3-n network and examples, drawn until nothing is near a kink."""
    architecture = Architecture((2, 3, n), (activation(g.spec),), case.loss)
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        X, Y = rng.normal(size=(2, m)), case.targets(rng, n, m)
        parameters = initial_parameters(architecture, seed=seed, bias_initializer="glorot_normal")
        Z = forward(architecture, parameters, X).Z
        near_jump = any(np.any(np.abs(Z[1] - z) < FAR) for z in (*g.jumps, 0.0))
        near_kink = case.kinks is not None and np.any(case.kinks(case.loss.output.g(Z[2]), Y) < FAR)
        if not (near_jump or near_kink):
            weights = rng.uniform(0.2, 3.0, m)
            return architecture, parameters, X, Y, weights
    raise AssertionError("no draw keeps away from the kinks")


@pytest.mark.one_in(9)
@pytest.mark.parametrize("g", HIDDEN, ids=str)
@pytest.mark.parametrize(("case", "n"), LOSSES_AND_OUTPUTS, ids=str)
def test_d1_gradient_is_the_derivative_of_the_reported_loss(case, g, n):
    plain, parameters, X, Y, weights = problem(case, g, n)
    for penalty in (Penalty(), Penalty(alpha=0.3)):
        for w in (None, weights):
            architecture, examples = replace(plain, penalty=penalty), Examples(X, Y, w)
            _, gradient = cost_and_gradient(architecture, parameters, examples)

            def cost(theta, architecture=architecture, examples=examples):
                at = replace(parameters, theta=theta)
                return cost_and_gradient(architecture, at, examples)[0]

            assert relative_error(gradient, slopes(cost, parameters.theta)) < 1e-9


@pytest.mark.parametrize("weighted", [False, True])
def test_the_reported_cost_is_the_formula(weighted):
    """J = Σ w L / Σ w + alpha/2 Σ W², biases apart, computed here with loops over examples."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(2, 5)), rng.normal(size=(2, 5))
    w = rng.uniform(0.5, 2, 5) if weighted else np.ones(5)
    architecture = Architecture((2, 3, 2), (activation("tanh"),), loss("squared_error"), Penalty(alpha=0.7))
    parameters = initial_parameters(architecture, seed=0, bias_initializer="he_normal")
    W, b = parameters.W, parameters.b
    total = 0.0
    for i in range(5):
        a = W[2] @ np.tanh(W[1] @ X[:, [i]] + b[1]) + b[2]
        total += w[i] * sum(0.5 * (a[k, 0] - Y[k, i]) ** 2 for k in range(2)) / 2
    expected = total / w.sum() + 0.35 * sum(float((W[l] ** 2).sum()) for l in (1, 2))
    examples = Examples(X, Y, w if weighted else None)
    assert cost_and_gradient(architecture, parameters, examples)[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("g", ["tanh", "relu", "selu"])
@pytest.mark.parametrize("name", ["binary_cross_entropy", "squared_error", "categorical_cross_entropy"])
def test_the_gradient_under_frozen_dropout_masks(name, g):
    rng = np.random.default_rng(1)
    case = next(case for case in LOSS_CASES if case.name == name)
    X, Y = rng.normal(size=(4, 8)), case.targets(rng, 2, 8)
    architecture = Architecture((4, 6, 5, 2), (activation(g), activation(g)), case.loss, dropout=(0.2, 0.5, 0.4))
    parameters = initial_parameters(architecture, seed=2, bias_initializer="glorot_normal")
    keys = np.arange(8, dtype=np.uint64)
    masks = dropout_masks(architecture.dropout, architecture.widths, keys, seed=3, step=0, dtype=np.dtype("f8"))
    assert all(0 < (mask == 0).mean() < 1 for mask in masks)

    def cost(theta):
        pass_ = forward(architecture, replace(parameters, theta=theta), X, masks)
        return float(architecture.loss.per_example(pass_.Z[-1], Y).mean())

    gradients = backward(architecture, parameters, forward(architecture, parameters, X, masks), Y)
    gradient = flatten(gradients.dW[1:], gradients.db[1:])
    assert relative_error(gradient, slopes(cost, parameters.theta, h=1e-5)) < 1e-6


@pytest.mark.parametrize("widths", [(3, 1), (3, 2), (3, 4, 1), (3, 5, 4, 3, 2), (1, 1, 1, 1)], ids=str)
def test_the_gradient_at_every_depth(widths):
    rng = np.random.default_rng(2)
    hidden = tuple(activation(g) for g in ("tanh", "mish", "gelu")[: len(widths) - 2])
    architecture = Architecture(widths, hidden, loss("log_cosh"), Penalty(alpha=0.1))
    parameters = initial_parameters(architecture, seed=0, bias_initializer="he_normal")
    examples = Examples(rng.normal(size=(widths[0], 7)), rng.normal(size=(widths[-1], 7)))
    _, gradient = cost_and_gradient(architecture, parameters, examples)

    def cost(theta):
        return cost_and_gradient(architecture, Parameters(theta, widths), examples)[0]

    assert relative_error(gradient, slopes(cost, parameters.theta, h=1e-3)) < 1e-9


def test_dZ_and_dA_are_the_derivatives_too_and_carry_no_mean():
    """dZ[l] and dA[l] of example i are derivatives of its own loss L_i, not of the mean: no 1/m in them."""
    rng = np.random.default_rng(3)
    m, h = 4, 1e-5
    architecture = Architecture((2, 3, 1), (activation("sigmoid"),), loss("squared_error"))
    parameters = initial_parameters(architecture, seed=0)
    X, Y = rng.normal(size=(2, m)), rng.normal(size=(1, m))
    pass_ = forward(architecture, parameters, X)
    gradients = backward(architecture, parameters, pass_, Y)
    W, b = parameters.W, parameters.b

    def losses_from_A1(A1):
        return architecture.loss.per_example(W[2] @ A1 + b[2], Y)

    def losses_from_Z1(Z1):
        return losses_from_A1(1 / (1 + np.exp(-Z1)))

    for k in range(3):
        e = h * np.eye(3)[:, [k]]
        np.testing.assert_allclose(
            gradients.dA[1][k], (losses_from_A1(pass_.A[1] + e) - losses_from_A1(pass_.A[1] - e)) / (2 * h), atol=1e-9
        )
        np.testing.assert_allclose(
            gradients.dZ[1][k], (losses_from_Z1(pass_.Z[1] + e) - losses_from_Z1(pass_.Z[1] - e)) / (2 * h), atol=1e-9
        )


def test_a_large_table_is_summed_over_chunks():
    """Cost and gradient of 5,000 examples (more than one chunk) are the weighted means of their parts'."""
    rng = np.random.default_rng(4)
    X, Y, w = rng.normal(size=(2, 5000)), rng.normal(size=(1, 5000)), rng.uniform(0.1, 2, 5000)
    architecture = Architecture((2, 4, 1), (activation("tanh"),), loss("squared_error"))
    parameters = initial_parameters(architecture, seed=0)
    cost, gradient = cost_and_gradient(architecture, parameters, Examples(X, Y, w))
    parts = [slice(0, 1000), slice(1000, 5000)]
    each = [cost_and_gradient(architecture, parameters, Examples(X[:, s], Y[:, s], w[s])) for s in parts]
    share = np.array([w[s].sum() for s in parts]) / w.sum()
    assert cost == pytest.approx(share @ [c for c, _ in each], rel=1e-13)
    np.testing.assert_allclose(gradient, share[0] * each[0][1] + share[1] * each[1][1], rtol=1e-10, atol=1e-14)
    assert mean_loss(architecture, parameters, Examples(X, Y, w)) == pytest.approx(cost, rel=1e-15)
