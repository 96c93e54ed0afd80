"""Build the parts of a training from settings: architecture, initial weights, optimiser, batch size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np

from chainrule._errors import InvalidParameterError, warn
from chainrule.fit.parameters import FULL_BATCH, Settings, listed
from chainrule.network.activations import Activation, is_parametrised
from chainrule.network.architecture import Architecture, initial_parameters
from chainrule.network.custom.any_activation import activation, is_pair
from chainrule.network.custom.checks import of_shape
from chainrule.network.embeddings import Embedding
from chainrule.network.losses import Loss
from chainrule.network.optimizers import (
    Adagrad,
    Adam,
    GradientDescent,
    Momentum,
    NAdam,
    Nesterov,
    Optimizer,
    RMSprop,
    initial_slots,
)
from chainrule.network.penalties import Penalty
from chainrule.network.training.segment import State
from chainrule.network.types import Array

_ROUNDED_AWAY = 1e-4  # most that float32 may round, relative to the deviation of y


def working_dtype(X: Any) -> np.dtype[Any]:
    """Return float32 for float32 and float16, else float64."""
    return np.dtype(np.float32 if X.dtype in (np.float32, np.float16) else np.float64)


def training_dtype(settings: Settings, X: Any, Y: Array) -> np.dtype[Any]:
    """Return float32 for float32 inputs, but float64 without a hidden layer, or if float32 cannot resolve y.

    A linear model is cheap, and its coefficients are compared with closed forms. A target far from 0 that is not
    standardised differs in digits that float32 does not have.
    """
    dtype = working_dtype(X)
    return dtype if settings.hidden and _holds(dtype, Y) else np.dtype(np.float64)


def _holds(dtype: np.dtype[Any], Y: Array) -> bool:
    """Say whether the dtype resolves the deviation of every output at the size of its numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        deviation, largest = Y.std(axis=0, dtype=np.float64), np.abs(Y).max(axis=0)
    return bool((largest * np.finfo(dtype).eps <= _ROUNDED_AWAY * deviation)[deviation > 0].all())


def architecture_of(
    settings: Settings,
    n_columns: int,
    n_outputs: int,
    loss: Loss,
    batch_size: int,
    embeddings: tuple[Embedding, ...] = (),
) -> Architecture:
    """Build the architecture of the settings, for a table of `n_columns`; an embedded column gives several inputs.

    Raises
    ------
    InvalidParameterError
        If a list of activations or dropout rates does not have one entry per hidden layer.
    """
    hidden = settings.hidden
    alpha = settings.alpha / batch_size if settings.alpha_scaling == "batch" else settings.alpha
    rates = listed(settings.dropout)
    if len(rates) == 1:
        rates = rates * len(hidden)
    if len(rates) != len(hidden):
        raise InvalidParameterError(
            f"dropout must be one rate or one for each of the {len(hidden)} hidden layers, got {settings.dropout!r}."
        )
    return Architecture(
        (n_columns + sum(embedding.size - 1 for embedding in embeddings), *hidden, n_outputs),
        activations_of(settings),
        loss,
        Penalty(alpha, settings.l1_ratio),
        (settings.dropout_input, *rates),
        embeddings,
    )


def activations_of(settings: Settings) -> tuple[Activation, ...]:
    """Return the activation of each hidden layer.

    Raises
    ------
    InvalidParameterError
        If there is none of that name, or a list does not have one entry per hidden layer.
    """
    spec, n_hidden = cast(Any, settings.activation), len(settings.hidden)
    if not isinstance(spec, list | tuple) or is_parametrised(spec) or is_pair(spec):
        return (activation(spec),) * n_hidden
    if len(spec) != n_hidden:
        raise InvalidParameterError(
            f"activation must be one for all or a list of one for each of the {n_hidden} hidden layers, got {spec!r}."
        )
    return tuple(activation(entry) for entry in spec)


def drawn_state(settings: Settings, architecture: Architecture, seed: int, dtype: np.dtype[Any]) -> State:
    """Draw the initial weights and initialise the optimiser."""
    parameters = initial_parameters(
        architecture,
        seed=seed,
        kernel_initializer=initializer_of(settings.kernel_initializer),
        bias_initializer=initializer_of(settings.bias_initializer, of_biases=True),
        dtype=dtype,
    )
    return State(parameters, initial_slots(optimizer_of(settings), parameters.theta))


def initializer_of(spec: Any, *, of_biases: bool = False) -> Any:
    """Adapt a user's initializer, which draws arrays like `coefs_`, (n[l-1], n[l]), or `intercepts_`, (n[l],)."""
    if isinstance(spec, list | tuple) and not is_parametrised(spec):
        return [initializer_of(entry, of_biases=of_biases) for entry in spec]
    if not callable(spec):
        return spec
    return partial(_drawn_biases if of_biases else _drawn_weights, spec)


def _drawn_weights(own: Callable[..., Any], shape: tuple[int, int], rng: np.random.Generator) -> Array:
    return of_shape(own(shape[::-1], rng), shape[::-1], "kernel_initializer").T


def _drawn_biases(own: Callable[..., Any], shape: tuple[int, int], rng: np.random.Generator) -> Array:
    return of_shape(own(shape[:1], rng), shape[:1], "bias_initializer")[:, None]


def optimizer_of(settings: Settings) -> Optimizer:
    """Build the optimiser of a stochastic solver."""
    beta_1, beta_2, epsilon = settings.beta_1, settings.beta_2, settings.epsilon
    if settings.solver in ("adam", "adamw"):
        return Adam(beta_1, beta_2, epsilon)
    if settings.solver == "nadam":
        return NAdam(beta_1, beta_2, epsilon)
    if settings.solver == "rmsprop":
        return RMSprop(settings.rho, epsilon)
    if settings.solver == "adagrad":
        return Adagrad(epsilon)
    if settings.solver == "sgd" and settings.momentum:
        return Nesterov(settings.momentum) if settings.nesterovs_momentum else Momentum(settings.momentum)
    return GradientDescent()


def batch_size_of(settings: Settings, m: int) -> int:
    """Return the rows per step: all for full-batch solvers, min(200, m) for "auto"."""
    if settings.solver in FULL_BATCH:
        return m
    if settings.batch_size == "auto":
        return min(200, m)
    if int(settings.batch_size) > m:
        warn(f"batch_size={settings.batch_size} is more than the {m} rows to train on; all rows make one batch.")
    return min(int(settings.batch_size), m)
