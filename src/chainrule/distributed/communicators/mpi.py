"""Ranks of an MPI job, by mpi4py, which has been imported by the time a communicator is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainrule.distributed.communicators.base import Communicator
from chainrule.network.types import Array

if TYPE_CHECKING:
    from mpi4py import MPI


class MPICommunicator(Communicator):
    """A rank of an MPI communicator.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
    """

    def __init__(self, comm: MPI.Comm) -> None:
        self.comm = comm
        self.rank, self.size = comm.Get_rank(), comm.Get_size()

    def exchange(self, outgoing: Sequence[Array], incoming: Sequence[Array]) -> None:
        """Send and receive at once, with every other rank."""
        peers = [peer for peer in range(self.size) if peer != self.rank]
        requests = [self.comm.Irecv(incoming[peer], peer) for peer in peers]
        requests += [self.comm.Isend(outgoing[peer], peer) for peer in peers]
        for request in requests:
            request.Wait()
