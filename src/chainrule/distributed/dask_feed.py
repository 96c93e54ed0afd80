"""Training on a Dask cluster: the driver's side, and what each worker does.

Dask places the shards and the tasks, knows which workers are alive, and repeats lost loads. A segment is one long task
for each worker. It is a pure function, so a lost segment is run again, by the workers there are then, to the same bits.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import dask
from dask.utils import parse_timedelta
from distributed import Client, Future, get_worker

from chainrule._errors import ClusterError, warn
from chainrule._version import __version__
from chainrule.distributed.communicators.base import PeerLostError
from chainrule.distributed.communicators.dask import DaskCommunicator, MeetingPoint
from chainrule.distributed.dask_cluster import Cluster
from chainrule.distributed.reduction import run_of
from chainrule.distributed.sharded import Evaluation, ShardFeed, Steps, check_digests, digest, run_shards
from chainrule.engine import choose
from chainrule.engine.protocol import Engine
from chainrule.network.architecture import Architecture
from chainrule.network.parameters import Parameters
from chainrule.network.training.segment import State, Totals
from chainrule.outofcore.rows import RowLoader, Rows
from chainrule.outofcore.shuffle import ShuffledRows

Value = TypeVar("Value")


class DaskFeed(ShardFeed):
    """Shards on the workers of a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
    loads : sequence of RowLoader
        One for each shard.
    runner : Engine
        The engine in this process; the workers use the engine of the same name.
    seed : int
    shuffle : bool, default True
        Visit the rows of each shard in a random order.
    step_timeout : float, optional
        Seconds to wait for an answer from a rank; by default Dask's setting chainrule.step-timeout, or 60.
    grace : float, default 5
        Seconds that a lost worker has to come back before the others go on without it.
    attempts : int, default 3
        How often a segment is tried.

    Raises
    ------
    ClusterError
        If the cluster has no workers.
    """

    closes_client = False  # when the training has ended
    segment_seconds = 2.0  # placing the tasks of a segment takes some 20 ms

    def __init__(
        self,
        client: Client,
        loads: Sequence[RowLoader],
        runner: Engine,
        *,
        seed: int,
        shuffle: bool = True,
        step_timeout: float | None = None,
        grace: float = 5.0,
        attempts: int = 3,
    ) -> None:
        self.runner, self._engine, self.sizes = runner, runner.name, tuple(load.m for load in loads)
        self._loads, self._seed, self._shuffle = loads, seed, shuffle
        if step_timeout is None:
            step_timeout = parse_timedelta(dask.config.get("chainrule.step-timeout", "60s"))
        self._client, self._cluster = client, Cluster(client, len(loads), step_timeout, grace, attempts)
        self._cluster.count()
        if len(self._cluster.addresses) > len(loads):
            warn(
                f"the cluster has {len(self._cluster.addresses)} workers for {len(loads)} shards: the others stay "
                f"idle. Train with shards={len(self._cluster.addresses)} or more."
            )
        client.register_plugin(MeetingPoint())
        self._settled: list[str] = []  # the workers that have their shards
        self._shards: dict[int, Future] = {}

    def run_on_root(self, training: Callable[[], Value]) -> Value:
        """Run a training, then free the workers' memory."""
        try:
            return training()
        finally:
            self._shards.clear()
            self._settled = []
            if self.closes_client:
                self._client.close()

    def run(self, steps: Steps) -> tuple[State, Totals]:
        """Run the segment on the cluster, and again if a worker is lost.

        Raises
        ------
        ClusterError
            If training cannot go on, or the workers do not agree on the new weights.
        DivergenceError
        """
        outcomes = self._cluster.retry(lambda addresses: self._run(steps, addresses))
        check_digests([word for word, _ in outcomes], steps)
        return outcomes[0][1]

    def evaluate(self, what: Evaluation, architecture: Architecture, parameters: Parameters) -> list[Any]:
        """Evaluate each shard where it is; return the results in the order of the shards."""
        return self._cluster.retry(lambda addresses: self._evaluate((what, architecture, parameters), addresses))

    def _run(self, steps: Steps, addresses: list[str]) -> list[tuple[str, Any]]:
        self._settle(addresses)
        self._settled = []  # in case it fails
        session = uuid.uuid4().hex
        sent = self._submit(_itself, steps, on=addresses[0])  # sent once; the other workers fetch it there
        ranks = [
            self._submit(
                _run_rank,
                sent,
                [self._shards[number] for number in numbers],
                (session, rank, addresses, self._cluster.timeout),
                self._engine,
                __version__,
                on=address,
            )
            for rank, (address, numbers) in enumerate(zip(addresses, self._runs(addresses), strict=True))
        ]
        outcomes = self._cluster.results(ranks, addresses)
        self._settled = addresses
        return outcomes

    def _settle(self, addresses: list[str]) -> None:
        """Wait until every worker has its shards: a rank that runs already would delay the loading of another's."""
        if self._settled == addresses:
            return
        self._settled = []
        here = []
        for address, numbers in zip(addresses, self._runs(addresses), strict=True):
            for number in numbers:
                self._place(number, address)
            here.append(self._submit(len, [self._shards[number] for number in numbers], on=address))
        self._cluster.results(here, addresses)

    def _place(self, number: int, address: str) -> None:
        """Load a shard on a worker, unless a worker has it already, from which Dask can copy it."""
        if number in self._shards and self._shards[number].status == "finished":
            return
        load = self._loads[number]
        self._shards[number] = self._submit(
            _placed, load.function, load.arguments, self._seed, number, self._shuffle, on=address
        )

    def _runs(self, addresses: list[str]) -> list[range]:
        """Return the numbers of each rank's shards."""
        return [run_of(rank, len(addresses), len(self.sizes)) for rank in range(len(addresses))]

    def _evaluate(self, what: tuple[Evaluation, Architecture, Parameters], addresses: list[str]) -> list[Any]:
        self._settle(addresses)
        sent = self._submit(_itself, what, on=addresses[0])
        found = [
            self._submit(_evaluated, self._shards[number], sent, self._engine) for number in range(len(self.sizes))
        ]
        return self._cluster.results(found, addresses)

    def _submit(self, function: Callable[..., Any], *arguments: Any, on: str | None = None) -> Future:
        """Submit a task, preferably to one worker; another may run it, or it would wait forever for a dead one."""
        pinned = {} if on is None else {"workers": [on], "allow_other_workers": True}
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            return self._client.submit(function, *arguments, pure=False, **pinned)


def _itself(value: Value) -> Value:
    return value


def _placed(
    function: Callable[..., Rows], arguments: tuple[Any, ...], seed: int, number: int, shuffle: bool
) -> ShuffledRows:
    """Load a shard; the result of this task is kept on a worker."""
    return ShuffledRows(function(*arguments), seed, number, shuffle=shuffle)


def _run_rank(
    steps: Steps,
    shards: list[ShuffledRows],
    talk: tuple[str, int, list[str], float],
    engine: str,
    version: str,
) -> tuple[str, tuple[State, Totals] | None]:
    """Run a segment as one rank; return the digest of the new state, and rank 0 the state itself."""
    session, rank, addresses, timeout = talk
    worker = get_worker()
    if worker.address != addresses[rank]:
        raise PeerLostError(f"the worker {addresses[rank]} is gone.")
    communicator = DaskCommunicator(worker, session, rank, addresses, timeout)
    try:  # an error closes the streams, so that the other ranks need not wait for a timeout
        if version != __version__:
            raise ClusterError(
                f"{worker.address} has chainrule {__version__}, the driver {version}: install the same version."
            )
        run = run_of(rank, len(addresses), len(steps.sizes))
        architecture = steps.architecture
        state, totals = run_shards(
            steps, dict(zip(run, shards, strict=True)), communicator, choose(engine, None, architecture)
        )
    finally:
        communicator.close()
    return digest(state), (state, totals) if rank == 0 else None


def _evaluated(shard: ShuffledRows, sent: tuple[Evaluation, Architecture, Parameters], engine: str) -> Any:
    what, architecture, parameters = sent
    return what(shard.rows, architecture, parameters, choose(engine, None, architecture))
