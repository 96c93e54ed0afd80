"""Ranks on Dask workers, one long task each, which exchange arrays over streams of `distributed.comm`.

A stream uses the worker's own address, so it needs no other port and has the cluster's TLS. It belongs to one session:
late messages of an abandoned attempt are not received.
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
_PAUSE = 0.2  # seconds between two checks of a stream, or two attempts to open one


class MeetingPoint(WorkerPlugin):
    """Accepts the streams of ranks on other workers, and keeps them for the rank on this worker."""

    name = "chainrule-meeting-point"
    idempotent = True

    def __init__(self) -> None:
        self._streams: dict[tuple[str, int], asyncio.Future[Comm]] = {}

    def setup(self, worker: Worker) -> None:
        """Start to accept streams."""
        worker.handlers[_OPERATION] = self._welcome

    def teardown(self, worker: Worker) -> None:
        """Accept no more streams."""
        worker.handlers.pop(_OPERATION, None)

    def stream_of(self, session: str, rank: int) -> asyncio.Future[Comm]:
        """Return a future of the stream that a rank opens."""
        return self._streams.setdefault((session, rank), asyncio.get_running_loop().create_future())

    async def _welcome(self, comm: Comm, session: str, rank: int) -> Status:
        await comm.write("welcome")
        self.stream_of(session, rank).set_result(comm)
        while not comm.closed():  # or the worker would close it
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
        The name of this attempt at a segment, the same on all ranks.
    rank : int
    addresses : sequence of str
        The workers of all ranks.
    timeout : float
        Seconds to wait for the other ranks, at the start and at every step.

    Raises
    ------
    PeerLostError
        If a rank does not connect in time.
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
        """Send what is pending, and close the streams."""
        self._run(self._close())

    async def _meet(self) -> None:
        """Open a stream to every lower rank; the higher ranks open theirs to this one."""
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
            await asyncio.sleep(_PAUSE)  # a worker that has just started does not have the operation yet
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
        """Run a coroutine in the worker's event loop, and wait for it."""
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
    await comm.write(to_serialize(vector.copy()))  # it is sent later, and the next step may change the original


async def _receive(comm: Comm, into: Array) -> None:
    into[:] = await comm.read()


def _lost(rank: int, group: ExceptionGroup[Exception]) -> Exception:
    """Return a `PeerLostError` if only streams have closed; other errors as they are."""
    mistakes = group.split(OSError)[1]
    return mistakes or PeerLostError(f"rank {rank} has lost another rank: {group.exceptions[0]}")
