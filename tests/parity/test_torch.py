"""Parity with PyTorch in float64: 50 steps of every optimiser, every loss, every activation, masks, schedules."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from chainrule import MLPRegressor
from chainrule.network import Architecture, activation, initial_parameters, loss
from chainrule.network.draws import permutation
from chainrule.network.examples import Examples
from chainrule.network.losses import LOSSES
from chainrule.network.optimizers import OPTIMIZERS, Adagrad, Adam, GradientDescent, Momentum, NAdam, Nesterov, RMSprop
from chainrule.network.penalties import Penalty
from chainrule.network.propagate import backward, forward
from chainrule.network.schedules import Schedule
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory
from chainrule.network.training.lbfgs import train_lbfgs
from chainrule.network.training.segment import Plan, cost_and_gradient, initial_state, run_segment
from chainrule.network.training.setup import Stopping, Training

torch = pytest.importorskip("torch", reason="PyTorch is an oracle only: make test-oracles")
F = torch.nn.functional
pytestmark = pytest.mark.oracle

STEPS, BATCH, M = 50, 10, 64


@pytest.fixture(autouse=True)
def float64():
    """PyTorch's optimisers keep their scalars (NAdam's product of μ) in the default type, which is float32."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


OPTIMIZER_ROWS = {
    "sgd": (GradientDescent(), 0.0, lambda p, w: torch.optim.SGD(p, lr=0.05)),
    "momentum": (Momentum(0.8), 0.0, lambda p, w: torch.optim.SGD(p, lr=0.05, momentum=0.8)),
    "nesterov": (Nesterov(0.9), 0.0, lambda p, w: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True)),
    "rmsprop": (RMSprop(), 0.0, lambda p, w: torch.optim.RMSprop(p, lr=0.05)),
    "adagrad": (Adagrad(), 0.0, lambda p, w: torch.optim.Adagrad(p, lr=0.05)),
    "adam": (Adam(), 0.0, lambda p, w: torch.optim.Adam(p, lr=0.05)),
    "adam-other-betas": (
        Adam(0.8, 0.95, 1e-6),
        0.0,
        lambda p, w: torch.optim.Adam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-6),
    ),
    "nadam": (NAdam(), 0.0, lambda p, w: torch.optim.NAdam(p, lr=0.05)),
    "adamw": (
        Adam(),
        0.1,
        lambda p, w: torch.optim.AdamW(
            [{"params": w, "weight_decay": 0.1}, {"params": p[1::2], "weight_decay": 0}], lr=0.05
        ),
    ),
}


def tensor(values):
    return torch.tensor(np.ascontiguousarray(values), dtype=torch.float64)


def twin(architecture, parameters, activations):
    """The same network as torch modules; parameters in the order W[1], b[1], W[2], b[2], ..."""
    modules = []
    for l in range(1, architecture.L + 1):
        n, p = parameters.W[l].shape
        linear = torch.nn.Linear(p, n, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(tensor(parameters.W[l]))
            linear.bias.copy_(tensor(parameters.b[l].ravel()))
        modules += [linear, *([activations[l - 1]] if l < architecture.L else [])]
    return torch.nn.Sequential(*modules)


def theta_of(net):
    parameters = list(net.parameters())
    return np.concatenate([p.detach().numpy().ravel() for p in (*parameters[::2], *parameters[1::2])])


def gradient_of(net):
    parameters = list(net.parameters())
    return np.concatenate([p.grad.numpy().ravel() for p in (*parameters[::2], *parameters[1::2])])


def relative_error(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def two_hidden_layers(penalty=Penalty()):  # noqa: B008
    rng = np.random.default_rng(0)
    architecture = Architecture((5, 8, 6, 3), (activation("tanh"), activation("gelu")), loss("squared_error"), penalty)
    examples = Examples(rng.normal(size=(5, M)), rng.normal(size=(3, M)))
    parameters = initial_parameters(architecture, seed=0)
    net = twin(architecture, parameters, [torch.nn.Tanh(), torch.nn.GELU()])
    return architecture, parameters, examples, net


def cost_in_torch(net, examples, places, l2):
    """1/2 mean of squares over examples and outputs, plus the penalty on the weights alone."""
    X, Y = tensor(examples.X[:, places].T), tensor(examples.Y[:, places].T)
    weights = list(net.parameters())[::2]
    return F.mse_loss(net(X), Y) / 2 + l2 / 2 * sum((w * w).sum() for w in weights)


@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("name", OPTIMIZER_ROWS)
def test_fifty_steps_of_mini_batches(name, l2):
    optimizer, decay, build = OPTIMIZER_ROWS[name]
    architecture, parameters, examples, net = two_hidden_layers(Penalty(l2))
    plan = Plan(optimizer, BATCH, weight_decay=decay)
    state, steps = initial_state(parameters, plan), -(-M // BATCH)  # seven a epoch, the last one of four examples
    everything = list(net.parameters())
    theirs = build(everything, everything[::2])
    taken = 0
    for epoch in range(8):
        order = permutation(0, epoch, M)
        now = min(steps, STEPS - taken)
        state, _ = run_segment(architecture, plan, state, examples, order[: now * BATCH], np.full(now, 0.05))
        for i in range(now):
            theirs.zero_grad()
            cost_in_torch(net, examples, order[i * BATCH : (i + 1) * BATCH], l2).backward()
            theirs.step()
        taken += now
    assert state.step == STEPS
    assert relative_error(state.parameters.theta, theta_of(net)) < 1e-10


def test_every_optimizer_has_its_row():
    assert {row[0].name for row in OPTIMIZER_ROWS.values()} == set(OPTIMIZERS)


def test_lbfgs_reaches_the_same_optimum():
    """A strictly convex problem: one layer, cross-entropy, L2."""
    rng = np.random.default_rng(0)
    architecture = Architecture((5, 3), (), loss("categorical_cross_entropy"), Penalty(0.05))
    examples = Examples(rng.normal(size=(5, M)), np.eye(3)[:, rng.integers(0, 3, M)])
    parameters = initial_parameters(architecture, seed=0)
    training = Training(
        architecture,
        Plan(),
        InMemory(examples, segment),
        Schedule("constant", 1.0, 1, 1, M),
        Stopping(1000, tol=1e-10),
    )
    state, _ = train_lbfgs(training, initial_state(parameters, Plan()))
    net = twin(architecture, parameters, [])
    X, Y = tensor(examples.X.T), tensor(examples.Y.T)
    solver = torch.optim.LBFGS(
        net.parameters(), max_iter=1000, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        solver.zero_grad()
        cost = F.cross_entropy(net(X), Y) + 0.025 * (net[0].weight ** 2).sum()
        cost.backward()
        return cost

    solver.step(closure)
    mine, theirs = state.parameters.W[1], net[0].weight.detach().numpy()
    assert relative_error(mine, theirs) < 1e-6
    assert cost_and_gradient(architecture, state.parameters, examples)[0] == pytest.approx(closure().item(), rel=1e-12)


# Ours, the kind of target, theirs as a mean over examples (and over outputs where there are several).
LOSS_ROWS = {
    "binary_cross_entropy": ({}, "label", lambda z, y: F.binary_cross_entropy_with_logits(z, y)),
    "categorical_cross_entropy": ({}, "one-hot", lambda z, y: F.cross_entropy(z, y)),
    "categorical_cross_entropy smooth": (
        {"label_smoothing": 0.1},
        "one-hot",
        lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1),
    ),
    "binary_focal": ({}, "label", lambda z, y: focal(torch.sigmoid((2 * y - 1) * z)).mean()),
    "categorical_focal": ({}, "one-hot", lambda z, y: focal((torch.softmax(z, 1) * y).sum(1)).mean()),
    "hinge": ({}, "label", lambda z, y: torch.relu(1 - (2 * y - 1) * z).mean()),
    "squared_error": ({}, "real", lambda z, y: F.mse_loss(z, y) / 2),
    "absolute_error": ({}, "real", lambda z, y: F.l1_loss(z, y)),
    "huber": ({"delta": 0.7}, "real", lambda z, y: F.huber_loss(z, y, delta=0.7)),
    "log_cosh": ({}, "real", lambda z, y: torch.log(torch.cosh(z - y)).mean()),
    "quantile": ({"quantile": 0.8}, "real", lambda z, y: torch.maximum(0.8 * (y - z), 0.2 * (z - y)).mean()),
    "quantiles": ({}, "real", lambda z, y: pinballs(z, y, torch.arange(1, z.shape[1] + 1) / (z.shape[1] + 1))),
    "poisson": ({}, "count", lambda z, y: F.poisson_nll_loss(z, y) + (torch.xlogy(y, y) - y).mean()),
    "gamma": ({}, "positive", lambda z, y: (torch.log(z.exp() / y) + y / z.exp() - 1).mean()),
    "tweedie": (
        {},
        "positive",
        lambda z, y: (-4 * y**0.5 + 2 * y * torch.exp(-z / 2) + 2 * torch.exp(z / 2)).mean(),
    ),
}


def pinballs(z, y, q):
    """Ascending outputs, one example per row: the middle one, and from there running sums of softplus gaps."""
    c, gaps = (z.shape[1] - 1) // 2, F.softplus(z, threshold=1e6)
    below = z[:, [c]] - torch.cumsum(gaps[:, :c].flip(1), dim=1).flip(1)
    a = torch.cat([below, z[:, [c]], z[:, [c]] + torch.cumsum(gaps[:, c + 1 :], dim=1)], dim=1)
    return torch.maximum(q * (y - a), (q - 1) * (y - a)).mean()


def focal(p):
    return -((1 - p) ** 2) * torch.log(p)


def targets(kind, rng, n, m):
    if kind == "one-hot":
        return np.eye(n)[:, rng.integers(0, n, m)]
    if kind == "label":
        return rng.integers(0, 2, (n, m)).astype(float)
    if kind == "count":
        return rng.poisson(2.0, (n, m)).astype(float)
    return rng.gamma(2.0, size=(n, m)) + 0.1 if kind == "positive" else rng.normal(size=(n, m))


@pytest.mark.parametrize(
    ("row", "n"), [(row, n) for row in LOSS_ROWS for n in (1, 3) if (LOSS_ROWS[row][1], n) != ("one-hot", 1)]
)
def test_cost_and_gradient_of_every_loss(row, n):
    parameters_of_loss, kind, theirs = LOSS_ROWS[row]
    rng = np.random.default_rng(1)
    pair = loss(row.split()[0], **parameters_of_loss)
    architecture = Architecture((4, 7, 5, n), (activation("silu"), activation("mish")), pair)
    parameters = initial_parameters(architecture, seed=0, bias_initializer="he_normal")
    examples = Examples(rng.normal(size=(4, 40)), targets(kind, rng, n, 40))
    cost, gradient = cost_and_gradient(architecture, parameters, examples)
    net = twin(architecture, parameters, [torch.nn.SiLU(), torch.nn.Mish()])
    cost_in_torch = theirs(net(tensor(examples.X.T)), tensor(examples.Y.T))
    cost_in_torch.backward()
    assert cost == pytest.approx(cost_in_torch.item(), rel=1e-12)
    assert relative_error(gradient, gradient_of(net)) < 1e-11


def test_every_loss_has_its_row():
    assert {row.split()[0] for row in LOSS_ROWS} == set(LOSSES)


ACTIVATION_ROWS = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": lambda z: F.softplus(z, threshold=1e6),
    "mish": lambda z: z * torch.tanh(F.softplus(z, threshold=1e6)),
    "hard_tanh": F.hardtanh,
    "exponential": torch.exp,
}


@pytest.mark.parametrize("name", ACTIVATION_ROWS)
def test_every_activation_and_its_derivative(name):
    z = np.concatenate([np.linspace(-30, 30, 601), [0.0, 1.0, -1.0]])
    t = torch.tensor(z, requires_grad=True)
    a = ACTIVATION_ROWS[name](t)
    a.sum().backward()
    g = activation(name)
    np.testing.assert_allclose(g.g(z), a.detach().numpy(), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(g.g_prime(z), t.grad.numpy(), rtol=1e-12, atol=1e-14)


def test_the_gradient_under_the_same_dropout_masks():
    architecture, parameters, examples, net = two_hidden_layers()
    rng = np.random.default_rng(2)
    masks = [None, (rng.random((8, M)) > 0.3) / 0.7, (rng.random((6, M)) > 0.5) / 0.5]
    gradients = backward(architecture, parameters, forward(architecture, parameters, examples.X, masks), examples.Y)
    A = tensor(examples.X.T)
    for l, module in ((1, net[:2]), (2, net[2:4])):
        A = module(A) * tensor(masks[l].T)
    (F.mse_loss(net[4](A), tensor(examples.Y.T)) / 2).backward()
    mine = np.concatenate([part.ravel() for part in (*gradients.dW[1:], *gradients.db[1:])])
    assert relative_error(mine, gradient_of(net)) < 1e-12


def test_clipping_by_norm():
    architecture, parameters, examples, net = two_hidden_layers()
    plan = Plan(GradientDescent(), M, clip_norm=0.05)
    state, totals = run_segment(
        architecture, plan, initial_state(parameters, plan), examples, np.arange(M), np.array([0.1])
    )
    cost_in_torch(net, examples, np.arange(M), 0.0).backward()
    length = torch.nn.utils.clip_grad_norm_(net.parameters(), 0.05)
    assert totals.gradient_norm == pytest.approx(length.item(), rel=1e-12)
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    np.testing.assert_allclose(state.parameters.theta, theta_of(net), rtol=1e-5, atol=1e-8)  # theirs adds 1e-6


@pytest.mark.parametrize("name", ["cosine", "one_cycle"])
def test_schedules(name):
    steps = 1000
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.8)
    theirs = (
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        if name == "cosine"
        else torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.8, total_steps=steps)
    )
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < steps:
            theirs.step()
    mine = Schedule(name, 0.8, 10, steps, 10).rates(0, steps)
    # Their one-cycle reaches its ends one step earlier: it divides by steps - 1.
    np.testing.assert_allclose(mine, rates, rtol=1e-9, atol=1e-12 if name == "cosine" else 0.003)


class Quartic:
    """(z - y)^4, summed over the outputs."""

    def loss(self, y, z):
        return ((z - y) ** 4).sum(axis=1)

    def gradient(self, y, z):
        return 4 * (z - y) ** 3

    def inverse_link(self, z):
        return z


class Snake:
    """z + sin² z."""

    def forward(self, Z):
        return Z + np.sin(Z) ** 2

    def backward(self, Z, A, dA):
        return dA * (1 + np.sin(2 * Z))


class SnakeInTorch(torch.nn.Module):
    """Its derivative is PyTorch's to find."""

    def forward(self, z):
        return z + torch.sin(z) ** 2


@pytest.mark.parametrize(
    "own",
    ["z + sin(z)**2", (Snake().forward, lambda Z: 1 + np.sin(2 * Z)), Snake()],
    ids=["formula", "functions", "object"],
)
def test_fifty_steps_with_an_activation_and_a_loss_of_ones_own(own):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(M, 5)), rng.normal(size=(M, 2))
    model = MLPRegressor(
        (8, 6),
        activation=own,
        loss=Quartic(),
        solver="adam",
        learning_rate_init=0.01,
        batch_size=M,
        alpha=0.0,
        max_iter=STEPS,
        n_iter_no_change=np.inf,
        restore_best_weights=False,
        engine="reference",
        random_state=0,
    )
    start = model.initialize(5, n_outputs=2).network_
    net = twin(start.architecture, start.state.parameters, [SnakeInTorch(), SnakeInTorch()])
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(STEPS):
        optimizer.zero_grad()
        ((net(tensor(X)) - tensor(Y)) ** 4).sum(dim=1).mean().backward()
        optimizer.step()
    with pytest.warns(ConvergenceWarning):
        model.fit(X, Y)
    assert relative_error(model.network_.parameters.theta, theta_of(net)) < 1e-10
