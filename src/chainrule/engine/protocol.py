"""The protocol of an engine: a `Runner` with a name that can tell which networks it does not support.

Engines differ only in speed. Given the same weights, orders and keys they return the numbers of the reference: within
1e-12 relative in float64, and 1e-4 in float32 after 50 steps.
"""

from __future__ import annotations

from typing import Protocol

from chainrule.network.architecture import Architecture
from chainrule.network.training.runner import Runner


class Engine(Runner, Protocol):
    """A runner with a name, which may not support every network."""

    name: str

    def cannot(self, architecture: Architecture) -> str | None:
        """Name the part of a network that the engine does not support, such as a custom activation; None if all."""
        ...
