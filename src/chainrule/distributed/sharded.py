"""Training on a table cut into shards: a segment as a pure function, wherever the shards are.

Every step takes rows from every shard in proportion to its size. The gradient of a shard's rows is one call of the
engine, and the shards' gradients are added along a fixed tree. So one process and any number of ranks reach the same
state, to the bit.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from chainrule._errors import ClusterError, DivergenceError, InvalidParameterError
from chainrule.distributed.communicators.base import Communicator, Local
from chainrule.distributed.reduction import TreeSum, tree_sum
from chainrule.network.architecture import Architecture
from chainrule.network.examples import Examples
from chainrule.network.parameters import Parameters
from chainrule.network.training import segment
from chainrule.network.training.feed import SEGMENT_SECONDS, Measure
from chainrule.network.training.input_scale import InputScale, of_inputs
from chainrule.network.training.runner import Runner
from chainrule.network.training.segment import Plan, State, Totals
from chainrule.network.types import Array
from chainrule.outofcore.rows import ArrayRows, Block, DivisibleRows, Rows
from chainrule.outofcore.shuffle import ShuffledRows, quota

Result = TypeVar("Result")
_EVALUATED = 1 << 16  # rows of a shard that are read at a time for an evaluation


@dataclass(frozen=True)
class Steps:
    """One segment: everything but the shards that is needed to take one step per learning rate.

    Attributes
    ----------
    architecture, plan, state
        As in `chainrule.network.training.segment`; the mini-batches have `plan.batch_size` rows of all shards together.
    sizes : tuple of int
        How many rows each shard has.
    first : int
        The number of the first step within the epoch.
    rates : ndarray of shape (steps,)
    """

    architecture: Architecture
    plan: Plan
    state: State
    sizes: tuple[int, ...]
    first: int
    rates: Array

    def places(self, step: int, shard: int) -> tuple[int, int]:
        """Return the range of a shard's order of the epoch that belongs to a step."""
        size, m, all_rows = self.plan.batch_size, self.sizes[shard], sum(self.sizes)
        return quota(step, size, m, all_rows), quota(step + 1, size, m, all_rows)

    def rows(self, step: int) -> int:
        """Count the rows of a step, over all shards."""
        return sum(stop - start for start, stop in (self.places(step, shard) for shard in range(len(self.sizes))))


def run_shards(
    steps: Steps, shards: Mapping[int, ShuffledRows], communicator: Communicator, engine: Runner
) -> tuple[State, Totals]:
    """Take one step per learning rate; every rank reaches the same state.

    Parameters
    ----------
    steps : Steps
    shards : mapping of int to ShuffledRows
        This rank's shards by number: those of `reduction.run_of`.
    communicator : Communicator
    engine : Runner

    Returns
    -------
    (State, Totals)

    Raises
    ------
    DivergenceError
        At the first step whose loss or gradient is not finite, naming the step and the layer.
    PeerLostError
        If another rank has gone.
    """
    architecture, plan, state = steps.architecture, steps.plan, steps.state
    theta = state.parameters.theta
    reduction = TreeSum(communicator, len(steps.sizes), len(theta) + 1, theta.dtype)
    losses, length = [], 0.0
    for step, rate in enumerate(steps.rates.tolist(), steps.first):
        blocks = {shard: rows.take(state.epoch, *steps.places(step, shard)) for shard, rows in shards.items()}
        for shard, block in blocks.items():
            _fill(reduction.vectors[shard], architecture, plan, state, block, engine)
        total = reduction.total()
        loss = float(total[-1])
        reached, length = segment.descended(architecture, plan, state, total[:-1] / steps.rows(step), loss, rate)
        if reached is None:
            raise _divergence(architecture, plan, state, list(blocks.values()))
        state = reached
        losses.append(loss)
    return state, Totals(tuple(losses), length)


def _fill(vector: Array, architecture: Architecture, plan: Plan, state: State, block: Block, engine: Runner) -> None:
    """Write a shard's part of a step to the vector to be added up: the sum of its gradients, then of its losses."""
    if len(block):
        vector[-1] = engine.gradient_sum(architecture, plan, state, block.examples, vector[:-1])
    else:
        vector.fill(0)


def _divergence(architecture: Architecture, plan: Plan, state: State, blocks: list[Block]) -> DivergenceError:
    """Say which tensor is not finite, by the first shard that shows it."""
    errors = [segment.divergence_of(architecture, plan, state, block.examples) for block in blocks if len(block)]
    return first_named([*errors, segment.not_finite(state.step, "the loss", architecture.L)])


def first_named(errors: Sequence[DivergenceError]) -> DivergenceError:
    """Return the first error of a diverged step that names a tensor."""
    return next((error for error in errors if error.tensor != "the loss"), errors[0])


Evaluation = Callable[[Rows, Architecture, Parameters, Runner], Any]  # of one shard, at fixed weights, dropout off


def shard_loss(rows: Rows, architecture: Architecture, parameters: Parameters, engine: Runner) -> float:
    """Σ w L over a shard."""
    return math.fsum(
        len(block) * engine.mean_loss(architecture, parameters, block.examples) for block in _evaluated(rows)
    )


def shard_measured(
    measure: Measure, rows: Rows, architecture: Architecture, parameters: Parameters, engine: Runner
) -> list[Array]:
    """The measure of each part of a shard."""
    return [measure(architecture, parameters, block.examples) for block in _evaluated(rows)]


def shard_gradient(
    inputs: InputScale | None, rows: Rows, architecture: Architecture, parameters: Parameters, engine: Runner
) -> Array:
    """The gradient of Σ w L over a shard, followed by Σ w L, in float64."""
    total = np.zeros(len(parameters.theta) + 1)
    for block in _evaluated(rows):
        cost, d = of_inputs(inputs, engine, architecture, parameters, block.examples)
        total += len(block) * np.append(d, cost)
    return total


def _evaluated(rows: Rows) -> Iterator[Block]:
    return (rows.read(start, min(start + _EVALUATED, rows.m)) for start in range(0, rows.m, _EVALUATED))


def digest(state: State) -> str:
    """Return a short hash of a state's weights and slots, to compare states of several ranks."""
    words = hashlib.sha256()
    for vector in (state.parameters.theta, *state.slots):
        words.update(np.ascontiguousarray(vector).data)
    return words.hexdigest()[:16]


def check_digests(digests: Sequence[str], steps: Steps) -> None:
    """Raise ClusterError unless all ranks have reached the same state."""
    if len(set(digests)) > 1:
        raise ClusterError(
            f"the ranks do not agree on the weights after step {steps.state.step + len(steps.rates)}: their digests "
            f"are {', '.join(digests)}. One of them computes wrongly, or has another version of NumPy: check the "
            "machines, and go on from the last checkpoint."
        )


def cut(examples: Examples | DivisibleRows, n_shards: int, dtype: np.dtype[Any]) -> Sequence[DivisibleRows]:
    """Cut examples into shards of consecutive rows, whose sizes differ by at most one row.

    Raises
    ------
    InvalidParameterError
        If X is sparse, or there are fewer rows than shards.
    """
    if isinstance(examples, Examples) and hasattr(examples.X, "indptr"):
        raise InvalidParameterError("training in shards needs a dense X, got a sparse one: pass X.toarray().")
    if not 1 <= n_shards <= examples.m:
        raise InvalidParameterError(
            f"shards must be at least 1 and at most the {examples.m} rows to train on, got {n_shards}."
        )
    borders = [shard * examples.m // n_shards for shard in range(n_shards + 1)]
    if not isinstance(examples, Examples):
        return [examples.part(*place) for place in pairwise(borders)]
    return [ArrayRows(_block(examples, slice(*place), dtype), place[0]) for place in pairwise(borders)]


def _block(examples: Examples, places: slice, dtype: np.dtype[Any]) -> Block:
    X, Y, weights = examples.batch(places, dtype)
    return Block(
        np.ascontiguousarray(X.T),
        np.ascontiguousarray(Y.T),
        None if weights is None else weights.astype(np.float64),
    )


def check_batches(batch_size: int, n_shards: int) -> None:
    """Raise InvalidParameterError if a mini-batch has fewer rows than there are shards."""
    if batch_size < n_shards:
        raise InvalidParameterError(
            f"batch_size must be at least the number of shards, since a step takes rows from all of them; got "
            f"batch_size={batch_size} and shards={n_shards}. Raise batch_size (32 rows for each shard keep the engine "
            "busy) or lower shards."
        )


class ShardFeed(ABC):
    """A feed of rows in shards: what feeds of one process and of a cluster have in common.

    Attributes
    ----------
    sizes : tuple of int
        How many rows each shard has.
    runner : Runner
        The engine that computes on what is in this process' memory.
    """

    segment_seconds = SEGMENT_SECONDS
    sizes: tuple[int, ...]
    runner: Runner

    @property
    def m(self) -> int:
        """How many examples an epoch visits."""
        return sum(self.sizes)

    def take_steps(
        self, architecture: Architecture, plan: Plan, state: State, first: int, rates: Array
    ) -> tuple[State, Totals]:
        """Take one step per rate, beginning with step `first` of the epoch that the state is in."""
        return self.run(Steps(architecture, plan, state, self.sizes, first, rates))

    def mean_loss(self, architecture: Architecture, parameters: Parameters) -> float:
        """Evaluate the data loss at fixed weights."""
        return math.fsum(self.evaluate(shard_loss, architecture, parameters)) / self.m

    def measured(self, measure: Measure, architecture: Architecture, parameters: Parameters) -> list[Array]:
        """Return the measure of each part of each shard, in their order."""
        found = self.evaluate(partial(shard_measured, measure), architecture, parameters)
        return [part for parts in found for part in parts]

    def cost_and_gradient(
        self, architecture: Architecture, parameters: Parameters, inputs: InputScale | None = None
    ) -> tuple[float, Array]:
        """Evaluate data loss plus L2 penalty over all examples, and its gradient, added along the tree."""
        sums = self.evaluate(partial(shard_gradient, inputs), architecture, parameters)
        leaves = {(shard, shard + 1): vector for shard, vector in enumerate(sums)}
        *_, data_loss = total = tree_sum(leaves, (0, len(sums))) / self.m
        return float(data_loss), total[:-1]

    def run_on_root(self, training: Callable[[], Result]) -> Result:
        """Run a training on this feed, on the root rank if there are several, and return its result on every rank."""
        return training()

    @abstractmethod
    def run(self, steps: Steps) -> tuple[State, Totals]:
        """Run a segment as `run_shards` does, wherever the shards are."""

    @abstractmethod
    def evaluate(self, what: Evaluation, architecture: Architecture, parameters: Parameters) -> list[Any]:
        """Evaluate each shard where it is; return the results in the order of the shards."""


class LocalShards(ShardFeed):
    """All shards in this process. A cluster's feed gives the same bits."""

    def __init__(self, shards: Sequence[ShuffledRows], runner: Runner) -> None:
        self.shards, self.runner = dict(enumerate(shards)), runner
        self.sizes = tuple(shard.m for shard in shards)

    def run(self, steps: Steps) -> tuple[State, Totals]:
        """Run the segment in this process."""
        return run_shards(steps, self.shards, Local(), self.runner)

    def evaluate(self, what: Evaluation, architecture: Architecture, parameters: Parameters) -> list[Any]:
        """Evaluate each shard where it is; return the results in the order of the shards."""
        return [what(shard.rows, architecture, parameters, self.runner) for shard in self.shards.values()]
