"""Train a network from settings and a dataset, for estimators and for table models."""

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
from chainrule.fit.build_training import build_training
from chainrule.fit.dataset import Dataset
from chainrule.fit.parameters import FULL_BATCH, Settings
from chainrule.fit.scale_warnings import blamed_on_target, warn_of_unscaled
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.fit.unused_parameters import warn_of_unused_parameters
from chainrule.network.losses import Loss
from chainrule.network.parameters import Parameters
from chainrule.network.training.history import History
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
    """Validation rows.

    Attributes
    ----------
    dataset : Dataset
    score : callable, optional
        The score of the parameters on these rows, recorded as `val_score`.
    stops : bool
        Whether they decide when to stop and which weights to keep, or are only recorded.
    """

    dataset: Dataset
    score: Score | None = None
    stops: bool = True


def fit_network(
    settings: Settings,
    dataset: Dataset,
    loss: Loss,
    *,
    seed: int,
    earlier: TrainedNetwork | None = None,
    put: Put | None = None,
    validation: ValidationSet | None = None,
    attach: Attach | None = None,
    distribution: Distribution | None = None,
    checkpoint: CheckpointFile | None = None,
) -> TrainedNetwork:
    """Train a network on a dataset.

    Parameters
    ----------
    settings : Settings
    dataset : Dataset
    loss : Loss
    seed : int
        Seed of initial weights, row orders and dropout masks.
    earlier : TrainedNetwork, optional
        The network to continue from; None draws initial weights.
    put : callable, optional
        Replaces some of the initial weights by given ones.
    validation : ValidationSet, optional
    attach : callable, optional
        Called with the training and the number of rows of an epoch; returns the training with its hooks.
    distribution : Distribution, optional
        Where to train, if not in this process.
    checkpoint : CheckpointFile, optional
        The file that training resumes from, if it exists, and writes checkpoints to; the caller deletes it.

    Raises
    ------
    ClusterError, DivergenceError, InvalidParameterError, TargetError
    """
    warn_of_unused_parameters(settings, validated=validation is not None)
    loss.check_target(dataset.Y)
    merges = settings.solver in FULL_BATCH and not settings.drops  # with dropout, copies have masks of their own
    rows = dataset.merged() if merges else dataset
    training, state = build_training(settings, rows, loss, seed=seed, earlier=earlier, distribution=distribution)
    if put is not None:
        state = replace(state, parameters=put(state.parameters))
    if settings.check_derivatives:
        check_custom_functions(training.architecture, dataset.Y)
    if validation is not None:
        training = replace(training, validation=_judged(validation, training, settings.scoring))
    if attach is not None:
        training = attach(training, dataset.m)
    try:
        state, history = run_training(training, state, settings, checkpoint, drawn=earlier is None and put is None)
    except DivergenceError as error:
        raise blamed_on_target(error, loss, dataset) from None
    if earlier is None:  # a training that diverges has raised or warned
        by_score = validation is not None and validation.stops and settings.scoring != "loss"
        warn_of_unscaled(settings, loss, rows, by_score)
    return TrainedNetwork.of(training, state, history, dataset.m, earlier)


def run_training(
    training: Training, state: State, settings: Settings, checkpoint: CheckpointFile | None, *, drawn: bool
) -> tuple[State, History]:
    """Run a training from a state, newly drawn or not, or from its checkpoint, in memory or distributed."""
    run: Callable[..., tuple[State, History]] = train
    if settings.solver == "lbfgs":
        if checkpoint is not None:
            raise InvalidParameterError("checkpoint does not go with solver='lbfgs': choose one that takes steps.")
        run = partial(train_lbfgs, max_fun=settings.max_fun, drawn=drawn)
    elif checkpoint is not None:
        run = partial(train_with_checkpoints, file=checkpoint)
    begin = partial(run, training, state)
    state, history = training.feed.run_on_root(begin) if isinstance(training.feed, ShardFeed) else begin()
    return _writable(state), history


def _judged(validation: ValidationSet, training: Training, scoring: Any) -> Validation:
    training.architecture.loss.check_target(validation.dataset.Y)
    score = None if validation.score is None else partial(validation.score, training)
    monitor = "loss" if scoring == "loss" else "score"
    feed = validation.dataset.feed(training.feed.runner)
    return Validation(feed, score, monitor if validation.stops else None)


def fit_one_epoch(
    settings: Settings,
    dataset: Dataset,
    loss: Loss,
    *,
    seed: int,
    earlier: TrainedNetwork | None = None,
    attach: Attach,
) -> TrainedNetwork:
    """Train for one more epoch on the rows of a dataset, for `partial_fit`."""
    loss.check_target(dataset.Y)
    training, state = build_training(settings, dataset, loss, seed=seed, earlier=earlier)
    if settings.check_derivatives and earlier is None:
        check_custom_functions(training.architecture, dataset.Y)
    training = replace(training, stopping=replace(training.stopping, max_epochs=1, keep_best=False))
    training = attach(training, dataset.m)
    state, history = train(training, state)
    if earlier is None:
        warn_of_unscaled(settings, loss, dataset, judged=True)  # one epoch, whatever its loss
    return TrainedNetwork.of(training, _writable(state), history, dataset.m, earlier)


def _writable(state: State) -> State:
    """Copy weights that the engine owns, which must not change: the user may change those of an estimator."""
    theta = state.parameters.theta
    return state if theta.flags.writeable else replace(state, parameters=replace(state.parameters, theta=theta.copy()))
