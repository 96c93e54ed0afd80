"""Keras 3 on its JAX backend, compiled; one execution an epoch spares it a wait for the device after every batch."""

from __future__ import annotations

import os

import jax
import numpy as np

from bench.cases import Array, Work, first_weights

os.environ["KERAS_BACKEND"] = "jax"
import keras

CHUNK = 8_192  # rows predicted at once


class Keras:
    """Train by `fit`."""

    def __init__(self, work: Work, X: Array, y: Array) -> None:
        jax.config.update("jax_enable_x64", work.dtype == "float64")
        keras.backend.set_floatx(work.dtype)
        self.work, self.X = work, X
        self.target = y[:, None].astype(work.dtype) if work.binary else y
        self.model = self.made()
        self.optimizer = self.model.optimizer
        self.optimizer.build(self.model.trainable_variables)
        self.fresh = [np.array(variable) for variable in self.optimizer.variables]

    def made(self) -> keras.Model:
        work = self.work
        layers: list[keras.layers.Layer] = [keras.Input((work.layers[0],))]
        for n in work.layers[1:-1]:
            layers.append(keras.layers.Dense(n, "relu"))
            layers += [keras.layers.Dropout(work.dropout, seed=0)] if work.dropout else []
        model = keras.Sequential([*layers, keras.layers.Dense(work.layers[-1])])
        kind = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[work.solver]
        losses = keras.losses
        loss = (losses.BinaryCrossentropy if work.binary else losses.SparseCategoricalCrossentropy)(from_logits=True)
        model.compile(kind(work.learning_rate), loss, jit_compile=True, steps_per_execution=work.steps)
        return model

    def start(self, seed: int) -> None:
        self.model.set_weights([array for layer in first_weights(self.work, seed) for array in layer])
        for variable, value in zip(self.optimizer.variables, self.fresh, strict=True):
            variable.assign(value)

    def train(self, epochs: int) -> None:
        self.model.fit(self.X, self.target, batch_size=self.work.batch, epochs=epochs, shuffle=False, verbose=0)

    def loss(self) -> float:
        return float(self.model.evaluate(self.X, self.target, batch_size=self.work.batch, verbose=0))

    def predict(self, X: Array) -> Array:
        Z = self.model.predict_on_batch(X) if len(X) <= CHUNK else self.model.predict(X, CHUNK, verbose=0)
        return Z[:, 0] > 0 if self.work.binary else Z.argmax(axis=1)
