"""Ranks of an MPI job, by mpi4py, which whoever makes the communicator has imported."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.distributed.communicators.base import Communicator
from chainrule.distributed.reduction import Reduction, run_of
from chainrule.network.types import Array

if TYPE_CHECKING:
    from mpi4py import MPI


class MPICommunicator(Communicator):
    """A rank of an MPI communicator.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
    fast : bool, default False
        Leave the sum to MPI, whose order depends on the number of ranks and on its makers: quicker for long vectors,
        and the weights are the same up to rounding only.
    """

    def __init__(self, comm: MPI.Comm, *, fast: bool = False) -> None:
        self.comm, self.fast = comm, fast
        self.rank, self.size = comm.Get_rank(), comm.Get_size()

    def exchange(self, outgoing: Sequence[Array], incoming: Sequence[Array]) -> None:
        """Send and receive at once, with every other rank."""
        peers = [peer for peer in range(self.size) if peer != self.rank]
        requests = [self.comm.Irecv(incoming[peer], peer) for peer in peers]
        requests += [self.comm.Isend(outgoing[peer], peer) for peer in peers]
        for request in requests:
            request.Wait()

    def reduction(self, n_shards: int, length: int, dtype: np.dtype[Any]) -> Reduction:
        """Return who adds the shards' vectors: along the tree, or MPI as it likes."""
        if self.fast:
            return AllreduceSum(self, n_shards, length, dtype)
        return super().reduction(n_shards, length, dtype)


class AllreduceSum(Reduction):
    """MPI's own sum."""

    def __init__(self, communicator: MPICommunicator, n_shards: int, length: int, dtype: np.dtype[Any]) -> None:
        self.comm = communicator.comm
        run = run_of(communicator.rank, communicator.size, n_shards)
        self.vectors = {shard: np.empty(length, dtype) for shard in run}
        self.sum = np.empty(length, dtype)

    def total(self) -> Array:
        """Return the sum of all shards' vectors; the next call overwrites it."""
        mine: Array = reduce(lambda total, vector: np.add(total, vector, out=total), self.vectors.values())
        self.comm.Allreduce(mine, self.sum)
        return self.sum
