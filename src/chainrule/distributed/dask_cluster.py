"""Live workers of a Dask cluster, with retries when a worker is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from distributed import Client, Future, Scheduler, Semaphore, wait
from distributed.client import FutureCancelledError
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker, NoValidWorkerError

from chainrule._errors import ClusterError, DivergenceError, warn
from chainrule.distributed.communicators.base import PeerLostError
from chainrule.distributed.sharded import first_named

Result = TypeVar("Result")
PATIENCE = 5.0  # seconds of waiting for the cluster before a warning
_LOOK = 1.0  # seconds between two checks that the workers are alive
_LOST = (PeerLostError, KilledWorker, NoValidWorkerError, FutureCancelledError, CommClosedError, TimeoutError)


class Cluster:
    """The workers of a client, as one training sees them.

    Parameters
    ----------
    client : distributed.Client
    n_ranks : int
        The most workers to use.
    timeout : float
        Seconds to wait for an answer from a worker, or for a first worker.
    grace : float
        Seconds that a lost worker has to come back before the others go on without it.
    attempts : int
        How often the same work is tried.
    """

    def __init__(self, client: Client, n_ranks: int, timeout: float, grace: float, attempts: int) -> None:
        self.client, self.n_ranks = client, n_ranks
        self.timeout, self.grace, self.attempts = timeout, grace, attempts
        self._turn = Semaphore(1, "chainrule", scheduler_rpc=client.scheduler, loop=client.loop)
        self.addresses: list[str] = []
        self.count()

    def count(self) -> list[str]:
        """Return the workers in the order of their ranks; a new worker takes the rank of a lost one.

        Raises
        ------
        ClusterError
            If there is no worker, and none comes in time.
        """
        ends = time.monotonic() + self.timeout
        while not (living := self._running()):
            if time.monotonic() > ends:
                raise ClusterError(
                    f"the cluster at {self.client.scheduler.address} has had no worker for {self.timeout:g} s: "
                    f"{remedy(known_workers(self.client))}, and train again."
                )
            time.sleep(0.1)
        new = iter([address for address in living if address not in self.addresses])
        kept = [address if address in living else next(new, "") for address in self.addresses]
        self.addresses = [*filter(None, kept), *new]
        return self.addresses[: self.n_ranks]

    def retry(self, work: Callable[[list[str]], Result]) -> Result:
        """Call `work` with the workers' addresses and return its result; repeat it if a worker is lost.

        Trainings on one cluster take turns, segment by segment: two that wait for each other's workers would wait
        forever. A turn is a lease, which expires if the driver dies.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                with self._own_turn():
                    return work(self.count())
            except _LOST as error:
                if attempt == self.attempts:
                    raise ClusterError(
                        f"the same work was lost {attempt} times, at last because {error} Look at the workers' logs: "
                        "most often one has too little memory for its shards (give it more, or start more workers). "
                        f"If a step takes more than {self.timeout:g} s, set Dask's chainrule.step-timeout higher. Then "
                        "go on from the last checkpoint, or train again."
                    ) from error
            self._recover(min(len(self.addresses), self.n_ranks))

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=PATIENCE):
            warn("Another training works on this cluster, or its driver has died a moment ago: waiting for its turn.")
            self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()

    def results(self, futures: Sequence[Future], addresses: list[str]) -> list[Any]:
        """Return the futures' results, checking that the workers they run on are alive.

        Raises
        ------
        PeerLostError
            If one of them is not.
        """
        asked = time.monotonic()
        try:
            while True:
                try:
                    with self.client.as_current():  # it need not be the process' default client
                        wait(futures, timeout=_LOOK)
                except TimeoutError:
                    gone = [address for address in addresses if address not in self.client.nthreads()]
                    if not gone and time.monotonic() > asked + self.timeout:
                        gone, asked = self._silent(addresses), time.monotonic()
                    if gone:
                        raise PeerLostError(f"the worker {gone[0]} has gone or does not answer.") from None
                else:
                    return self._read(futures)
        finally:
            self.client.cancel([future for future in futures if not future.done()], force=True)

    def _read(self, futures: Sequence[Future]) -> list[Any]:
        """Return the results, or raise the most important error: one that another attempt would not change."""
        errors = [future.exception() for future in futures if future.status != "finished"]
        lasting = [error for error in errors if not isinstance(error, _LOST)]
        diverged = [error for error in lasting if isinstance(error, DivergenceError)]
        if diverged:
            raise first_named(diverged)
        if errors:
            raise (lasting or errors)[0]
        return self.client.gather(futures)

    def _running(self) -> list[str]:
        """Return the workers that take tasks, which excludes those that are starting, or paused for lack of memory."""
        known = known_workers(self.client)
        return sorted(address for address, status in known.items() if status == "running")

    def _recover(self, wanted: int) -> None:
        """Remove workers that do not answer from the scheduler; give lost workers a moment to come back."""
        if silent := self._silent(list(self.client.nthreads())):
            self.client.run_on_scheduler(_forget, silent)
        ends = time.monotonic() + self.grace
        while len(self._running()) < wanted and time.monotonic() < ends:
            time.sleep(0.1)

    def _silent(self, addresses: Sequence[str]) -> list[str]:
        """Return the addresses that do not answer."""
        answers: list[bool] = self.client.sync(self._ask, addresses)
        return [address for address, answer in zip(addresses, answers, strict=True) if not answer]

    async def _ask(self, addresses: Sequence[str]) -> list[bool]:
        return await asyncio.gather(*(self._answers(address) for address in addresses))

    async def _answers(self, address: str) -> bool:
        asked = self.client.scheduler.broadcast(msg={"op": "identity"}, workers=[address], on_error="ignore")
        try:
            return bool(await asyncio.wait_for(asked, self.grace))
        except TimeoutError:
            return False


def known_workers(client: Client) -> dict[str, str]:
    """Return the status of each worker: "running", or "paused" for lack of memory, ..."""
    workers = client.sync(client.scheduler.identity)["workers"]
    return {address: worker["status"] for address, worker in workers.items()}


def remedy(known: dict[str, str]) -> str:
    """Say what to do where no worker takes tasks."""
    if paused := sum(status == "paused" for status in known.values()):
        return f"the memory of {paused} is full; give workers more (`dask worker ADDRESS --memory-limit 8GB`)"
    return "start some (`dask worker ADDRESS`), with more memory if they have died"


async def _forget(addresses: Sequence[str], dask_scheduler: Scheduler) -> None:
    """What Dask itself does after `distributed.scheduler.worker-ttl`."""
    for address in addresses:
        await dask_scheduler.remove_worker(address, stimulus_id="chainrule-no-answer")
