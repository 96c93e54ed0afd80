"""Every quantity of one pass, which a trace hands to whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chainrule.derivation.models.problem import Problem
from chainrule.network.types import Array


@dataclass(frozen=True)
class PassValues:
    """The numbers of a `Trace`, where each is described."""

    problem: Problem
    W: list[Any]
    b: list[Any]
    Z: list[Any]
    A: list[Any]
    dZ: list[Any]
    dA: list[Any]
    dW: list[Any]
    db: list[Any]
    loss: Array
    data_loss: float
    penalty: float
    learning_rate: float
    new_W: list[Any]
    new_b: list[Any]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    E: list[Array] = field(default_factory=list)
    C: list[Array] = field(default_factory=list)
    dE: list[Array] = field(default_factory=list)
    new_E: list[Array] = field(default_factory=list)

    @property
    def cost(self) -> float:
        """J."""
        return self.data_loss + self.penalty

    @property
    def masks(self) -> list[Array | None] | None:
        """The dropout factors, frozen."""
        return self.problem.masks

    @property
    def weights(self) -> Array | None:
        """The examples' weights."""
        return self.problem.weights

    @property
    def L(self) -> int:
        """The number of layers with weights."""
        return self.problem.architecture.L

    @property
    def widths(self) -> tuple[int, ...]:
        """n[0] to n[L]."""
        return self.problem.architecture.widths
