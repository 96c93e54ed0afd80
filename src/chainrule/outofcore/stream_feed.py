"""A `Feed` that reads a training's rows when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.architecture import Architecture
from chainrule.network.examples import Examples
from chainrule.network.parameters import Parameters
from chainrule.network.training.feed import SEGMENT_SECONDS, Measure
from chainrule.network.training.input_scale import InputScale, of_inputs
from chainrule.network.training.runner import Runner
from chainrule.network.training.segment import Plan, State, Totals
from chainrule.network.types import Array
from chainrule.outofcore.memory import BLOCK, WINDOW, megabytes_for
from chainrule.outofcore.rows import Block
from chainrule.outofcore.shuffle import ShuffledRows


def check_batch(rows: ShuffledRows, size: int) -> None:
    """Raise InvalidParameterError if a mini-batch has more rows than are in memory at a time."""
    most = rows.block * rows.window
    if size <= most:
        return
    remedies = ["Lower it", "choose a solver that takes mini-batches"]
    if size <= BLOCK * WINDOW:
        row = rows.rows.read(0, 1)
        remedies.append(f"allow {megabytes_for(size, row.X.nbytes + row.Y.nbytes):,} MB of memory")
    raise InvalidParameterError(
        f"a step on {size:,} rows does not fit into the memory; the batch size can be at most {most:,}. "
        f"{', or '.join(remedies)}."
    )


@dataclass(frozen=True)
class StreamFeed:
    """A `Feed` of mini-batches of consecutive rows in the order of `ShuffledRows`.

    Parameters
    ----------
    rows : ShuffledRows
    runner : Runner
    """

    rows: ShuffledRows
    runner: Runner
    segment_seconds: ClassVar[float] = SEGMENT_SECONDS
    _last: list[Any] = field(default_factory=list, repr=False)  # window and its examples

    @property
    def m(self) -> int:
        """The number of examples of an epoch."""
        return self.rows.m

    def take_steps(
        self, architecture: Architecture, plan: Plan, state: State, first: int, rates: Array
    ) -> tuple[State, Totals]:
        """Take one step per rate over consecutive mini-batches of the epoch's order."""
        losses: list[float] = []
        end = first + len(rates)
        while first < end:
            steps, examples, order = self._next(state.epoch, first, plan.batch_size)
            part = rates[len(losses) : len(losses) + steps]
            order = order[: len(part) * plan.batch_size]
            state, totals = self.runner.run_segment(architecture, plan, state, examples, order, part)
            losses += totals.losses
            first += len(part)
        return state, Totals(tuple(losses), totals.gradient_norm)

    def _next(self, epoch: int, step: int, size: int) -> tuple[int, Examples, Array]:
        """Return how many steps can be taken at once, their examples, and the positions of their mini-batches."""
        begin, stop = step * size, min((step + 1) * size, self.m)
        start, window = self.rows.window_at(epoch, begin)
        end = start + len(window)
        if stop > end:  # a mini-batch with rows of two windows
            block = self.rows.take(epoch, begin, stop)
            return 1, block.examples, np.arange(len(block))
        steps = -(-(end - begin) // size) if end == self.m else (end - begin) // size
        return steps, self._examples_of(window), np.arange(begin - start, end - start)

    def _examples_of(self, window: Block) -> Examples:
        """Return the same object for the same window: engines recognise examples by identity."""
        if not self._last or self._last[0] is not window:
            self._last[:] = window, window.examples
        examples: Examples = self._last[1]
        return examples

    def mean_loss(self, architecture: Architecture, parameters: Parameters) -> float:
        """Evaluate the data's loss at fixed weights."""
        return sum(
            share * self.runner.mean_loss(architecture, parameters, block.examples) for share, block in self._blocks()
        )

    def measured(self, measure: Measure, architecture: Architecture, parameters: Parameters) -> list[Array]:
        """Return the value of a measure on each block, in the order of the table."""
        return [measure(architecture, parameters, block.examples) for _, block in self._blocks()]

    def cost_and_gradient(
        self, architecture: Architecture, parameters: Parameters, inputs: InputScale | None = None
    ) -> tuple[float, Array]:
        """Evaluate the smooth cost over all examples, and its gradient; inputs are standardised if a scale is given."""
        cost, d = 0.0, np.zeros(len(parameters.theta))
        for share, block in self._blocks():
            part, gradient = of_inputs(inputs, self.runner, architecture, parameters, block.examples)
            cost, d = cost + share * part, d + share * gradient
        return cost, d

    def _blocks(self) -> Iterator[tuple[float, Block]]:
        """Yield blocks of all rows in the order of the table, each with its share of the rows."""
        size = at_once(self.rows)
        for start in range(0, self.m, size):
            stop = min(start + size, self.m)
            yield (stop - start) / self.m, self.rows.rows.read(start, stop)


def at_once(rows: ShuffledRows) -> int:
    """Return how many rows to read at a time, in addition to the windows in memory."""
    return rows.block * -(-rows.window // 4)
