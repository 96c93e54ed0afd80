"""Embeddings beside PyTorch's in float64: the gradient, and 50 steps of SGD, Adam and AdamW (it decays weights)."""

import numpy as np
import pytest

from chainrule.network import Architecture, activation, initial_parameters, loss
from chainrule.network.draws import permutation
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.optimizers import Adam, GradientDescent
from chainrule.network.training.segment import Plan, cost_and_gradient, initial_state, run_segment

torch = pytest.importorskip("torch", reason="PyTorch is an oracle only: make test-oracles")
pytestmark = pytest.mark.oracle

STEPS, BATCH = 50, 8
NUMBERS, CODES = [0, 2], [1, 3]
EMBEDDINGS = (
    Embedding(column=1, levels=6, size=3),
    Embedding(column=3, levels=40, size=2),
)  # most of these never occur


class Twin(torch.nn.Module):
    """Two `nn.Embedding` beside two numbers, a hidden layer, a logit."""

    def __init__(self, parameters):
        super().__init__()
        embeddings = [torch.nn.Embedding(e.levels, e.size) for e in EMBEDDINGS]
        linears = [torch.nn.Linear(*W.shape[::-1]) for W in parameters.W[1:]]
        self.embeddings, self.linears = torch.nn.ModuleList(embeddings), torch.nn.ModuleList(linears)
        theirs = [linear.weight for linear in linears] + [linear.bias for linear in linears]
        mine = parameters.W[1:] + [b.ravel() for b in parameters.b[1:]] + [E.T for E in parameters.E]
        self.in_order = theirs + [embedding.weight for embedding in embeddings]
        for parameter, values in zip(self.in_order, mine, strict=True):
            parameter.data = torch.tensor(np.ascontiguousarray(values))

    def forward(self, X):
        looked_up = [embed(X[:, column].long()) for embed, column in zip(self.embeddings, CODES, strict=True)]
        hidden = torch.tanh(self.linears[0](torch.hstack([X[:, NUMBERS], *looked_up])))
        return self.linears[1](hidden)

    def theta(self):
        return np.concatenate([parameter.detach().numpy().ravel() for parameter in self.in_order])


def pair():
    draw = np.random.default_rng(0)
    X = np.vstack([draw.normal(size=40), draw.integers(0, 6, 40), draw.normal(size=40), draw.integers(0, 40, 40)])
    examples = Examples(X, draw.integers(0, 2, (1, 40)).astype(float))
    architecture = Architecture((7, 5, 1), (activation("tanh"),), loss("binary_cross_entropy"), embeddings=EMBEDDINGS)
    parameters = initial_parameters(architecture, seed=1)
    return architecture, parameters, examples, Twin(parameters)


def cost(net, examples, places):
    X, Y = (torch.tensor(np.ascontiguousarray(part[:, places].T)) for part in (examples.X, examples.Y))
    return torch.nn.functional.binary_cross_entropy_with_logits(net(X), Y)


def relative_error(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def test_the_gradient_is_theirs():
    architecture, parameters, examples, net = pair()
    J, d = cost_and_gradient(architecture, parameters, examples)
    theirs = cost(net, examples, slice(None))
    theirs.backward()
    assert abs(J - theirs.item()) < 1e-12
    assert relative_error(d, np.concatenate([p.grad.numpy().ravel() for p in net.in_order])) < 1e-12


OPTIMIZERS = {
    "sgd": (GradientDescent(), 0.0, lambda weights, others: torch.optim.SGD(weights + others, lr=0.05)),
    "adam": (Adam(), 0.0, lambda weights, others: torch.optim.Adam(weights + others, lr=0.05)),
    "adamw": (
        Adam(),
        0.1,
        lambda weights, others: torch.optim.AdamW(
            [{"params": weights}, {"params": others, "weight_decay": 0.0}], lr=0.05, weight_decay=0.1
        ),
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_steps_of_mini_batches(name):
    architecture, parameters, examples, net = pair()
    optimizer, decay, build = OPTIMIZERS[name]
    plan = Plan(optimizer, BATCH, weight_decay=decay)
    order = np.concatenate([permutation(0, epoch, 40) for epoch in range(10)])
    state, _ = run_segment(architecture, plan, initial_state(parameters, plan), examples, order, np.full(STEPS, 0.05))
    theirs = build(net.in_order[:2], net.in_order[2:])
    for i in range(STEPS):
        theirs.zero_grad()
        cost(net, examples, order[i * BATCH : (i + 1) * BATCH]).backward()
        theirs.step()
    assert relative_error(state.parameters.theta, net.theta()) < 1e-10
    assert relative_error(state.parameters.theta, parameters.theta) > 0.05
