"""Where a sharded fit runs: in this process, on a Dask cluster or as an MPI job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

import numpy as np

from chainrule._errors import ClusterError, InvalidParameterError
from chainrule.distributed.sharded import LocalShards, ShardFeed, check_batches, cut
from chainrule.engine.protocol import Engine
from chainrule.network.examples import Examples
from chainrule.network.training.segment import Plan
from chainrule.outofcore.rows import DivisibleRows
from chainrule.outofcore.shuffle import ShuffledRows

Result = TypeVar("Result")


@dataclass(frozen=True)
class Distribution:
    """Where to train, and in how many shards. The result depends on the shards, not on where they are.

    Parameters
    ----------
    where : "local", "mpi", a Dask client's address, distributed.Client or mpi4py.MPI.Comm
        "local" is this process, "mpi" all ranks of the job; an address is of a Dask scheduler.
    shards : int, default 8
        Also the most workers or ranks that are used.
    """

    where: Any
    shards: int = 8

    def __post_init__(self) -> None:
        if not isinstance(self.shards, int | np.integer) or isinstance(self.shards, bool) or self.shards < 1:
            raise InvalidParameterError(f"shards must be a whole number of at least 1, got {self.shards!r}.")

    def feed(
        self, examples: Examples | DivisibleRows, engine: Engine, plan: Plan, shuffle: bool, dtype: np.dtype[Any]
    ) -> ShardFeed:
        """Cut examples into shards, and bring these to where they are trained on.

        Raises
        ------
        InvalidParameterError
            If they cannot be cut.
        ClusterError
            If the cluster has no workers.
        """
        check_batches(plan.batch_size, self.shards)
        comm, client = self._comm(), self._client()
        parts = cut(examples, self.shards, dtype) if self.is_root else []
        if comm is None and client is None:
            shards = [ShuffledRows(part, plan.seed, number, shuffle=shuffle) for number, part in enumerate(parts)]
            return LocalShards(shards, engine)
        loads = [part.load() for part in parts]
        if comm is not None:
            module = import_module("chainrule.distributed.mpi_feed")
            return module.MPIFeed(comm, loads, engine, seed=plan.seed, shuffle=shuffle)
        feed = import_module("chainrule.distributed.dask_feed").DaskFeed(
            client, loads, engine, seed=plan.seed, shuffle=shuffle
        )
        feed.closes_client = client is not self.where
        return feed

    def check(self) -> None:
        """Raise InvalidParameterError if this is no place to train, ClusterError if nothing answers there."""
        client = self._client()
        if client is not None and client is not self.where:
            client.close()
        if client is None and self._comm() is None and self.where != "local":
            raise InvalidParameterError(
                "distributed must be 'local', 'mpi', a distributed.Client, the address of a Dask scheduler "
                f"(tcp://HOST:PORT), or an mpi4py communicator; got {self.where!r}."
            )

    @property
    def is_root(self) -> bool:
        """Whether this process reports and saves: every process does, except the further ranks of an MPI job."""
        comm = self._comm()
        return comm is None or comm.Get_rank() == 0

    def broadcast(self, function: Callable[[], Result]) -> Result:
        """Call a function on the root rank only, and return its result on every rank.

        Raises
        ------
        ClusterError
            On the other ranks, if it failed.
        """
        comm = self._comm()
        if comm is None:
            return function()
        if comm.Get_rank():
            result, failure = comm.bcast(None)
            if failure:
                raise ClusterError(f"rank 0 failed: {failure}")
            return result
        try:
            result = function()
        except BaseException as error:
            comm.bcast((None, f"{type(error).__name__}: {error}"))
            raise
        comm.bcast((result, None))
        return result

    def _comm(self) -> Any:
        if isinstance(self.where, str) and self.where == "mpi":
            return _imported("mpi4py.MPI", "mpi").COMM_WORLD
        return self.where if hasattr(self.where, "Get_rank") else None

    def _client(self) -> Any:
        if isinstance(self.where, str) and "://" in self.where:
            try:
                return _imported("distributed", "distributed").Client(self.where, set_as_default=False)
            except (OSError, ValueError) as error:
                raise ClusterError(
                    f"there is no Dask scheduler at {self.where} ({error}). Start one (`dask scheduler`), and give the "
                    "address that it prints."
                ) from None
        if not hasattr(self.where, "scheduler_info"):
            return None
        check_open(self.where)
        return self.where


def on_root(distribution: Distribution | None, function: Callable[[], Result]) -> Result:
    """Call a function once: in this process, or on the root rank, where its failure is one of every rank."""
    return function() if distribution is None else distribution.broadcast(function)


def check_open(client: Any) -> None:
    """Raise ClusterError if a Dask client is closed, or has lost its scheduler."""
    if client.status not in ("running", "newly-created", "connecting"):
        raise ClusterError(
            f"the Dask client is {client.status}, because it or its cluster was closed: create another "
            "dask.distributed.Client, and give that."
        )


def _imported(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise InvalidParameterError(f"this needs {module} ({error}): pip install 'chainrule[{extra}]'.") from None
