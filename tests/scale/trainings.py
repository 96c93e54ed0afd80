"""A small training in shards: sizes that differ, a last short batch, weights, dropout, clipping, a penalty."""

import hashlib
from typing import Any

import numpy as np

from chainrule.distributed.sharded import LocalShards
from chainrule.engine import choose
from chainrule.network import Architecture, activation, initial_parameters, loss
from chainrule.network.optimizers import optimizer_named
from chainrule.network.penalties import Penalty
from chainrule.network.schedules import Schedule
from chainrule.network.training.feed import InMemory
from chainrule.network.training.loop import train
from chainrule.network.training.segment import Plan, initial_state
from chainrule.network.training.setup import Stopping, Training, Validation
from chainrule.outofcore.rows import ArrayRows, Block
from chainrule.outofcore.shuffle import ShuffledRows

SIZES = (37, 5, 80, 20, 41)
SEED = 3


def shards_of(sizes=SIZES, weighted=True, dtype=np.float64, shuffle=True, columns=6) -> list[ShuffledRows]:
    """Shards of noise to learn; their relative weights have the mean 1 over all of them."""
    draw = np.random.default_rng(0)
    m = sum(sizes)
    X, Y = draw.normal(size=(m, columns)).astype(dtype), draw.normal(size=(m, 2)).astype(dtype)
    weights = draw.uniform(0.2, 3, m)
    weights /= weights.mean()
    ends = np.cumsum(sizes)
    parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    return [
        ShuffledRows(
            ArrayRows(Block(X[part], Y[part], weights[part] if weighted else None), part.start),
            SEED,
            number,
            shuffle=shuffle,
        )
        for number, part in enumerate(parts)
    ]


def training_of(feed: Any, epochs=3, size=30, dropout=(0.1, 0.2, 0.3), solver="adam", widths=(12, 8)) -> Training:
    """A training on that feed."""
    columns = 6
    architecture = Architecture(
        (columns, *widths, 2),
        (activation("tanh"), activation("silu")),
        loss("squared_error"),
        Penalty(0.01, 0.2),
        dropout,
    )
    plan = Plan(optimizer_named(solver), size, SEED, clip_norm=0.5)
    steps = -(-feed.m // size)
    draw = np.random.default_rng(1)
    held_out = Block(draw.normal(size=(9, columns)), draw.normal(size=(9, 2))).examples
    return Training(
        architecture,
        plan,
        feed,
        Schedule("cosine", 0.01, steps, steps * epochs, feed.m),
        Stopping(epochs),
        Validation(InMemory(held_out, choose("reference"))),
    )


def start_of(training: Training, dtype: Any = np.float64) -> Any:
    """Where it begins."""
    return initial_state(initial_parameters(training.architecture, seed=1, dtype=dtype), training.plan)


def outcome(training: Training, start: Any = None) -> tuple[Any, ...]:
    """All a training comes to, to the bit, but the time it took."""
    state, history = train(training, start_of(training) if start is None else start)
    record = {name: values for name, values in history.columns.items() if name != "seconds"}
    vectors = [vector.tobytes() for vector in (state.parameters.theta, *state.slots)]
    return vectors, state.step, state.epoch, record, history.final, history.stop_reason


def undisturbed(engine="native", **options: Any) -> tuple[Any, ...]:
    """What every cluster must come to: the same training in one process."""
    return outcome(training_of(LocalShards(shards_of(), choose(engine)), **options))


def word(result: object) -> str:
    """A short word for an outcome, to compare those of processes."""
    return hashlib.sha256(repr(result).encode()).hexdigest()
