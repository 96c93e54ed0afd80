"""A training's examples from rows that are read as they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainrule.network.architecture import Architecture
from chainrule.network.feed import Runner
from chainrule.network.parameters import Parameters
from chainrule.network.segment import Plan, State, Totals
from chainrule.network.types import Array
from chainrule.scale.order import ShuffledRows, quota
from chainrule.scale.rows import Block


@dataclass(frozen=True)
class StreamFeed:
    """A `Feed` of rows in the order that `ShuffledRows` gives them; as many as a window are worked on at a time.

    Parameters
    ----------
    rows : ShuffledRows
    runner : Runner
    """

    rows: ShuffledRows
    runner: Runner

    @property
    def m(self) -> int:
        """How many examples an epoch visits."""
        return self.rows.m

    def take_steps(
        self, architecture: Architecture, plan: Plan, state: State, first: int, rates: Array
    ) -> tuple[State, Totals]:
        """Take one step per rate over consecutive mini-batches of the epoch's order."""
        losses: list[float] = []
        most = max(1, self._at_once // plan.batch_size)
        for begin in range(0, len(rates), most):
            part = rates[begin : begin + most]
            start, stop = (quota(first + begin + steps, plan.batch_size, self.m, self.m) for steps in (0, len(part)))
            block = self.rows.take(state.epoch, start, stop)
            order = np.arange(len(block))
            state, totals = self.runner.run_segment(architecture, plan, state, block.examples, order, part)
            losses += totals.losses
        return state, Totals(tuple(losses), totals.gradient_norm)

    def mean_loss(self, architecture: Architecture, parameters: Parameters) -> float:
        """Evaluate the data's loss at fixed weights."""
        return sum(
            share * self.runner.mean_loss(architecture, parameters, block.examples) for share, block in self._blocks()
        )

    def cost_and_gradient(self, architecture: Architecture, parameters: Parameters) -> tuple[float, Array]:
        """Evaluate the smooth cost over all examples, and its gradient."""
        cost, d = 0.0, np.zeros(len(parameters.theta))
        for share, block in self._blocks():
            part, gradient = self.runner.cost_and_gradient(architecture, parameters, block.examples)
            cost, d = cost + share * part, d + share * gradient
        return cost, d

    @property
    def _at_once(self) -> int:
        return self.rows.block * self.rows.window

    def _blocks(self) -> Iterator[tuple[float, Block]]:
        """All rows in the order of the table, and what share of them each block is."""
        for start in range(0, self.m, self._at_once):
            stop = min(start + self._at_once, self.m)
            yield (stop - start) / self.m, self.rows.rows.read(start, stop)
