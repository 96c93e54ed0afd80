"""JAX, driven for speed: an epoch is one compiled scan over batches that lie on the device, the weights are donated."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.cases import Array, Work, first_weights

Weights = list[tuple[jax.Array, jax.Array]]


def logits(weights: Weights, X: jax.Array) -> jax.Array:
    for W, b in weights[:-1]:
        X = jnp.maximum(X @ W + b, 0)
    W, b = weights[-1]
    return X @ W + b


def cost(weights: Weights, X: jax.Array, y: jax.Array) -> jax.Array:
    """Mean cross-entropy, from logits."""
    Z = logits(weights, X)
    if Z.shape[1] == 1:
        return jnp.mean(jnp.logaddexp(0, Z[:, 0]) - y * Z[:, 0])
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(Z), y[:, None], axis=1))


@partial(jax.jit, donate_argnums=0, static_argnums=3)
def epoch(weights: Weights, X: jax.Array, y: jax.Array, learning_rate: float) -> Weights:
    """Go through all batches; unrolling the scan brings nothing here (tried: 4, 16)."""

    def step(weights: Weights, batch: tuple[jax.Array, jax.Array]) -> tuple[Weights, None]:
        gradients = jax.grad(cost)(weights, *batch)
        return jax.tree.map(lambda W, dW: W - learning_rate * dW, weights, gradients), None

    return jax.lax.scan(step, weights, (X, y))[0]


@jax.jit
def classes(weights: Weights, X: jax.Array) -> jax.Array:
    Z = logits(weights, X)
    return Z[:, 0] > 0 if Z.shape[1] == 1 else Z.argmax(axis=1)


class Jax:
    """Plain gradient descent alone: what the comparison asks of JAX."""

    def __init__(self, work: Work, X: Array, y: Array) -> None:
        jax.config.update("jax_enable_x64", work.dtype == "float64")
        self.work = work
        steps = (work.steps, work.batch)
        self.data = jax.device_put((X.reshape(*steps, -1), y.reshape(steps)))
        self.start(seed=0)
        self.epoch = epoch.lower(self.weights, *self.data, work.learning_rate).compile()

    def start(self, seed: int) -> None:
        self.weights: Any = jax.block_until_ready(jax.device_put(first_weights(self.work, seed)))

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            self.weights = self.epoch(self.weights, *self.data)
        jax.block_until_ready(self.weights)

    def loss(self) -> float:
        X, y = self.data
        return float(cost(self.weights, X.reshape(self.work.rows, -1), y.reshape(-1)))

    def predict(self, X: Array) -> Array:
        return np.asarray(classes(self.weights, X))
