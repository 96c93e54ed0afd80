"""scikit-learn's MLPClassifier; its products run on NumPy's BLAS."""

from __future__ import annotations

from typing import Any

from sklearn.neural_network import MLPClassifier

from bench.estimator import EstimatorPeer


class ScikitLearn(EstimatorPeer):
    """Its own first weights are Glorot's too, the biases' included."""

    def make(self, **parameters: Any) -> MLPClassifier:
        return MLPClassifier(**parameters)
