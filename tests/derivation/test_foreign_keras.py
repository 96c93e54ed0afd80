"""Sequentials of Keras, on the backend that is set: read, and its gradients checked."""

import importlib.util
import os
import warnings

import numpy as np
import pytest

from chainrule import gradcheck
from chainrule._errors import InvalidParameterError

if importlib.util.find_spec("keras") is None:
    pytest.skip("Keras is not installed", allow_module_level=True)
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
layers = keras.layers
pytestmark = pytest.mark.oracle

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(20, 3))
TASKS = {
    "sigmoid": (1, DRAW.integers(2, size=20)),
    "softmax": (3, DRAW.integers(3, size=20)),
    "linear": (2, DRAW.normal(size=(20, 2))),
}


@pytest.mark.parametrize("last", list(TASKS))
@pytest.mark.parametrize(
    "activation",
    ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "mish", "hard_tanh", "tanh", "sigmoid"],
)
def test_sequentials_pass(activation, last):
    n, y = TASKS[last]
    keras.utils.set_random_seed(0)
    parts = [
        layers.Dense(5, activation=activation),
        layers.Dropout(0.5),
        layers.Dense(4),
        layers.Activation(activation),
    ]
    model = keras.Sequential([keras.Input((3,)), *parts, layers.Dense(4), layers.LeakyReLU(), layers.Dense(n, last)])
    check = gradcheck(model, X, y)
    assert check.ok, str(check)
    assert {row.verdict for row in check.rows} == {"ok"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras converts its tensors in a way that NumPy deprecates
        predicted = model.predict(check.problem.X.T, verbose=0)
    assert np.allclose(check.problem.forward().A[-1].T, predicted, atol=1e-5)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([layers.Dense(2), layers.BatchNormalization()], "BatchNormalization"),
        ([layers.Dense(2, kernel_regularizer="l2")], "regularizer"),
        ([layers.Dense(2, use_bias=False)], "no bias"),
        ([layers.Dense(2, activation="softsign")], "softsign"),
        ([layers.Dense(2), layers.ReLU(max_value=6)], "usual settings"),
        ([layers.Dropout(0.1)], "no Dense"),
    ],
)
def test_what_is_refused(parts, words):
    with pytest.raises(InvalidParameterError, match=words):
        gradcheck(keras.Sequential([keras.Input((3,)), *parts]), X, np.zeros((20, 2)))


def test_a_model_without_weights_is_refused():
    with pytest.raises(InvalidParameterError, match="no weights yet"):
        gradcheck(keras.Sequential([layers.Dense(2)]), X, np.zeros((20, 2)))
