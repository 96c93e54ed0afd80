"""Communicators: how the ranks of a training exchange arrays. Nothing else knows how they are connected."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from chainrule._errors import ClusterError
from chainrule.network.types import Array


class PeerLostError(ClusterError):
    """Another rank has gone or does not answer: its work has to be done again."""


class Communicator(ABC):
    """One rank's connection to all others.

    Attributes
    ----------
    rank : int
        The number of this rank, from 0.
    size : int
        The number of ranks.
    """

    rank: int
    size: int

    @abstractmethod
    def exchange(self, outgoing: Sequence[Array], incoming: Sequence[Array]) -> None:
        """Send `outgoing[q]` to every other rank q, and receive what it sends here in `incoming[q]`.

        Raises
        ------
        PeerLostError
        """


class Local(Communicator):
    """The only rank, which has all shards."""

    rank, size = 0, 1

    def exchange(self, outgoing: Sequence[Array], incoming: Sequence[Array]) -> None:
        """There is no other rank."""
