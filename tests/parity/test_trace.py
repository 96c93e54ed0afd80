"""Traces of 300 random networks against PyTorch's reverse mode, in float64: every W, b, Z and A has its derivative."""

import numpy as np
import pytest

from chainrule.derivation.tracing.trace import trace_of

from ..derivation.networks import random_problem

torch = pytest.importorskip("torch", reason="PyTorch is an oracle only: make test-oracles")
F = torch.nn.functional
pytestmark = pytest.mark.oracle

ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.01),
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": lambda z: F.softplus(z, threshold=1e6),
    "mish": lambda z: z * torch.tanh(F.softplus(z, threshold=1e6)),  # F.mish approximates from 20 on
    "hard_tanh": F.hardtanh,
    "exponential": torch.exp,
    "softmax": lambda z: torch.softmax(z, dim=0),
    "ascending": lambda z: ascending(z),
}


def ascending(z):
    """The middle output as it is; from there, running sums of softplus gaps upwards and downwards."""
    c, gaps = (len(z) - 1) // 2, F.softplus(z, threshold=1e6)
    below = z[c] - torch.cumsum(gaps[:c].flip(0), dim=0).flip(0)
    return torch.cat([below, z[c : c + 1], z[c] + torch.cumsum(gaps[c + 1 :], dim=0)])


def equal_shares(a, y):
    """The pinball loss of n outputs for the quantiles k / (n + 1)."""
    q = torch.arange(1, len(a) + 1, dtype=torch.float64)[:, None] / (len(a) + 1)
    return torch.maximum(q * (y - a), (q - 1) * (y - a))


def focal(p, y, gamma=2.0):
    """Lin et al. (2017), from the probability of the true class."""
    return -y * (1 - p) ** gamma * torch.log(p)


# The loss of each output of each example, from the prediction A[L] alone.
LOSSES = {
    "categorical_cross_entropy": lambda a, y: -y * torch.log(a),
    "binary_focal": lambda a, y: focal(a, y) + focal(1 - a, 1 - y),
    "categorical_focal": focal,
    "hinge": lambda a, y: F.relu(1 - (2 * y - 1) * a),
    "squared_error": lambda a, y: F.mse_loss(a, y, reduction="none") / 2,
    "absolute_error": lambda a, y: F.l1_loss(a, y, reduction="none"),
    "huber": lambda a, y: F.huber_loss(a, y, reduction="none"),
    "log_cosh": lambda a, y: torch.log(torch.cosh(a - y)),
    "quantile": lambda a, y: torch.maximum(0.5 * (y - a), -0.5 * (y - a)),
    "quantiles": equal_shares,
    "poisson": lambda a, y: y * torch.log(y / a) - y + a,
    "gamma": lambda a, y: torch.log(a / y) + y / a - 1,
    "tweedie": lambda a, y: y**0.5 / (-0.5 * 0.5) - y * a**-0.5 / -0.5 + a**0.5 / 0.5,
}


def tensor(values):
    return torch.tensor(np.ascontiguousarray(values), dtype=torch.float64, requires_grad=True)


def in_torch(problem):
    """J, and every tensor on the way with its gradient kept."""
    architecture, parameters = problem.architecture, problem.parameters
    W, b = ([None, *map(tensor, part[1:])] for part in (parameters.W, parameters.b))
    masks = problem.masks or [None] * (architecture.L + 1)
    A, Z = [torch.tensor(problem.X * (1 if masks[0] is None else masks[0]))], [None]
    for l in range(1, architecture.L + 1):
        Z.append(W[l] @ A[l - 1] + b[l])
        a = ACTIVATIONS[architecture.g[l].name](Z[l])
        A.append(a if l == architecture.L or masks[l] is None else a * torch.tensor(masks[l]))
        Z[l].retain_grad()
        A[l].retain_grad()
    Y = torch.tensor(problem.Y)
    if architecture.loss.name == "binary_cross_entropy":  # from A[L] it would lose digits as a nears 1
        terms = F.binary_cross_entropy_with_logits(Z[-1], Y, reduction="none")
    else:
        terms = LOSSES[architecture.loss.name](A[-1], Y)
    losses = terms.sum(dim=0) if architecture.loss.sums_outputs else terms.mean(dim=0)
    weights = torch.ones(problem.m) if problem.weights is None else torch.tensor(problem.weights)
    penalty = sum(architecture.penalty.l1 * w.abs().sum() + architecture.penalty.l2 / 2 * (w * w).sum() for w in W[1:])
    cost = (weights * losses).sum() / weights.sum() + penalty
    cost.backward()
    return cost, W, b, Z, A


def error(ours, theirs, terms=0.0):
    """Relative to the largest entry; of a sum whose terms cancel but for rounding, to a millionth of the largest."""
    theirs = np.zeros_like(ours) if theirs is None else theirs.detach().numpy()
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-6 * np.max(np.abs(terms)), 1e-12))


@pytest.mark.parametrize("first", range(0, 300, 30))
def test_every_gradient_of_a_trace(first):
    worst = 0.0
    for seed in range(first, first + 30):
        problem = random_problem(seed)
        trace = trace_of(problem)
        cost, W, b, Z, A = in_torch(problem)
        m, L = problem.m, trace.L
        assert trace.cost == pytest.approx(
            cost.item(), rel=1e-8
        )  # log(1 - a) loses digits as a nears 1; ours is from Z
        errors = [error(trace.A[l], A[l]) for l in range(1, L + 1)]
        errors += [error(trace.dW[l], W[l].grad) for l in range(1, L + 1)]
        errors += [error(trace.db[l], b[l].grad, trace.dZ[l]) for l in range(1, L + 1)]
        errors += [error(trace.dZ[l], m * Z[l].grad) for l in range(1, L + 1)]
        errors += [error(trace.dA[l], m * A[l].grad) for l in range(1, L + 1) if A[l].grad is not None]
        worst = max(worst, *errors)
        assert max(errors) < 1e-9, (seed, problem.architecture)
    print(f"worst relative error, networks {first} to {first + 29}: {worst:.1e}")
