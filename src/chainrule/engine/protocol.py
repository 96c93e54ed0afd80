"""What an engine is: a `Runner` of the training loop that can say what it is and what it cannot do.

Engines differ in speed alone. Given the same weights, orders and keys they return the same numbers: to 1e-12
relative in float64 and 1e-4 in float32 after 50 steps, against the reference.
"""

from __future__ import annotations

from typing import Protocol

from chainrule.network.architecture import Architecture
from chainrule.network.training.runner import Runner


class Engine(Runner, Protocol):
    """A runner with a name."""

    name: str

    def cannot(self, architecture: Architecture) -> str | None:
        """Say what of this network the engine cannot run (a user's own activation, say); None if it can."""
        ...
