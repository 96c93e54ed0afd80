"""Ranks on Dask workers, one long task each, that talk over streams of `distributed.comm`.

A stream goes to the worker's own address, so it needs no other port, has the cluster's TLS, and belongs to one
session: what an abandoned attempt sends late finds nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from distributed import Worker, WorkerPlugin
from distributed.comm import connect
from distributed.comm.core import Comm
from distributed.core import Status
from distributed.protocol import to_serialize

from chainrule.distributed.communicators.base import Communicator, PeerLostError
from chainrule.network.types import Array

_OPERATION = "chainrule_meet"
_PAUSE = 0.2  # seconds between two looks at a stream, or two tries to open one


class MeetingPoint(WorkerPlugin):
    """Takes the streams that ranks on other workers open, and keeps them for the rank of this one."""

    name = "chainrule-meeting-point"
    idempotent = True

    def __init__(self) -> None:
        self._streams: dict[tuple[str, int], asyncio.Future[Comm]] = {}

    def setup(self, worker: Worker) -> None:
        """Have the worker answer."""
        worker.handlers[_OPERATION] = self._welcome

    def teardown(self, worker: Worker) -> None:
        """Have it answer no more."""
        worker.handlers.pop(_OPERATION, None)

    def stream_of(self, session: str, rank: int) -> asyncio.Future[Comm]:
        """Return the stream that a rank opens, when it comes."""
        return self._streams.setdefault((session, rank), asyncio.get_running_loop().create_future())

    async def _welcome(self, comm: Comm, session: str, rank: int) -> Status:
        await comm.write("welcome")
        self.stream_of(session, rank).set_result(comm)
        while not comm.closed():  # it is no longer the worker's, but the rank's
            await asyncio.sleep(_PAUSE)
        del self._streams[session, rank]
        return Status.dont_reply


class DaskCommunicator(Communicator):
    """A rank in a task of a worker.

    Parameters
    ----------
    worker : Worker
        The one the task runs on; it has a `MeetingPoint`.
    session : str
        What this attempt at a segment is called, on all ranks.
    rank : int
    addresses : sequence of str
        The workers of all ranks.
    timeout : float
        Seconds to wait for the others, at the beginning and at every step.

    Raises
    ------
    PeerLostError
        If not all ranks come.
    """

    def __init__(self, worker: Worker, session: str, rank: int, addresses: Sequence[str], timeout: float) -> None:
        self.rank, self.size, self._addresses = rank, len(addresses), addresses
        self._worker, self._session, self._timeout = worker, session, timeout
        self._streams: dict[int, Comm] = {}
        self._run(self._meet())

    def exchange(self, outgoing: Sequence[Array], incoming: Sequence[Array]) -> None:
        """Send and receive at once, with every other rank."""
        self._run(self._exchange(outgoing, incoming))

    def close(self) -> None:
        """Close the streams, when what they hold is sent."""
        self._run(self._close())

    async def _meet(self) -> None:
        """Open a stream to every rank before this one; those behind it open theirs."""
        async with asyncio.TaskGroup() as group:
            for peer in range(self.size):
                if peer != self.rank:
                    group.create_task(self._open(peer) if peer < self.rank else self._receive_stream(peer))

    async def _open(self, peer: int) -> None:
        comm = await connect(self._addresses[peer], **self._worker.connection_args)
        while True:
            await comm.write({"op": _OPERATION, "session": self._session, "rank": self.rank})
            if await comm.read() == "welcome":
                break
            await asyncio.sleep(_PAUSE)  # a worker that has just started does not know the operation yet
        self._streams[peer] = comm

    async def _receive_stream(self, peer: int) -> None:
        point = self._worker.plugins[MeetingPoint.name]
        self._streams[peer] = await point.stream_of(self._session, peer)

    async def _exchange(self, outgoing: Sequence[Array], incoming: Sequence[Array]) -> None:
        async with asyncio.TaskGroup() as group:
            for peer, comm in self._streams.items():
                group.create_task(_send(comm, outgoing[peer]))
                group.create_task(_receive(comm, incoming[peer]))

    async def _close(self) -> None:
        for comm in self._streams.values():
            await comm.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        """Have the worker's event loop do it, and wait."""
        running = asyncio.run_coroutine_threadsafe(
            asyncio.wait_for(work, self._timeout),
            self._worker.loop.asyncio_loop,
        )
        try:
            running.result()
        except TimeoutError:
            raise PeerLostError(f"rank {self.rank} heard nothing of another rank for {self._timeout:g} s.") from None
        except ExceptionGroup as group:
            raise _lost(self.rank, group) from group


async def _send(comm: Comm, vector: Array) -> None:
    await comm.write(to_serialize(vector.copy()))  # it is sent later, when the next step may have changed it


async def _receive(comm: Comm, into: Array) -> None:
    into[:] = await comm.read()


def _lost(rank: int, group: ExceptionGroup[Exception]) -> Exception:
    """Tell a stream that has closed from a mistake, which must be seen as it is."""
    mistakes = group.split(OSError)[1]
    return mistakes or PeerLostError(f"rank {rank} has lost another rank: {group.exceptions[0]}")
