"""The work that is given to every peer: a network, its data, its first weights."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

EPOCHS = 20
LEARNING_RATES = {"sgd": 0.01, "adam": 0.001}


@dataclass(frozen=True)
class Work:
    """Train a classifier: ReLU between the layers, then a sigmoid for one output or a softmax for several.

    Batches follow the rows' order, SGD has no momentum, nothing is penalised; `rows` is a multiple of `batch`.
    """

    layers: tuple[int, ...]
    batch: int
    rows: int
    solver: str = "sgd"
    dropout: float = 0.0
    dtype: str = "float32"

    @property
    def name(self) -> str:
        return "-".join(map(str, self.layers))

    @property
    def title(self) -> str:
        return f"{self.name}, batch {self.batch}, {self.rows:,} rows"

    @property
    def shapes(self) -> list[tuple[int, int]]:
        return list(pairwise(self.layers))

    @property
    def binary(self) -> bool:
        return self.layers[-1] == 1

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return self.rows // self.batch

    @property
    def learning_rate(self) -> float:
        return LEARNING_RATES[self.solver]

    @property
    def parameters(self) -> int:
        return sum((p + 1) * n for p, n in self.shapes)

    @property
    def flops(self) -> int:
        """Of the three products of an epoch: Z and dW of every layer, dA of all but the first."""
        products = [2 * p * n for p, n in self.shapes]
        return self.rows * (3 * sum(products) - products[0])

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Work:
        fields = json.loads(text)
        return cls(**fields | {"layers": tuple(fields["layers"])})


CASES = {
    work.name: work
    for work in (
        Work((2, 16, 1), 32, 8_192),
        Work((20, 64, 32, 1), 64, 16_384),
        Work((784, 256, 128, 10), 128, 16_384),
        Work((100, 256, 256, 256, 1), 256, 16_384),
        Work((1024, 1024, 1024, 10), 1024, 8_192),
    )
}


def generated(work: Work) -> tuple[Array, Array]:
    """Draw rows from a normal distribution and let a linear teacher name their classes."""
    draw = np.random.default_rng(0)
    X = draw.standard_normal((work.rows, work.layers[0]), dtype=np.dtype(work.dtype))
    scores = X @ draw.standard_normal((work.layers[0], work.layers[-1])).astype(work.dtype)
    return X, (scores[:, 0] > 0).astype(np.int64) if work.binary else scores.argmax(axis=1)


def first_weights(work: Work, seed: int) -> list[tuple[Array, Array]]:
    """Draw Glorot's uniform weights, (inputs, units) for each layer, and zeros for the biases."""
    draw = np.random.default_rng(seed)
    limits = [np.sqrt(6 / (p + n)) for p, n in work.shapes]
    return [
        (draw.uniform(-limit, limit, (p, n)).astype(work.dtype), np.zeros(n, work.dtype))
        for limit, (p, n) in zip(limits, work.shapes, strict=True)
    ]
