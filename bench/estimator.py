"""What the two peers with scikit-learn's face share: their parameters have the same names."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.cases import Array, Work


class EstimatorPeer:
    """Train by the public `fit` of an `MLPClassifier`, and go on by `partial_fit`."""

    def __init__(self, work: Work, X: Array, y: Array) -> None:
        self.work, self.X, self.y = work, X, y

    def make(self, **parameters: Any) -> Any:
        """Return an estimator that has not been fitted."""
        raise NotImplementedError

    def start(self, seed: int) -> None:
        work = self.work
        self.estimator = self.make(
            hidden_layer_sizes=work.layers[1:-1],
            solver=work.solver,
            learning_rate_init=work.learning_rate,
            batch_size=work.batch,
            alpha=0.0,
            shuffle=False,
            n_iter_no_change=np.inf,
            random_state=seed,
            **({"momentum": 0.0, "nesterovs_momentum": False} if work.solver == "sgd" else {}),
        )

    def train(self, epochs: int) -> None:
        if not hasattr(self.estimator, "coefs_"):
            self.estimator.set_params(max_iter=epochs).fit(self.X, self.y)
            return
        for _ in range(epochs):
            self.estimator.partial_fit(self.X, self.y)

    def loss(self) -> float:
        P = self.estimator.predict_proba(self.X)
        return float(-np.log(P[np.arange(len(P)), self.y]).mean())

    def predict(self, X: Array) -> Array:
        return self.estimator.predict(X)
