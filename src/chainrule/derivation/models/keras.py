"""The problem of a Keras `Sequential` of dense layers, and the gradient its backend takes (PyTorch or JAX).

Dropout is off, as in `predict`. On another backend the gradient is the network's equations at the model's weights.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.derivation.models.by_layers import (
    activation_after,
    activation_by_name,
    as_numpy,
    output_slopes,
    problem_of_layers,
)
from chainrule.derivation.models.problem import Problem
from chainrule.network.activations import Activation
from chainrule.network.parameters import flatten
from chainrule.network.types import Array

_IDLE = ("Dropout", "Flatten", "InputLayer", "Identity")
_LAYERS = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu", "Softmax": "softmax"}
_KERAS_SLOPE = 0.2  # of keras.activations.leaky_relu; the layer LeakyReLU has its own
Function = Callable[[Any], Any]


def problem_of_keras(model: Any, X: Any, y: Any, sample_weight: Any, loss: str | None) -> Problem:
    """The problem of a Sequential."""
    import keras

    if not isinstance(model, keras.Sequential):
        raise InvalidParameterError(
            f"of Keras' models, a Sequential of dense layers is known; got {type(model).__name__}."
        )
    if not model.built:
        raise InvalidParameterError("the Sequential has no weights yet: give it an Input, or call it once.")
    dense, g, functions = _layers(model.layers)
    W = [as_numpy(layer.kernel.value).T for layer in dense]
    b = [as_numpy(layer.bias.value) for layer in dense]
    backend = {"torch": _by_torch, "jax": _by_jax}.get(keras.backend.backend())

    def gradient(problem: Problem) -> Array:
        assert backend is not None
        return backend(functions, problem)

    origin = f"Sequential of Keras on {keras.backend.backend()}"
    data = (X, y, sample_weight)
    return problem_of_layers(W, b, g, data, loss, gradient=gradient if backend else None, origin=origin)


def _layers(layers: Sequence[Any]) -> tuple[list[Any], list[Activation], list[Function]]:
    """The dense layers, the activation behind each, and Keras' own function for it."""
    dense: list[Any] = []
    g: list[Activation] = []
    functions: list[Function] = []
    for layer in layers:
        kind = type(layer).__name__
        name = f"layer {layer.name!r}, {kind}"
        if kind == "Dense":
            _check_dense(layer, name, dense)
            dense.append(layer)
            g.append(_by_function(layer.activation, name))
            functions.append(layer.activation)
        elif kind == "Activation" or kind in _LAYERS:
            new = _by_function(layer.activation, name) if kind == "Activation" else _by_layer(layer, name)
            new = activation_after(name, g[-1] if g else None, new)
            g[-1], functions[-1] = new, _function(layer)
        elif kind not in _IDLE:
            known = ", ".join(["Dense", "Activation", *_LAYERS, *_IDLE])
            raise InvalidParameterError(f"{name}, is not known here. Known are {known}.")
    if not dense:
        raise InvalidParameterError("the Sequential has no Dense layer, so it has no gradient to look at.")
    return dense, g, functions


def _function(layer: Any) -> Function:
    """What a layer applies, without its cast to its own precision."""
    from keras import activations

    kind = type(layer).__name__
    if kind == "LeakyReLU":
        return lambda Z: activations.leaky_relu(Z, negative_slope=layer.negative_slope)
    if kind == "ELU":
        return lambda Z: activations.elu(Z, alpha=layer.alpha)
    function: Function = layer.activation if kind == "Activation" else getattr(activations, _LAYERS[kind])
    return function


def _check_dense(layer: Any, name: str, before: Sequence[Any]) -> None:
    if not layer.use_bias:
        raise InvalidParameterError(f"{name}, has no bias; every layer needs one here (zeros do).")
    if layer.kernel_regularizer or layer.bias_regularizer or layer.activity_regularizer:
        raise InvalidParameterError(f"{name}, has a regularizer, which is not known here; check the model without it.")
    if any(layer is other for other in before):
        raise InvalidParameterError(f"{name}, is used twice; layers that share their weights are not known here.")


def _by_function(function: Any, layer: str) -> Activation:
    name = getattr(function, "__name__", type(function).__name__)
    parameters = {"negative_slope": _KERAS_SLOPE} if name == "leaky_relu" else {}
    return activation_by_name(name, layer, **parameters)


def _by_layer(layer: Any, name: str) -> Activation:
    kind, parameters = type(layer).__name__, {}
    if kind == "ReLU" and (layer.max_value is not None or layer.threshold or layer.negative_slope):
        raise InvalidParameterError(f"{name}, is known here with its usual settings only.")
    if kind == "LeakyReLU":
        parameters = {"negative_slope": float(layer.negative_slope)}
    if kind == "ELU":
        parameters = {"alpha": float(layer.alpha)}
    return activation_by_name(_LAYERS[kind], name, **parameters)


def _logits(functions: Sequence[Function], kernels: Sequence[Any], biases: Sequence[Any], X: Any) -> Any:
    """Z[L], by Keras' activations, with one example per row."""
    A = X
    for l, (K, b) in enumerate(zip(kernels, biases, strict=True)):
        A = A @ K + b
        if l < len(kernels) - 1:
            A = functions[l](A)
    return A


def _by_torch(functions: Sequence[Function], problem: Problem) -> Array:
    import torch

    with torch.enable_grad():
        kernels = [torch.tensor(W.T.copy(), requires_grad=True) for W in problem.parameters.W[1:]]
        biases = [torch.tensor(b.ravel(), requires_grad=True) for b in problem.parameters.b[1:]]
        Z = _logits(functions, kernels, biases, torch.tensor(problem.X.T))
        Z.backward(torch.tensor(output_slopes(problem, Z.detach().numpy().T).T))
    return flatten([K.grad.numpy().T for K in kernels], [b.grad.numpy() for b in biases])


def _by_jax(functions: Sequence[Function], problem: Problem) -> Array:
    jax: Any = importlib.import_module("jax")
    # Keras' own tanh casts to float32 before it calls JAX's.
    functions = [jax.numpy.tanh if getattr(g, "__name__", "") == "tanh" else g for g in functions]
    with jax.enable_x64(True):
        kernels = [jax.numpy.asarray(W.T) for W in problem.parameters.W[1:]]
        biases = [jax.numpy.asarray(b.ravel()) for b in problem.parameters.b[1:]]
        X = jax.numpy.asarray(problem.X.T)
        Z, back = jax.vjp(lambda K, b: _logits(functions, K, b, X), kernels, biases)
        dK, db = back(jax.numpy.asarray(output_slopes(problem, np.asarray(Z).T).T))
        return flatten([np.asarray(d).T for d in dK], [np.asarray(d) for d in db])
