"""From settings and examples, wherever they are, to a training that is ready to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.distributed.distribution import Distribution
from chainrule.engine import choose
from chainrule.fit.build_network import architecture_of, batch_size_of, drawn_state, optimizer_of, training_dtype
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.parameters import Settings
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.losses import Loss
from chainrule.network.schedules import Schedule
from chainrule.network.training.feed import Feed, InMemory
from chainrule.network.training.initial_bias import at_base_rate
from chainrule.network.training.runner import Runner
from chainrule.network.training.segment import Plan, State
from chainrule.network.training.setup import Stopping, Training
from chainrule.network.types import Array
from chainrule.outofcore.rows import DivisibleRows
from chainrule.outofcore.shuffle import ShuffledRows
from chainrule.outofcore.stored_matrix import StoredRows
from chainrule.outofcore.stream_feed import StreamFeed, check_batch

ADAMW_DECAY = 0.01  # PyTorch's default


@dataclass(frozen=True)
class Shape:
    """What of a training's examples decides the network and its schedule: how many, how wide, how precise."""

    m: int
    n_inputs: int
    n_outputs: int
    dtype: np.dtype[Any]
    embeddings: tuple[Embedding, ...] = ()


def feed_of(examples: Examples | StoredRows, runner: Runner, seed: int = 0, *, shuffle: bool = False) -> Feed:
    """Give the examples to who computes on them, wherever they are; without shuffling in the order of the table."""
    if isinstance(examples, Examples):
        return InMemory(examples, runner, shuffle)
    block, window = examples.X.order
    return StreamFeed(ShuffledRows(examples, seed, block=block, window=window, shuffle=shuffle), runner)


def training_on(
    settings: Settings,
    table: TrainingSet,
    loss: Loss,
    examples: Examples | StoredRows,
    seed: int,
    start: State | None,
    distribution: Distribution | None = None,
) -> tuple[Training, State]:
    """Pose a training on some examples of a table, here or in shards elsewhere; None as a start draws one."""
    dtype = training_dtype(settings, table.X, table.Y) if start is None else start.parameters.theta.dtype
    shape = Shape(examples.m, table.X.shape[1], table.Y.shape[1], dtype, table.embeddings)

    def feed(runner: Runner) -> Feed:
        return feed_of(examples, runner, seed, shuffle=settings.shuffle)

    def base() -> tuple[Array, Array | None]:
        if isinstance(examples, Examples):
            return examples.batch(slice(None), np.dtype(np.float64))[1:]
        return examples.targets

    training, state = build_training(settings, shape, loss, feed, base, seed=seed, start=start)
    if distribution is not None:
        training = in_shards(training, settings, distribution, examples, shape.dtype)
    elif isinstance(training.feed, StreamFeed) and settings.solver != "lbfgs":
        check_batch(training.feed.rows, training.plan.batch_size)
    return training, state


def in_shards(
    training: Training,
    settings: Settings,
    distribution: Distribution,
    examples: Examples | DivisibleRows,
    dtype: np.dtype[Any],
) -> Training:
    """Cut the examples of a training into shards, and bring them to where they are trained on."""
    engine = choose(settings.engine, settings.n_threads, training.architecture)
    return replace(training, feed=distribution.feed(examples, engine, training.plan, settings.shuffle, dtype))


def build_training(
    settings: Settings,
    shape: Shape,
    loss: Loss,
    feed: Callable[[Runner], Feed],
    base: Callable[[], tuple[Array, Array | None]],
    *,
    seed: int,
    start: State | None = None,
) -> tuple[Training, State]:
    """Pose the training that the settings describe, on examples wherever they are.

    Parameters
    ----------
    settings : Settings
    shape : Shape
    loss : Loss
    feed : callable
        Gives the examples to who computes on them.
    base : callable
        Gives targets (n[L], k) and their weights, if any: where the last bias starts.
    seed : int
    start : State, optional
        None draws initial weights. Where no step is taken yet, "auto" starts last biases that are 0 at the base rate.
    """
    batch_size = batch_size_of(settings, shape.m)
    architecture = architecture_of(settings, shape.n_inputs, shape.n_outputs, loss, batch_size, shape.embeddings)
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
    steps = -(-shape.m // batch_size)
    schedule = Schedule(
        settings.learning_rate,
        settings.learning_rate_init,
        steps,
        steps * settings.max_iter,
        shape.m,
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
        start = drawn_state(settings, architecture, seed, shape.dtype)
    begins = not (start.step or start.epoch or start.parameters.b[-1].any())
    if begins and settings.bias_initializer == "auto":
        start = replace(start, parameters=at_base_rate(architecture, start.parameters, *base()))
    engine = choose(settings.engine, settings.n_threads, architecture)
    return Training(architecture, plan, feed(engine), schedule, stopping), start
