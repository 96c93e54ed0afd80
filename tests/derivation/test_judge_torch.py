"""Gradients of PyTorch's autograd are right, in float64 and in float32; slightly wrong ones are not."""

import numpy as np
import pytest

from chainrule import Dense, Network, check_gradients
from chainrule._errors import ChainruleError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: make test-oracles")
pytestmark = pytest.mark.oracle

HIDDEN = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.01),
    "elu": torch.nn.functional.elu,
    "selu": torch.selu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    "softplus": torch.nn.functional.softplus,
    "mish": torch.nn.functional.mish,
    "hard_tanh": torch.nn.functional.hardtanh,
}
OUTPUTS = [
    ("identity", "squared_error", lambda z, y: ((z - y) ** 2 / 2).mean()),
    ("sigmoid", "binary_cross_entropy", torch.nn.functional.binary_cross_entropy_with_logits),
    ("softmax", "categorical_cross_entropy", torch.nn.functional.cross_entropy),
    ("identity", "absolute_error", torch.nn.functional.l1_loss),
    ("identity", "huber", torch.nn.functional.huber_loss),
]


def posed(seed):
    """A network of 1 to 8 layers, examples, and the cost in PyTorch."""
    draw = np.random.default_rng(seed)
    output, loss, cost = OUTPUTS[seed % len(OUTPUTS)]
    names = [list(HIDDEN)[k] for k in draw.integers(len(HIDDEN), size=seed % 8)]
    n = 3 if output == "softmax" else int(draw.integers(1, 4))
    layers = [*(Dense(int(draw.integers(2, 129)), name) for name in names), Dense(n, output)]
    net = Network(layers, n_inputs=5, loss=loss, seed=seed)
    spread = 0.1 * (seed % 2)
    W = [w + spread * draw.normal(size=w.shape) for w in net.W[1:]]
    net.set_parameters(W, [0.3 * draw.normal(size=b.shape) for b in net.b[1:]])
    m = int(draw.integers(2, 80))
    Y = np.eye(3)[:, draw.integers(3, size=m)] if n == 3 and output == "softmax" else draw.normal(size=(n, m))
    return net, names, draw.normal(size=(5, m)), (Y > 0) * 1.0 if output == "sigmoid" else Y, cost


def autograd(net, names, X, Y, cost, dtype):
    W, b = ([torch.tensor(v, dtype=dtype, requires_grad=True) for v in vs[1:]] for vs in (net.W, net.b))
    A = torch.tensor(X.T, dtype=dtype)
    for name, w, v in zip([*names, None], W, b, strict=True):
        A = A @ w.T + v.T
        A = HIDDEN[name](A) if name else A
    cost(A, torch.tensor(Y.T, dtype=dtype)).backward()
    return [w.grad for w in W], [v.grad for v in b]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_autograds_gradients_are_right_and_wrong_ones_are_not(dtype, monkeypatch):
    monkeypatch.setattr("chainrule.derivation.judge.gradient_judge.KINDS", {})
    monkeypatch.setattr("chainrule.derivation.judge.laboratory.KINDS", {})
    for seed in range(60):
        net, names, X, Y, cost = posed(seed)
        dW, db = autograd(net, names, X, Y, cost, dtype)
        verdict = check_gradients(net, X, Y, dW=dW, db=db)
        assert verdict.ok, (seed, str(verdict), names)
        wrong = [d.clone() for d in dW]
        wrong[seed % len(dW)] *= 1 + 2e-4
        assert not check_gradients(net, X, Y, dW=wrong, db=db).ok


def test_half_precision_is_refused():
    net, names, X, Y, cost = posed(1)
    dW, _ = autograd(net, names, X, Y, cost, torch.float32)
    for dtype in (torch.float16, torch.bfloat16):
        with pytest.raises(ChainruleError, match="compute the gradients in float64"):
            check_gradients(net, X, Y, dW=[d.to(dtype) for d in dW])


def test_jax_is_right_at_a_corner_where_it_takes_the_mean():
    jax = pytest.importorskip("jax", reason="JAX is not installed: make test-oracles")
    jnp = jax.numpy
    net = Network([Dense(4, "relu"), Dense(1, "sigmoid")], n_inputs=2, seed=2)
    X, Y = np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]]), np.array([[0.0, 1, 1, 0]])

    def cost(W, b):
        z = W[1] @ jnp.maximum(W[0] @ X + b[0], 0) + b[1]
        return jnp.mean(jnp.logaddexp(0, z) - Y * z)

    W, b = ([jnp.asarray(v, jnp.float32) for v in vs[1:]] for vs in (net.W, net.b))
    dW, db = jax.grad(cost, argnums=(0, 1))(W, b)
    assert check_gradients(net, X, Y, dW=dW, db=db).ok
    assert not check_gradients(net, X, Y, dW=[d * 1.001 for d in dW], db=db).ok
    with pytest.raises(ChainruleError, match="is bfloat16"):
        check_gradients(net, X, Y, dW=[d.astype(jnp.bfloat16) for d in dW])
