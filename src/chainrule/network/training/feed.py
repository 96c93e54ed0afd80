"""Feeds: where a training's examples are, and how steps are taken on them.

The training loop knows neither tables nor machines: it asks a `Feed`. The one here has all examples in memory; others
read them from disk or are spread over several machines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np

from chainrule.network.architecture import Architecture
from chainrule.network.draws import permutation
from chainrule.network.examples import Examples
from chainrule.network.parameters import Parameters
from chainrule.network.training.input_scale import InputScale, of_inputs
from chainrule.network.training.runner import Runner
from chainrule.network.training.segment import Plan, State, Totals
from chainrule.network.types import Array

Measure = Callable[[Architecture, Parameters, Examples], Array]
SEGMENT_SECONDS = 0.1  # progress, callbacks and Ctrl-C are looked at about this often


class Feed(Protocol):
    """What the training loop asks of the examples, wherever they are."""

    @property
    def segment_seconds(self) -> float:
        """How long the steps taken at a time should last."""
        ...

    @property
    def m(self) -> int:
        """How many examples an epoch visits."""
        ...

    @property
    def runner(self) -> Runner:
        """The engine that computes on what is in this process' memory."""
        ...

    def take_steps(
        self, architecture: Architecture, plan: Plan, state: State, first: int, rates: Array
    ) -> tuple[State, Totals]:
        """Take one step per rate, beginning with step `first` of the epoch that the state is in."""
        ...

    def mean_loss(self, architecture: Architecture, parameters: Parameters) -> float:
        """Evaluate the data loss at fixed weights."""
        ...

    def measured(self, measure: Measure, architecture: Architecture, parameters: Parameters) -> list[Array]:
        """Return the measure of each part of the examples, in a fixed order."""
        ...

    def cost_and_gradient(
        self, architecture: Architecture, parameters: Parameters, inputs: InputScale | None = None
    ) -> tuple[float, Array]:
        """Evaluate data loss plus L2 penalty over all examples, and its gradient; inputs as given, or standardised."""
        ...


@dataclass(frozen=True)
class InMemory:
    """All examples in memory; every epoch visits them in its own random order, or in that of the table."""

    examples: Examples
    runner: Runner
    shuffle: bool = True
    segment_seconds: ClassVar[float] = SEGMENT_SECONDS

    @property
    def m(self) -> int:
        """How many examples an epoch visits."""
        return self.examples.m

    def take_steps(
        self, architecture: Architecture, plan: Plan, state: State, first: int, rates: Array
    ) -> tuple[State, Totals]:
        """Take one step per rate over consecutive mini-batches of the epoch's order."""
        order, size = self._order(plan.seed, state.epoch), plan.batch_size
        part = order[first * size : (first + len(rates)) * size]
        return self.runner.run_segment(architecture, plan, state, self.examples, part, rates)

    def mean_loss(self, architecture: Architecture, parameters: Parameters) -> float:
        """Evaluate the data loss at fixed weights."""
        return self.runner.mean_loss(architecture, parameters, self.examples)

    def measured(self, measure: Measure, architecture: Architecture, parameters: Parameters) -> list[Array]:
        """Return the measure of the examples, as a list of one."""
        return [measure(architecture, parameters, self.examples)]

    def cost_and_gradient(
        self, architecture: Architecture, parameters: Parameters, inputs: InputScale | None = None
    ) -> tuple[float, Array]:
        """Evaluate data loss plus L2 penalty over all examples, and its gradient; inputs as given, or standardised."""
        return of_inputs(inputs, self.runner, architecture, parameters, self.examples)

    @cached_property
    def _drawn(self) -> dict[tuple[int, int] | None, Array]:
        return {}

    def _order(self, seed: int, epoch: int) -> Array:
        """Return the order of one epoch, drawn once for all its segments."""
        drawn = (seed, epoch) if self.shuffle else None
        if drawn not in self._drawn:
            self._drawn.clear()
            self._drawn[drawn] = np.arange(self.m) if drawn is None else permutation(*drawn, self.m)
        return self._drawn[drawn]
