"""PyTorch, driven for speed: tensors made and cut into batches beforehand, a plain loop, eager or compiled whole."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.cases import Array, Work, first_weights

CHUNK = 8_192  # rows predicted at once; all at once is slower, the activations leave the cache
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


def network_of(work: Work) -> nn.Sequential:
    """Linear, ReLU, dropout if asked for, and so on; the last layer gives logits."""
    dtype = getattr(torch, work.dtype)
    modules: list[nn.Module] = []
    for p, n in work.shapes:
        modules += [nn.Linear(p, n, dtype=dtype), nn.ReLU()]
        modules += [nn.Dropout(work.dropout)] if work.dropout else []
    return nn.Sequential(*modules[: -2 if work.dropout else -1])


class Eager:
    """`backward` and an optimiser's `step`; the fused optimisers are the fastest, Adam by a third."""

    def __init__(self, work: Work, X: Array, y: Array) -> None:
        self.work = work
        self.X = torch.from_numpy(X)
        self.target = self.X.new_tensor(y)[:, None] if work.binary else torch.from_numpy(y)
        self.batches = list(zip(self.X.split(work.batch), self.target.split(work.batch), strict=True))
        self.network = network_of(work)
        self.loss_of = (nn.BCEWithLogitsLoss if work.binary else nn.CrossEntropyLoss)()

    @torch.no_grad()
    def start(self, seed: int) -> None:
        layers = [module for module in self.network if isinstance(module, nn.Linear)]
        for layer, (W, b) in zip(layers, first_weights(self.work, seed), strict=True):
            layer.weight.copy_(torch.from_numpy(W).T)
            layer.bias.copy_(torch.from_numpy(b))
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[self.work.solver]
        self.optimizer = kind(self.network.parameters(), lr=self.work.learning_rate, fused=True)

    def step(self, x: Tensor, target: Tensor) -> None:
        self.optimizer.zero_grad()
        self.loss_of(self.network(x), target).backward()
        self.optimizer.step()

    def train(self, epochs: int) -> None:
        self.network.train()
        for _ in range(epochs):
            for x, target in self.batches:
                self.step(x, target)
        self.network.eval()

    @torch.inference_mode()
    def loss(self) -> float:
        return float(self.loss_of(self.network(self.X), self.target))

    @torch.inference_mode()
    def predict(self, X: Array) -> Array:
        Z = torch.cat([self.network(rows) for rows in torch.from_numpy(X).split(CHUNK)])
        return (Z[:, 0] > 0 if self.work.binary else Z.argmax(dim=1)).numpy()


class Compiled(Eager):
    """The whole step as one graph: `torch.func.grad` traces through, and the update is written out.

    Compiling the module alone is slower than eager at these sizes, and an optimiser's `step` breaks the graph.
    """

    def __init__(self, work: Work, X: Array, y: Array) -> None:
        super().__init__(work, X, y)
        self.weights = {name: weight.detach() for name, weight in self.network.named_parameters()}
        update = {"sgd": self.sgd, "adam": self.adam}[work.solver]
        self.step = torch.compile(self.whole_step(update), fullgraph=True, options={"cpp_wrapper": True})

    def start(self, seed: int) -> None:
        super().start(seed)
        self.count = torch.zeros(())
        self.means = {name: torch.zeros_like(W) for name, W in self.weights.items()}
        self.squares = {name: torch.zeros_like(W) for name, W in self.weights.items()}

    def whole_step(self, update: Callable[[dict[str, Tensor]], None]) -> Callable[[Tensor, Tensor], None]:
        def cost(weights: dict[str, Tensor], x: Tensor, target: Tensor) -> Tensor:
            return self.loss_of(torch.func.functional_call(self.network, weights, (x,)), target)

        def step(x: Tensor, target: Tensor) -> None:
            update(torch.func.grad(cost)(self.weights, x, target))

        return step

    def sgd(self, gradients: dict[str, Tensor]) -> None:
        for name, W in self.weights.items():
            W.sub_(gradients[name], alpha=self.work.learning_rate)

    def adam(self, gradients: dict[str, Tensor]) -> None:
        self.count.add_(1)
        for name, W in self.weights.items():
            mean = self.means[name].lerp_(gradients[name], 1 - BETA_1) / (1 - BETA_1**self.count)
            square = self.squares[name].lerp_(gradients[name] ** 2, 1 - BETA_2) / (1 - BETA_2**self.count)
            W.sub_(self.work.learning_rate * mean / (square.sqrt() + EPSILON))
