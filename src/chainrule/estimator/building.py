"""From settings to the parts of a training: architecture, optimiser, batch size."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule._errors import ChainruleWarning, InvalidParameterError
from chainrule.estimator.settings import FULL_BATCH, Settings, listed
from chainrule.network.activations import Activation, activation
from chainrule.network.architecture import Architecture
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
)
from chainrule.network.penalties import Penalty


def working_dtype(X: Any) -> np.dtype[Any]:
    """float32 stays float32 (and float16 becomes it); everything else is computed in float64."""
    return np.dtype(np.float32 if X.dtype in (np.float32, np.float16) else np.float64)


def architecture_of(
    settings: Settings,
    n_columns: int,
    n_outputs: int,
    loss: Loss,
    batch_size: int,
    embeddings: tuple[Embedding, ...] = (),
) -> Architecture:
    """Build the architecture the settings describe, for a table of `n_columns`; embedded ones give several inputs.

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
        _activations(settings, len(hidden)),
        loss,
        Penalty(alpha, settings.l1_ratio),
        (settings.dropout_input, *rates),
        embeddings,
    )


def _activations(settings: Settings, n_hidden: int) -> tuple[Activation, ...]:
    spec = settings.activation
    if isinstance(spec, list | tuple) and not (len(spec) == 2 and isinstance(spec[1], Mapping)):
        if len(spec) != n_hidden:
            raise InvalidParameterError(
                f"activation must be one name or a list of one for each of the {n_hidden} hidden layers, got {spec!r}."
            )
        return tuple(activation(entry) for entry in spec)
    one = activation(spec)  # type: ignore[arg-type]
    return (one,) * n_hidden


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
    """Rows per step: all of them for full-batch solvers, min(200, m) for "auto"."""
    if settings.solver in FULL_BATCH:
        return m
    if settings.batch_size == "auto":
        return min(200, m)
    if int(settings.batch_size) > m:
        warnings.warn(
            f"batch_size={settings.batch_size} is more than the {m} rows to train on; all rows make one batch.",
            ChainruleWarning,
            stacklevel=2,
        )
    return min(int(settings.batch_size), m)
