"""The problem of a fitted `sklearn.neural_network` model, and the gradient that its own backpropagation takes.

Its penalty is alpha/2 ΣW² over the sum of the weights of the examples; of several outputs its log-loss and its Poisson
loss are sums, its squared error is a mean.
"""

from __future__ import annotations

import copy
import inspect
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError, TargetError
from chainrule.derivation.models.by_layers import rows_of
from chainrule.derivation.models.problem import Problem, dense, relative
from chainrule.network.architecture import Architecture
from chainrule.network.custom.any_activation import activation
from chainrule.network.losses import Loss
from chainrule.network.losses import loss as named_loss
from chainrule.network.parameters import flatten, parameters_from
from chainrule.network.penalties import Penalty
from chainrule.network.types import Array

_LOSSES = {
    "logistic": "binary_cross_entropy",
    "softmax": "categorical_cross_entropy",
    "identity": "squared_error",
    "exp": "poisson",
}


def problem_of_sklearn(model: Any, X: Any, y: Any, sample_weight: Any, loss: str | None) -> Problem:
    """The problem of a fitted MLPClassifier or MLPRegressor."""
    _check(model, loss)
    W = [np.asarray(coef, np.float64).T for coef in model.coefs_]
    b = [np.asarray(intercept, np.float64).reshape(-1, 1) for intercept in model.intercepts_]
    parameters = parameters_from(W, b)
    rows = rows_of("X", X, parameters.widths[0])
    Y = _targets(model, y, parameters.widths[-1])
    if len(Y) != len(rows):
        raise ShapeError(f"X and y must have as many rows, got {len(rows)} and {len(Y)}.")
    chosen = _loss(model)
    chosen.check_target(Y.T)
    weights = relative(sample_weight, len(rows))
    total = len(rows) if sample_weight is None else float(np.sum(sample_weight, dtype=np.float64))
    hidden = (activation(model.activation),) * (len(W) - 1)
    architecture = Architecture(parameters.widths, hidden, chosen, Penalty(model.alpha / max(total, 1e-300)))

    def gradient(problem: Problem) -> Array:
        return _backpropagated(model, problem)

    origin = f"{type(model).__name__} of scikit-learn"
    return Problem(architecture, parameters, rows.T, Y.T, weights, gradient=gradient, origin=origin)


def _check(model: Any, loss: str | None) -> None:
    kinds = {kind.__name__ for kind in type(model).__mro__ if kind.__module__.startswith("sklearn.neural_network.")}
    if not kinds & {"MLPClassifier", "MLPRegressor"}:
        raise InvalidParameterError(
            f"of scikit-learn's models, MLPClassifier and MLPRegressor have a gradient to look at; got "
            f"{type(model).__name__}. Of a pipeline, give its last step and the data that step sees."
        )
    if not hasattr(model, "coefs_"):
        raise InvalidParameterError(f"this {type(model).__name__} has no weights yet: fit it first.")
    if loss is not None:
        raise InvalidParameterError(f"loss is for models that carry none; this {type(model).__name__} has its own.")


def _loss(model: Any) -> Loss:
    """Its loss: of labels and counts the outputs are summed."""
    chosen = named_loss(_LOSSES[model.out_activation_])
    return replace(chosen, sums_outputs=model.out_activation_ != "identity")


def _targets(model: Any, y: Any, n: int) -> Array:
    """Y of shape (m, n): classes as the model encoded them."""
    if not hasattr(model, "classes_"):
        try:
            Y = dense(y)
        except (TypeError, ValueError) as error:
            raise TargetError(f"y must be numbers: {error}.") from error
        Y = Y.reshape(-1, 1) if Y.ndim == 1 else Y
    elif np.ndim(y) == 2 and np.shape(y)[1] > 1:
        Y = dense(y)
    else:
        labels = np.asarray(y).ravel()
        unknown = ~np.isin(labels, model.classes_)
        if unknown.any():
            raise TargetError(f"y has the class {labels[unknown].tolist()[0]!r}, which the model was not fitted with.")
        Y = dense(model._label_binarizer.transform(labels))
    if Y.ndim != 2 or Y.shape[1] != n:
        raise ShapeError(f"y must have {n} columns, as the model has outputs; got shape {Y.shape}.")
    return Y


def _backpropagated(model: Any, problem: Problem) -> Array:
    """∂J/∂θ by scikit-learn's own code, on a copy of the model at the problem's weights."""
    own, L = copy.copy(model), problem.architecture.L
    total = problem.m if problem.weights is None else problem.weights.sum()
    own.alpha = problem.architecture.penalty.alpha * total
    own.coefs_ = [w.T.copy() for w in problem.parameters.W[1:]]
    own.intercepts_ = [b.ravel().copy() for b in problem.parameters.b[1:]]
    X, Y = np.ascontiguousarray(problem.X.T), np.ascontiguousarray(problem.Y.T)
    arguments = {"X": X, "y": Y, "activations": [X, *[None] * L], "deltas": [None] * L}
    if "sample_weight" in inspect.signature(own._backprop).parameters:
        arguments["sample_weight"] = problem.weights
    elif problem.weights is not None:
        raise InvalidParameterError("this version of scikit-learn takes no sample_weight; leave it out, or update it.")
    lists = {"coef_grads": [np.empty_like(w) for w in own.coefs_]}
    lists["intercept_grads"] = [np.empty_like(b) for b in own.intercepts_]
    _, dW, db = own._backprop(**arguments, **lists)
    return flatten([d.T for d in dW], [d.reshape(-1, 1) for d in db])
