"""Problems of models that are layers without a loss, as PyTorch and Keras have them: data, loss and targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule._errors import ChainruleError, InvalidParameterError, ShapeError, TargetError
from chainrule.derivation.models.problem import Problem, dense, relative
from chainrule.network.activations import Activation
from chainrule.network.architecture import Architecture
from chainrule.network.custom.any_activation import activation
from chainrule.network.losses import LOSS_ALIASES, LOSSES, Loss
from chainrule.network.losses import loss as named_loss
from chainrule.network.parameters import parameters_from
from chainrule.network.types import Array


def problem_of_layers(
    W: Sequence[Array],
    b: Sequence[Array],
    g: Sequence[Activation],
    data: tuple[Any, Any, Any],
    loss: str | None,
    *,
    gradient: Callable[[Problem], Array] | None,
    origin: str,
) -> Problem:
    """The problem of a model without a loss: W, b, g of the layers 1 to L, and (X, y, sample_weight)."""
    parameters = parameters_from([w.astype(np.float64) for w in W], [v.astype(np.float64).reshape(-1, 1) for v in b])
    X, y, sample_weight = data
    rows = rows_of("X", X, parameters.widths[0])
    y = as_numpy(y)
    for layer, (this, following) in enumerate(pairwise(g), start=1):
        if this.name == "softmax":
            raise InvalidParameterError(
                f"layer {layer} has a softmax, which only the last may have, not before {following.name}."
            )
    chosen = _loss(loss, g[-1], y, parameters.widths[-1])
    Y = _targets(chosen, y, len(rows), parameters.widths[-1])
    architecture = Architecture(parameters.widths, tuple(g[:-1]), chosen)
    weights = relative(sample_weight, len(rows))
    return Problem(architecture, parameters, rows.T, Y.T, weights, gradient=gradient, origin=origin)


def output_slopes(problem: Problem, Z: Array) -> Array:
    """dJ/dZ[L], from which a library takes the gradient back through its own layers: the loss is not the model's."""
    dZ = problem.architecture.loss.dZ(Z, problem.Y) / problem.m
    return dZ if problem.weights is None else dZ * problem.weights


def rows_of(name: str, values: Any, n: int) -> Array:
    """Check that a table has n columns, at least one row, and only finite numbers; return it in float64."""
    try:
        rows = dense(as_numpy(values))
    except (TypeError, ValueError) as error:
        raise ShapeError(f"{name} must be a table of numbers, one row per example: {error}.") from error
    if rows.ndim != 2 or rows.shape[1] != n:
        raise ShapeError(f"{name} must have one row per example and {n} columns, got shape {rows.shape}.")
    if not np.isfinite(rows).all():
        raise ChainruleError(f"{name} must be finite; it has NaN or infinity.")
    return rows


def as_numpy(values: Any) -> Any:
    """Return a tensor without its graph and device, and anything else that is no sparse table as an array."""
    if hasattr(values, "detach"):
        return values.detach().cpu().numpy()
    return values if hasattr(values, "toarray") else np.asarray(values)


def _loss(name: str | None, output: Activation, y: Array, n: int) -> Loss:
    """The loss by name, or the one that the last activation and the targets ask for."""
    if name is None:
        name = _usual_loss(output, y, n)
    elif LOSS_ALIASES.get(name, name) not in LOSSES:
        named_loss(name)  # raises, and names the nearest
    logits = output.name == "identity"
    if output.name == "softmax":
        own = LOSSES[LOSS_ALIASES.get(name, name)][0]
        if own.name != "softmax":
            raise InvalidParameterError(
                f"the last activation is a softmax, which needs loss='categorical_cross_entropy', not {name!r}."
            )
    return named_loss(name, output=None if logits or output.name == "softmax" else output)


def _usual_loss(output: Activation, y: Array, n: int) -> str:
    whole = y.dtype.kind in "biu"
    if output.name == "softmax":
        return "categorical_cross_entropy"
    if output.name == "sigmoid":
        return "binary_cross_entropy"
    if output.name == "identity" and whole and y.ndim == 1 and n > 1:
        return "categorical_cross_entropy"
    if output.name == "identity" and whole and n == 1 and np.isin(y, (0, 1)).all():
        raise InvalidParameterError(
            "one output without an activation and targets of 0 and 1 may be a logit or a number: say "
            "loss='binary_cross_entropy' or loss='squared_error'."
        )
    return "squared_error"


def _targets(loss: Loss, y: Array, m: int, n: int) -> Array:
    """Y of shape (m, n): classes by number become one-hot."""
    if loss.sums_outputs and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1 < n)):
        y = one_hot(y.ravel(), n)
    try:
        Y = dense(y)
    except (TypeError, ValueError) as error:
        raise TargetError(f"y must be numbers: {error}.") from error
    Y = Y.reshape(-1, 1) if Y.ndim == 1 else Y
    if Y.shape != (m, n):
        raise ShapeError(f"y must have {m} rows and {n} columns, as X has rows and the model outputs; got {Y.shape}.")
    if not np.isfinite(Y).all():
        raise TargetError("y must be finite; it has NaN or infinity.")
    loss.check_target(Y)
    return Y


def one_hot(classes: Array, n: int) -> Array:
    """One column for each class, 0 to n - 1."""
    known = np.arange(n)
    if not np.isin(classes, known).all():
        raise TargetError(f"y must be the numbers of classes, whole and from 0 to {n - 1}.")
    return np.asarray(classes[:, None] == known, np.float64)


def activation_after(layer: str, present: Activation | None, new: Activation) -> Activation:
    """Put an activation behind a layer that has none yet."""
    if present is None:
        raise InvalidParameterError(f"{layer} comes before the first dense layer; its output must be computed into X.")
    if present.name != "identity":
        raise InvalidParameterError(f"{layer} follows another activation, {present.name}; one for each layer is known.")
    return new


def softmax() -> Activation:
    """The activation that only a last layer has."""
    from chainrule.network.losses.classification import SOFTMAX

    return SOFTMAX


def activation_by_name(name: str, layer: str, **parameters: float) -> Activation:
    """Look up an activation, and name the layer if there is none such."""
    if name == "softmax":
        return softmax()
    try:
        return activation((name, parameters) if parameters else name)
    except InvalidParameterError as error:
        raise InvalidParameterError(f"{layer} has the activation {name!r}, which is not known here.") from error
