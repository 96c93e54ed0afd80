"""From settings and a table to a trained network: the one place where estimators and table models train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, TargetError
from chainrule.engine import choose
from chainrule.estimator.building import architecture_of, batch_size_of, optimizer_of, working_dtype
from chainrule.estimator.idle import warn_of_idle_parameters
from chainrule.estimator.settings import FULL_BATCH, Settings
from chainrule.network.architecture import Architecture, initial_parameters
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.history import History
from chainrule.network.lbfgs import train_lbfgs
from chainrule.network.loop import train
from chainrule.network.losses import Loss
from chainrule.network.rows import holdout
from chainrule.network.schedules import Schedule
from chainrule.network.segment import Plan, State, initial_state
from chainrule.network.training import Progress, Stopping, Training, Validation
from chainrule.network.types import Array

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
    embeddings : tuple of Embedding
        Of the columns of X that are codes.
    """

    X: Any
    Y: Array
    weights: Array | None = None
    strata: Array | None = None
    embeddings: tuple[Embedding, ...] = ()


@dataclass(frozen=True)
class Fitted:
    """A trained network: what it is, its weights and optimiser, its record; the rows of an epoch."""

    architecture: Architecture
    state: State
    history: History
    optimizer: str
    rows: int


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
    return Fitted(training.architecture, _own(state), history, training.plan.optimizer.name, rows)


def fit_one_epoch(
    settings: Settings, table: TrainingSet, loss: Loss, *, seed: int, start: State | None = None
) -> Fitted:
    """Go on by one epoch over the table's rows: what `partial_fit` does."""
    loss.check_target(table.Y)
    examples, _ = split(_with(settings, early_stopping=False), table, seed)
    training, state = _training(settings, table, loss, examples, seed, start)
    training = replace(training, stopping=replace(training.stopping, max_epochs=1, keep_best=False))
    state, history = train(training, state)
    return Fitted(training.architecture, _own(state), history, training.plan.optimizer.name, examples.m)


def _training(
    settings: Settings, table: TrainingSet, loss: Loss, examples: Examples, seed: int, start: State | None
) -> tuple[Training, State]:
    batch_size = batch_size_of(settings, examples.m)
    architecture = architecture_of(settings, table.X.shape[1], table.Y.shape[1], loss, batch_size, table.embeddings)
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
    engine = choose(settings.engine, settings.n_threads, architecture)
    return Training(architecture, plan, examples, schedule, stopping, engine, settings.shuffle), start


def _own(state: State) -> State:
    """Copy the weights where they are the engine's, which nobody may change: the user's may be."""
    theta = state.parameters.theta
    return state if theta.flags.writeable else replace(state, parameters=replace(state.parameters, theta=theta.copy()))


def _scored(score: Callable[..., float], examples: Examples) -> Callable[[Array], float]:
    _, Y, weights = examples.batch(slice(None), np.dtype(np.float64))
    return lambda Z: score(Z, Y, weights)


def _with(settings: Settings, **changes: Any) -> Settings:
    """Copy settings with some changed; unlike `dataclasses.replace` it also takes an estimator."""
    values = {field.name: getattr(settings, field.name) for field in fields(Settings)}
    return Settings(**(values | changes))
