"""From settings and a table to a trained network: the one place where estimators and table models train."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from chainrule._errors import ChainruleWarning, InvalidParameterError, TargetError
from chainrule.engine import choose
from chainrule.estimator.settings import SOLVERS, Settings, _listed
from chainrule.network.activations import Activation, activation
from chainrule.network.architecture import Architecture, initial_parameters
from chainrule.network.examples import Examples
from chainrule.network.history import History
from chainrule.network.lbfgs import train_lbfgs
from chainrule.network.loop import Progress, Stopping, Training, Validation, train
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
from chainrule.network.rows import holdout
from chainrule.network.schedules import Schedule
from chainrule.network.segment import Plan, State, initial_state
from chainrule.network.types import Array

FULL_BATCH = ("gradient_descent", "lbfgs")
ADAMW_DECAY = 0.01  # PyTorch's default


@dataclass(frozen=True)
class TrainingSet:
    """What a network is trained on: rows are examples, as scikit-learn and files have them.

    Attributes
    ----------
    X : array or CSR matrix of shape (m, n[0])
    Y : ndarray of shape (m, n[L])
    weights : ndarray of shape (m,), optional
        Rows of weight 0 are as if they were not there.
    strata : ndarray of shape (m,), optional
        Class codes that a validation split keeps in proportion.
    """

    X: Any
    Y: Array
    weights: Array | None = None
    strata: Array | None = None


@dataclass(frozen=True)
class Fitted:
    """A trained network: what it is, its weights and optimiser, its record; the rows of an epoch."""

    architecture: Architecture
    state: State
    history: History
    optimizer: str
    rows: int


def working_dtype(X: Any) -> np.dtype[Any]:
    """float32 stays float32 (and float16 becomes it); everything else is computed in float64."""
    return np.dtype(np.float32 if X.dtype in (np.float32, np.float16) else np.float64)


def architecture_of(settings: Settings, n_inputs: int, n_outputs: int, loss: Loss, batch_size: int) -> Architecture:
    """Build the architecture the settings describe.

    Raises
    ------
    InvalidParameterError
        If a list of activations or dropout rates does not have one entry per hidden layer.
    """
    hidden = settings.hidden
    alpha = settings.alpha / batch_size if settings.alpha_scaling == "batch" else settings.alpha
    rates = _listed(settings.dropout)
    if len(rates) == 1:
        rates = rates * len(hidden)
    if len(rates) != len(hidden):
        raise InvalidParameterError(
            f"dropout must be one rate or one for each of the {len(hidden)} hidden layers, got {settings.dropout!r}."
        )
    return Architecture(
        (n_inputs, *hidden, n_outputs),
        _activations(settings, len(hidden)),
        loss,
        Penalty(alpha, settings.l1_ratio),
        (settings.dropout_input, *rates),
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


def split(settings: Settings, table: TrainingSet, seed: int) -> tuple[Examples, Examples | None]:
    """Return the examples to train on, and those held out if the settings ask for early stopping.

    Raises
    ------
    TargetError
        If there are too few different rows to hold any out.
    """
    rows = None if table.weights is None else np.flatnonzero(table.weights)
    rows = None if rows is None or len(rows) == len(table.weights) else rows  # type: ignore[arg-type]
    examples = Examples(table.X.T, table.Y.T, table.weights, rows)
    if not settings.early_stopping:
        return examples, None
    rows = np.arange(examples.m) if rows is None else rows
    held_out = holdout(
        examples.keys[rows],
        settings.validation_fraction,
        seed=seed,
        strata=None if table.strata is None else table.strata[rows],
        weights=None if table.weights is None else table.weights[rows],
    )
    if held_out.sum() < 1 or held_out.all():
        raise TargetError(
            f"The validation set is too small: n_samples = {examples.m} cannot be split by validation_fraction="
            f"{settings.validation_fraction}. Increase 'validation_fraction' or the size of your dataset."
        )
    return replace(examples, rows=rows[~held_out]), replace(examples, rows=rows[held_out])


def fit_network(
    settings: Settings,
    table: TrainingSet,
    loss: Loss,
    *,
    seed: int,
    start: State | None = None,
    score: Callable[[Array, Array, Array | None], float] | None = None,
    on_segment: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[Progress], None] | None = None,
) -> Fitted:
    """Train a network on a table.

    Parameters
    ----------
    settings : Settings
    table : TrainingSet
    loss : Loss
    seed : int
        Of the initial weights, the split, the orders and the dropout masks.
    start : State, optional
        Where to go on from; None draws initial weights.
    score : callable, optional
        (Z[L], Y, weights) of the validation examples to a number, recorded as `val_score`.
    on_segment, on_epoch : callable, optional

    Raises
    ------
    DivergenceError, InvalidParameterError, TargetError
    """
    warn_of_idle_parameters(settings)
    loss.check_target(table.Y)
    examples, held_out = split(settings, table, seed)
    rows = examples.m
    if settings.solver in FULL_BATCH:
        examples = examples.merged()
    training, state = _training(settings, table, loss, examples, seed, start)
    validation = None
    if held_out is not None:
        validation = Validation(held_out, None if score is None else _scored(score, held_out))
    training = replace(training, validation=validation, on_segment=on_segment, on_epoch=on_epoch)
    if settings.solver == "lbfgs":
        state, history = train_lbfgs(training, state, max_fun=settings.max_fun)
    else:
        state, history = train(training, state)
    return Fitted(training.architecture, state, history, training.plan.optimizer.name, rows)


def fit_one_epoch(
    settings: Settings, table: TrainingSet, loss: Loss, *, seed: int, start: State | None = None
) -> Fitted:
    """Go on by one epoch over the table's rows: what `partial_fit` does."""
    loss.check_target(table.Y)
    examples, _ = split(_with(settings, early_stopping=False), table, seed)
    training, state = _training(settings, table, loss, examples, seed, start)
    training = replace(training, stopping=replace(training.stopping, max_epochs=1, patience=np.inf, keep_best=False))
    state, history = train(training, state)
    return Fitted(training.architecture, state, history, training.plan.optimizer.name, examples.m)


def _training(
    settings: Settings, table: TrainingSet, loss: Loss, examples: Examples, seed: int, start: State | None
) -> tuple[Training, State]:
    batch_size = batch_size_of(settings, examples.m)
    architecture = architecture_of(settings, table.X.shape[1], table.Y.shape[1], loss, batch_size)
    if settings.solver == "lbfgs" and architecture.drops:
        raise InvalidParameterError(
            "solver='lbfgs' needs a cost that is not random: set dropout to 0 or choose 'adam'."
        )
    decay = ADAMW_DECAY if settings.solver == "adamw" else 0.0
    plan = Plan(
        optimizer_of(settings),
        batch_size,
        seed,
        decay if settings.weight_decay is None else settings.weight_decay,
        settings.clipnorm,
        settings.clipvalue,
    )
    steps = -(-examples.m // batch_size)
    schedule = Schedule(
        settings.learning_rate,
        settings.learning_rate_init,
        steps,
        steps * settings.max_iter,
        examples.m,
        settings.power_t,
        settings.warmup_steps,
    )
    stopping = Stopping(
        settings.max_iter,
        settings.n_iter_no_change,
        settings.tol,
        settings.restore_best_weights,
        settings.record_loss,
        settings.on_divergence == "raise",
    )
    if start is None:
        parameters = initial_parameters(
            architecture,
            seed=seed,
            kernel_initializer=settings.kernel_initializer,
            bias_initializer=settings.bias_initializer,
            dtype=working_dtype(table.X),
        )
        start = initial_state(parameters, plan)
    engine = choose(settings.engine)
    return Training(architecture, plan, examples, schedule, stopping, engine, settings.shuffle), start


def _scored(score: Callable[..., float], examples: Examples) -> Callable[[Array], float]:
    _, Y, weights = examples.batch(slice(None), np.dtype(np.float64))
    return lambda Z: score(Z, Y, weights)


def _with(settings: Settings, **changes: Any) -> Settings:
    """Copy settings with some changed; unlike `dataclasses.replace` it also takes an estimator."""
    values = {field.name: getattr(settings, field.name) for field in fields(Settings)}
    return Settings(**(values | changes))


_ONLY_FOR = {
    "momentum": ("sgd",),
    "nesterovs_momentum": ("sgd",),
    "beta_1": ("adam", "adamw", "nadam"),
    "beta_2": ("adam", "adamw", "nadam"),
    "epsilon": ("adam", "adamw", "nadam", "rmsprop", "adagrad"),
    "rho": ("rmsprop",),
    "batch_size": tuple(solver for solver in SOLVERS if solver not in FULL_BATCH),
    "max_fun": ("lbfgs",),
}
_NOT_LBFGS = (
    "learning_rate",
    "learning_rate_init",
    "warmup_steps",
    "clipnorm",
    "clipvalue",
    "weight_decay",
)


def warn_of_idle_parameters(settings: Settings) -> None:
    """Warn of every parameter that was changed from its default and has no effect beside the others."""
    defaults = Settings()
    idle = [name for name, solvers in _ONLY_FOR.items() if settings.solver not in solvers]
    if settings.solver == "lbfgs":
        idle += _NOT_LBFGS
    if settings.learning_rate != "invscaling":
        idle.append("power_t")
    if not settings.early_stopping:
        idle.append("validation_fraction")
    changed = [name for name in idle if getattr(settings, name) != getattr(defaults, name)]
    if changed:
        warnings.warn(
            f"{', '.join(changed)}: no effect with solver={settings.solver!r}, "
            f"learning_rate={settings.learning_rate!r}, early_stopping={settings.early_stopping}. "
            "Drop it or change those.",
            ChainruleWarning,
            stacklevel=2,
        )
