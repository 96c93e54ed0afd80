"""From settings and a table to a trained network: the one place where estimators and table models train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from chainrule._errors import DivergenceError, InvalidParameterError
from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.checkpoints.while_training import train_with_checkpoints
from chainrule.distributed.distribution import Distribution
from chainrule.distributed.sharded import ShardFeed
from chainrule.fit.build_training import feed_of, training_on
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.parameters import FULL_BATCH, Settings
from chainrule.fit.scale_warnings import blamed_on_target, warn_of_unscaled
from chainrule.fit.unused_parameters import warn_of_unused_parameters
from chainrule.network.architecture import Architecture
from chainrule.network.examples import Examples
from chainrule.network.losses import Loss
from chainrule.network.parameters import Parameters
from chainrule.network.training.history import History, StopReason
from chainrule.network.training.lbfgs import train_lbfgs
from chainrule.network.training.loop import train
from chainrule.network.training.segment import State
from chainrule.network.training.setup import Training, Validation
from chainrule.slopes.custom_functions import check_custom_functions

Score = Callable[[Training, Parameters], float]
Attach = Callable[[Training, int], Training]
Put = Callable[[Parameters], Parameters]


@dataclass(frozen=True)
class ValidationSet:
    """Rows that are only looked at.

    Attributes
    ----------
    table : TrainingSet
    score : callable, optional
        What they say of the parameters, recorded as `val_score`.
    stops : bool
        Whether they decide when to stop and which weights are kept, or are recorded only.
    """

    table: TrainingSet
    score: Score | None = None
    stops: bool = True


@dataclass(frozen=True)
class Fitted:
    """A trained network: what it is, its weights and optimiser, its record; the rows of an epoch."""

    architecture: Architecture
    state: State
    history: History
    optimizer: str
    rows: int


def fit_network(
    settings: Settings,
    table: TrainingSet,
    loss: Loss,
    *,
    seed: int,
    start: State | None = None,
    put: Put | None = None,
    validation: ValidationSet | None = None,
    attach: Attach | None = None,
    distribution: Distribution | None = None,
    checkpoint: CheckpointFile | None = None,
) -> Fitted:
    """Train a network on a table.

    Parameters
    ----------
    settings : Settings
    table : TrainingSet
    loss : Loss
    seed : int
        Of the initial weights, the orders and the dropout masks.
    start : State, optional
        Where to go on from; None draws initial weights.
    put : callable, optional
        Puts given weights in the place of some of those to begin with.
    validation : ValidationSet, optional
    attach : callable, optional
        Given the training and the rows that an epoch visits, returns the training with its hooks.
    distribution : Distribution, optional
        Where to train, if not in memory here.
    checkpoint : CheckpointFile, optional
        Where training is taken up from, if there is a checkpoint, and where it leaves some until it has ended.

    Raises
    ------
    ClusterError, DivergenceError, InvalidParameterError, TargetError
    """
    warn_of_unused_parameters(settings, validated=validation is not None)
    loss.check_target(table.Y)
    examples = table.examples
    rows = examples.m
    if settings.solver in FULL_BATCH and isinstance(examples, Examples) and not settings.drops:
        examples = examples.merged()  # with dropout, copies have masks of their own
    training, state = training_on(settings, table, loss, examples, seed, start, distribution)
    if put is not None:
        state = replace(state, parameters=put(state.parameters))
    if settings.check_derivatives:
        check_custom_functions(training.architecture, table.Y)
    if validation is not None:
        training = replace(training, validation=_judged(validation, training, settings.scoring))
    if attach is not None:
        training = attach(training, rows)
    try:
        state, history = run_training(training, state, settings, checkpoint, drawn=start is None and put is None)
    except DivergenceError as error:
        raise blamed_on_target(error, loss, table) from None
    if start is None:  # a training that diverges has said so
        by_score = validation is not None and validation.stops and settings.scoring != "loss"
        warn_of_unscaled(settings, loss, examples, table.embeddings, by_score)
    if checkpoint is not None and history.stop_reason != StopReason.INTERRUPTED:
        checkpoint.remove()
    return Fitted(training.architecture, writable_copy(state), history, training.plan.optimizer.name, rows)


def run_training(
    training: Training, state: State, settings: Settings, checkpoint: CheckpointFile | None, *, drawn: bool
) -> tuple[State, History]:
    """Run a training from a state, freshly drawn or not, or from its checkpoint, wherever its examples are."""
    run: Callable[..., tuple[State, History]] = train
    if settings.solver == "lbfgs":
        if checkpoint is not None:
            raise InvalidParameterError("checkpoint does not go with solver='lbfgs': choose one that takes steps.")
        run = partial(train_lbfgs, max_fun=settings.max_fun, drawn=drawn)
    elif checkpoint is not None:
        run = partial(train_with_checkpoints, file=checkpoint)
    begin = partial(run, training, state)
    return training.feed.run_on_root(begin) if isinstance(training.feed, ShardFeed) else begin()


def _judged(validation: ValidationSet, training: Training, scoring: Any) -> Validation:
    training.architecture.loss.check_target(validation.table.Y)
    score = None if validation.score is None else partial(validation.score, training)
    monitor = "loss" if scoring == "loss" else "score"
    feed = feed_of(validation.table.examples, training.feed.runner)
    return Validation(feed, score, monitor if validation.stops else None)


def fit_one_epoch(
    settings: Settings, table: TrainingSet, loss: Loss, *, seed: int, start: State | None, attach: Attach
) -> Fitted:
    """Go on by one epoch over the table's rows: what `partial_fit` does."""
    loss.check_target(table.Y)
    examples = table.examples
    training, state = training_on(settings, table, loss, examples, seed, start)
    if settings.check_derivatives and start is None:
        check_custom_functions(training.architecture, table.Y)
    training = replace(training, stopping=replace(training.stopping, max_epochs=1, keep_best=False))
    training = attach(training, examples.m)
    state, history = train(training, state)
    if start is None:
        warn_of_unscaled(settings, loss, examples, table.embeddings, judged=True)  # one epoch, whatever its loss
    return Fitted(training.architecture, writable_copy(state), history, training.plan.optimizer.name, examples.m)


def writable_copy(state: State) -> State:
    """Copy the weights where they are the engine's, which nobody may change: the user's may be."""
    theta = state.parameters.theta
    return state if theta.flags.writeable else replace(state, parameters=replace(state.parameters, theta=theta.copy()))
