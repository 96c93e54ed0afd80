"""Build a training from settings and a dataset, in memory, on disk or distributed."""

from __future__ import annotations

from dataclasses import replace

from chainrule._errors import InvalidParameterError
from chainrule.distributed.distribution import Distribution
from chainrule.engine import choose
from chainrule.fit.build_network import architecture_of, batch_size_of, drawn_state, optimizer_of
from chainrule.fit.dataset import Dataset
from chainrule.fit.parameters import Settings
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.network.losses import Loss
from chainrule.network.schedules import Schedule
from chainrule.network.training.feed import Feed
from chainrule.network.training.initial_bias import at_base_rate
from chainrule.network.training.segment import Plan, State
from chainrule.network.training.setup import Stopping, Training
from chainrule.outofcore.stream_feed import StreamFeed, check_batch

ADAMW_DECAY = 0.01  # PyTorch's default


def build_training(
    settings: Settings,
    dataset: Dataset,
    loss: Loss,
    *,
    seed: int,
    earlier: TrainedNetwork | None = None,
    distribution: Distribution | None = None,
) -> tuple[Training, State]:
    """Build the training of the settings, and the initial state, drawn or that of `earlier`.

    Before the first step, "auto" sets last biases that are 0 to the base rate. A distribution sends the rows in shards
    to the workers.
    """
    m, batch_size = dataset.m, batch_size_of(settings, dataset.m)
    architecture = architecture_of(settings, dataset.n_inputs, dataset.n_outputs, loss, batch_size, dataset.embeddings)
    if settings.solver == "lbfgs" and architecture.drops:
        raise InvalidParameterError("solver='lbfgs' does not support dropout: set dropout to 0 or choose 'adam'.")
    weight_decay = settings.weight_decay
    if weight_decay is None:
        weight_decay = ADAMW_DECAY if settings.solver == "adamw" else 0.0
    plan = Plan(optimizer_of(settings), batch_size, seed, weight_decay, settings.clipnorm, settings.clipvalue)
    rate, steps = settings.learning_rate_init, -(-m // batch_size)
    schedule = Schedule(
        settings.learning_rate, rate, steps, steps * settings.max_iter, m, settings.power_t, settings.warmup_steps
    )
    stopping = Stopping(
        settings.max_iter,
        settings.n_iter_no_change,
        settings.tol,
        settings.restore_best_weights,
        settings.record_loss,
        settings.on_divergence == "raise",
    )
    if earlier is None:
        start = drawn_state(settings, architecture, seed, dataset.dtype(settings))
    else:
        start = earlier.state_for(settings, dataset.n_inputs, dataset.n_outputs)
    begins = not (start.step or start.epoch or start.parameters.b[-1].any())
    if begins and settings.bias_initializer == "auto":
        start = replace(start, parameters=at_base_rate(architecture, start.parameters, *dataset.targets))
    engine = choose(settings.engine, settings.n_threads, architecture)
    if distribution is not None:
        dtype = start.parameters.theta.dtype
        feed: Feed = distribution.feed(dataset.examples, engine, plan, settings.shuffle, dtype)
    else:
        feed = dataset.feed(engine, seed, shuffle=settings.shuffle)
        if isinstance(feed, StreamFeed) and settings.solver != "lbfgs":
            check_batch(feed.rows, batch_size)
    return Training(architecture, plan, feed, schedule, stopping), start
