"""The protocol of whatever computes on examples in memory; every engine follows it."""

from __future__ import annotations

from typing import Any, Protocol

from chainrule.network.architecture import Architecture
from chainrule.network.examples import Examples
from chainrule.network.parameters import Parameters
from chainrule.network.training.segment import Plan, State, Totals
from chainrule.network.types import Array


class Runner(Protocol):
    """Computes on examples in memory. The module `chainrule.network.training.segment` is the reference runner."""

    def run_segment(
        self, architecture: Architecture, plan: Plan, state: State, examples: Examples, order: Array, rates: Array
    ) -> tuple[State, Totals]:
        """Take one step per learning rate."""
        ...

    def mean_loss(self, architecture: Architecture, parameters: Parameters, examples: Examples) -> float:
        """Evaluate the data loss at fixed weights."""
        ...

    def logits(self, architecture: Architecture, parameters: Parameters, X: Any) -> Array:
        """Evaluate Z[L] of a batch of columns."""
        ...

    def cost_and_gradient(
        self, architecture: Architecture, parameters: Parameters, examples: Examples
    ) -> tuple[float, Array]:
        """Evaluate the data loss plus the L2 penalty over all examples, and the gradient of that sum."""
        ...

    def gradient_sum(
        self, architecture: Architecture, plan: Plan, state: State, examples: Examples, out: Array
    ) -> float:
        """Write the gradient of Σ w L in the state's next step to `out`; return Σ w L."""
        ...
