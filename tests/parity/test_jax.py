"""Gradients of several networks against JAX's reverse mode, in float64."""

from itertools import pairwise

import numpy as np
import pytest

from chainrule.network import Architecture, Parameters, activation, initial_parameters, loss
from chainrule.network.examples import Examples
from chainrule.network.penalties import Penalty
from chainrule.network.training.segment import cost_and_gradient

jax = pytest.importorskip("jax", reason="JAX is an oracle only: make test-oracles")
pytestmark = pytest.mark.oracle


@pytest.fixture(autouse=True)
def float64():
    """Only here: the setting is global."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def cost_in_jax(widths, functions, loss_of_example, l2, weights):
    """J as a function of the flat vector θ, in the layout of `Parameters`."""
    jnp = jax.numpy

    def cost(theta, X, Y):
        W, b, at = [], [], 0
        for p, n in pairwise(widths):
            W.append(theta[at : at + n * p].reshape(n, p))
            at += n * p
        for n in widths[1:]:
            b.append(theta[at : at + n].reshape(n, 1))
            at += n
        A = X
        for l, w in enumerate(W):
            Z = w @ A + b[l]
            A = functions[l](Z) if l < len(functions) else Z
        return jnp.average(loss_of_example(Z, Y), weights=weights) + l2 / 2 * sum((w * w).sum() for w in W)

    return cost


NETS = {
    "linear": ((4, 1), [], "squared_error", 0.0),
    "sigmoid-bce": ((4, 6, 1), ["sigmoid"], "binary_cross_entropy", 0.1),
    "relu-softmax": ((4, 8, 8, 3), ["relu", "relu"], "categorical_cross_entropy", 0.01),
    "deep": ((4, 6, 5, 6, 5, 2), ["tanh", "selu", "gelu", "softplus"], "squared_error", 0.05),
    "poisson": ((4, 7, 3), ["elu"], "poisson", 0.0),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_cost_and_gradient(name, weighted):
    widths, hidden, loss_name, l2 = NETS[name]
    jnp, nn = jax.numpy, jax.nn
    functions = {
        "sigmoid": nn.sigmoid,
        "relu": nn.relu,
        "tanh": jnp.tanh,
        "selu": nn.selu,
        "gelu": lambda z: nn.gelu(z, approximate=False),
        "softplus": nn.softplus,
        "elu": nn.elu,
    }
    losses = {
        "squared_error": lambda Z, Y: ((Z - Y) ** 2 / 2).mean(axis=0),
        "binary_cross_entropy": lambda Z, Y: (nn.softplus(Z) - Y * Z).mean(axis=0),
        "categorical_cross_entropy": lambda Z, Y: -(Y * nn.log_softmax(Z, axis=0)).sum(axis=0),
        "poisson": lambda Z, Y: (jnp.exp(Z) - Y * Z + jax.scipy.special.xlogy(Y, Y) - Y).mean(axis=0),
    }
    rng, m, n = np.random.default_rng(0), 30, widths[-1]
    X = rng.normal(size=(widths[0], m))
    Y = {
        "squared_error": rng.normal(size=(n, m)),
        "binary_cross_entropy": rng.integers(0, 2, (n, m)).astype(float),
        "categorical_cross_entropy": np.eye(n)[:, rng.integers(0, n, m)],
        "poisson": rng.poisson(2.0, (n, m)).astype(float),
    }[loss_name]
    weights = rng.uniform(0.1, 2, m) if weighted else None
    architecture = Architecture(widths, tuple(activation(g) for g in hidden), loss(loss_name), Penalty(l2))
    theta = initial_parameters(architecture, seed=0, bias_initializer="he_normal").theta
    cost, gradient = cost_and_gradient(architecture, Parameters(theta, widths), Examples(X, Y, weights))
    theirs = cost_in_jax(widths, [functions[g] for g in hidden], losses[loss_name], l2, weights)
    their_cost, their_gradient = jax.value_and_grad(theirs)(jnp.asarray(theta), X, Y)
    assert cost == pytest.approx(float(their_cost), rel=1e-12)
    assert np.linalg.norm(gradient - their_gradient) < 1e-11 * np.linalg.norm(their_gradient)
