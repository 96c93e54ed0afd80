"""What a training asks of whoever connects its ranks. Nothing else in the library knows how they are connected."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule._errors import ClusterError
from chainrule.distributed.reduction import Reduction, TreeSum
from chainrule.network.types import Array


class PeerLostError(ClusterError):
    """Another rank has gone, or says nothing: what it was told to do has to be done again."""


class Communicator(ABC):
    """One rank's way to all others.

    Attributes
    ----------
    rank : int
        This one; from 0 on.
    size : int
        How many there are.
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

    def reduction(self, n_shards: int, length: int, dtype: np.dtype[Any]) -> Reduction:
        """Return who adds the shards' vectors: along one tree, so that the sum does not depend on the ranks."""
        return TreeSum(self, n_shards, length, dtype)

    def close(self) -> None:
        """Let go of the others."""
        return
