"""What the tests of the native engine share: small trainings, and how far two results of one are apart."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from chainrule.network import Architecture, Parameters, activation, initial_parameters
from chainrule.network.draws import permutation
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.losses import Loss, loss
from chainrule.network.optimizers import OPTIMIZERS, Optimizer
from chainrule.network.training.segment import Plan, State, Totals, initial_state

from ..contract.cases import OPTIMIZER_CASES, OptimizerCase

TOLERANCE = {"float64": 1e-12, "float32": 1e-4}
DTYPES = tuple(TOLERANCE)


@dataclass(frozen=True)
class Problem:
    """A training of a few dozen steps. Its numbers are exact in float32, so that both dtypes train the same thing."""

    architecture: Architecture
    examples: Examples
    plan: Plan = field(default_factory=Plan)
    rates: Any = field(default_factory=lambda: np.linspace(0.05, 0.005, 50))
    seed: int = 0
    first_step: int = 0
    theta: Any = None  # where the parameters are not to be drawn

    def parameters(self, dtype: str = "float64") -> Parameters:
        if self.theta is not None:
            return Parameters(self.theta.astype(dtype), self.architecture.widths, self.architecture.embeddings)
        drawn = initial_parameters(
            self.architecture, seed=self.seed, bias_initializer="glorot_normal", dtype=np.float32
        )
        return replace(drawn, theta=drawn.theta.astype(dtype))

    def start(self, dtype: str = "float64") -> State:
        return replace(initial_state(self.parameters(dtype), self.plan), step=self.first_step)

    def run(self, engine: Any, dtype: str = "float64", *, cuts: tuple[int, ...] = (), turned: bool = False) -> "Result":
        """Train for one step per rate, every epoch in its own order, as one segment per epoch or cut into more.

        `turned` takes the rows of every batch in reverse: the same training but for rounding.
        """
        m, size = self.examples.m, self.plan.batch_size
        n_steps, in_epoch = len(self.rates), -(-m // size)
        state, losses, totals = self.start(dtype), [], Totals()
        ends = sorted({*range(0, n_steps, in_epoch), *cuts, n_steps})
        for a, b in pairwise(ends):
            order = permutation(self.seed, a // in_epoch, m)[(a % in_epoch) * size :][: (b - a) * size]
            if turned:
                order = np.concatenate([order[i : i + size][::-1] for i in range(0, len(order), size)])
            state, totals = engine.run_segment(
                self.architecture, self.plan, state, self.examples, order, self.rates[a:b]
            )
            losses += totals.losses
        return Result(state, np.array(losses), totals.gradient_norm)


@dataclass(frozen=True)
class Result:
    """What a training leaves."""

    state: State
    losses: Any
    gradient_norm: float

    def tensors(self) -> Iterator[tuple[str, Any]]:
        """Everything by name: W, b and E, the same parts of every slot, the losses of the steps."""
        vectors = {"": self.state.parameters.theta} | {f"slot {i} ": slot for i, slot in enumerate(self.state.slots)}
        for name, vector in vectors.items():
            parts = replace(self.state.parameters, theta=vector)
            for letter, tensors in (("W", parts.W), ("b", parts.b)):
                yield from ((f"{name}{letter}[{l}]", tensor) for l, tensor in enumerate(tensors) if l)
            yield from ((f"{name}E[{j}]", tensor) for j, tensor in enumerate(parts.E))
        yield "losses", self.losses
        yield "gradient norm", np.array([self.gradient_norm])

    def bits(self) -> bytes:
        """Everything as bytes: equal exactly where two results are the same to the last bit."""
        return b"".join(np.ascontiguousarray(tensor).tobytes() for _, tensor in self.tensors())


def distance(a: Any, b: Any) -> float:
    """max |a - b| / max(1, max |b|); infinite where shapes differ or a number is not finite."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return np.inf
    return float(np.max(np.abs(a - b), initial=0.0) / max(1.0, np.max(np.abs(b), initial=0.0)))


def furthest(a: Result, b: Result) -> tuple[float, str]:
    """The largest distance of two results, and the tensor that has it."""
    return max((distance(x, y), name) for (name, x), (_, y) in zip(a.tensors(), b.tensors(), strict=True))


def optimizer(case: OptimizerCase) -> Optimizer:
    return OPTIMIZERS[case.name](**case.parameters)


def rates(case: OptimizerCase, pair: Loss, steps: int = 50) -> Any:
    """Learning rates with which nothing diverges: what a loss with a log link bears is less."""
    return case.rate / (50 if pair.output.name == "exponential" else 3) * np.linspace(1, 0.1, steps)


def exact(values: Any) -> Any:
    """Round to float32 and back: the same number in both dtypes."""
    return np.asarray(values, np.float32).astype(np.float64)


def inputs(draw: Any, m: int, n: int, embeddings: tuple[Embedding, ...] = ()) -> Any:
    """A table for a network of n inputs: numbers, and codes in the columns that are embedded."""
    X = exact(draw.normal(size=(m, n - sum(embedding.size - 1 for embedding in embeddings))))
    for embedding in embeddings:
        X[:, embedding.column] = draw.integers(0, embedding.levels, m)
    return X


ADAM = next(case for case in OPTIMIZER_CASES if case.name == "adam")


def classes(
    widths, m, size, *, step_by=ADAM, steps=20, sparse=False, weighted=False, clip=None, embeddings=(), **parts
) -> Problem:
    """A classification of any shape: one-hot classes behind a softmax, or labels where there is one output."""
    draw = np.random.default_rng(sum(widths) + m)
    X, n = inputs(draw, m, widths[0], embeddings), widths[-1]
    Y = np.eye(n)[draw.integers(0, n, m)] if n > 1 else draw.integers(0, 2, (m, 1)).astype(float)
    if sparse:
        X = csr_matrix(X * (draw.random(X.shape) < 0.3))
    hidden = tuple(activation(("relu", "gelu", "tanh")[l % 3]) for l in range(len(widths) - 2))
    pair = loss("categorical_cross_entropy" if n > 1 else "binary_cross_entropy")
    plan = Plan(optimizer(step_by), size, seed=3, clip_norm=clip)
    weights = draw.uniform(0.2, 3, m) if weighted else None
    architecture = Architecture(widths, hidden, pair, embeddings=embeddings, **parts)
    return Problem(architecture, Examples(X.T, Y.T, weights), plan, rates(step_by, pair, steps))
