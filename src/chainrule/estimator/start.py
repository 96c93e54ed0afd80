"""Where an estimator starts that has learned nothing yet: weights that are given, or drawn without training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.estimator.building import architecture_of, drawn_state, optimizer_of, working_dtype
from chainrule.estimator.fitting import Fitted
from chainrule.estimator.settings import Settings
from chainrule.estimator.training_set import TrainingSet
from chainrule.network.history import History
from chainrule.network.losses import Loss
from chainrule.network.optimizers import initial_slots
from chainrule.network.parameters import parameters_from
from chainrule.network.segment import State
from chainrule.network.types import Array

if TYPE_CHECKING:
    from chainrule.estimator.base import AbstractEstimator

_NO_BATCH = 1  # there are no rows yet that a penalty could be scaled by


def given_start(
    settings: Settings, table: TrainingSet, loss: Loss, seed: int, coef_init: Any, intercept_init: Any
) -> State:
    """Start from weights and biases as `coefs_` and `intercepts_` show them; None is drawn.

    Raises
    ------
    ShapeError
        If there is not one array for each layer, or one does not fit; names the layer.
    InvalidParameterError
        If a number is not finite.
    """
    dtype = working_dtype(table.X)
    architecture = architecture_of(settings, table.X.shape[1], table.Y.shape[1], loss, _NO_BATCH)
    drawn = drawn_state(settings, architecture, seed, dtype).parameters
    W, b = drawn.W[1:], drawn.b[1:]
    if coef_init is not None:
        W = [coef.T for coef in _fitting("coef_init", coef_init, [w.T.shape for w in W], dtype)]
    if intercept_init is not None:
        b = _fitting("intercept_init", intercept_init, [bias.shape[:1] for bias in b], dtype)
    parameters = parameters_from(W, b)
    return State(parameters, initial_slots(optimizer_of(settings), parameters.theta))


def _fitting(name: str, given: Any, shapes: Sequence[tuple[int, ...]], dtype: np.dtype[Any]) -> list[Array]:
    if not isinstance(given, list | tuple) or len(given) != len(shapes):
        many = f"{len(given)} of them" if isinstance(given, list | tuple) else type(given).__name__
        raise ShapeError(f"{name} must be a list of one array for each of the {len(shapes)} layers, got {many}.")
    arrays = []
    for layer, (values, shape) in enumerate(zip(given, shapes, strict=True), start=1):
        try:
            array = np.asarray(values, dtype)
        except (TypeError, ValueError) as error:
            raise InvalidParameterError(f"{name} of layer {layer} must be numbers: {error}.") from error
        if array.shape != shape:
            raise ShapeError(f"{name} of layer {layer} must have shape {shape}, got {array.shape}.")
        if not np.isfinite(array).all():
            raise InvalidParameterError(f"{name} of layer {layer} must be finite numbers.")
        arrays.append(array)
    return arrays


def initialized(estimator: AbstractEstimator, n_features: Any, n_outputs: Any, classes: Any) -> Fitted:
    """Draw the weights of an estimator that has seen no rows, and let it know its columns and outputs."""
    for name, value in (("n_features", n_features), ("n_outputs", n_outputs)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1
        if not (whole or (value is None and name == "n_outputs")):
            raise InvalidParameterError(f"{name} must be a whole number of at least 1, got {value!r}.")
    settings = estimator._settings()
    width = estimator._declare_outputs(n_outputs, classes)
    architecture = architecture_of(settings, int(n_features), width, estimator._make_loss(), _NO_BATCH)
    state = drawn_state(settings, architecture, estimator._seed, np.dtype(np.float64))
    estimator.n_features_in_ = int(n_features)
    unknown = float("nan")
    history = History(final={"loss": unknown, "penalty": unknown, "total": unknown})
    return Fitted(architecture, state, history, optimizer_of(settings).name, rows=0)
