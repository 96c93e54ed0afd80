"""Training as an MPI job: every rank runs the same program; the root rank, 0, sends the others what to compute.

A rank that is killed ends the job. Started again, the job goes on from the checkpoint file.
"""

from __future__ import annotations

import os
import stat
import sys
import time
import traceback
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from chainrule._errors import ChainruleError, ClusterError, DivergenceError, InvalidParameterError
from chainrule.distributed.communicators.mpi import MPICommunicator
from chainrule.distributed.reduction import run_of
from chainrule.distributed.sharded import Evaluation, ShardFeed, Steps, check_digests, digest, first_named, run_shards
from chainrule.network.architecture import Architecture
from chainrule.network.parameters import Parameters
from chainrule.network.training.runner import Runner
from chainrule.network.training.segment import State, Totals
from chainrule.outofcore.rows import RowLoader, Rows
from chainrule.outofcore.shuffle import ShuffledRows

if TYPE_CHECKING:
    from mpi4py import MPI

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Rank:
    """What one rank computes when the root rank asks for it."""

    communicator: MPICommunicator
    shards: dict[int, ShuffledRows]
    engine: Runner

    def segment(self, steps: Steps) -> tuple[str, tuple[State, Totals] | None] | DivergenceError:
        """Run a segment; return the digest of the new state, on rank 0 also the state; or the divergence."""
        try:
            state, totals = run_shards(steps, self.shards, self.communicator, self.engine)
        except DivergenceError as error:  # on all ranks at once
            return error
        return digest(state), (state, totals) if self.communicator.rank == 0 else None

    def evaluate(self, what: Evaluation, architecture: Architecture, parameters: Parameters) -> list[Any]:
        """Evaluate each of this rank's shards."""
        return [what(shard.rows, architecture, parameters, self.engine) for shard in self.shards.values()]


class MPIFeed(ShardFeed):
    """Shards on the ranks of an MPI communicator; every rank builds one, and calls `run_on_root`.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
    loads : sequence of RowLoader
        One for each shard, on rank 0, which sends each rank its own; ignored on the other ranks.
    runner : Runner
    seed : int
    shuffle : bool, default True
        Visit the rows of each shard in a random order.

    Raises
    ------
    InvalidParameterError
        If there are more ranks than shards.
    ClusterError
        If a rank cannot read its shards.
    """

    def __init__(
        self,
        comm: MPI.Comm,
        loads: Sequence[RowLoader],
        runner: Runner,
        *,
        seed: int,
        shuffle: bool = True,
    ) -> None:
        self.runner, self._comm = runner, comm
        is_root, size = comm.Get_rank() == 0, comm.Get_size()
        with _abort_on_error(comm):
            self.sizes = comm.bcast(tuple(load.m for load in loads))
        n_shards = len(self.sizes)
        if size > n_shards:
            raise InvalidParameterError(f"the job has {size} ranks for {n_shards} shards: pass shards={size}.")
        with _abort_on_error(comm):
            runs = [run_of(rank, size, n_shards) for rank in range(size)]
            own = comm.scatter([{shard: loads[shard] for shard in run} for run in runs] if is_root else None)
            rows, troubles = _load_rows(comm, own)
        if troubles:
            raise ClusterError(troubles[0])
        shards = {number: ShuffledRows(each, seed, number, shuffle=shuffle) for number, each in rows.items()}
        self._rank = _Rank(MPICommunicator(comm), shards, runner)

    def run(self, steps: Steps) -> tuple[State, Totals]:
        """Run the segment on all ranks.

        Raises
        ------
        ClusterError
            If the ranks do not agree on the new weights.
        DivergenceError
        """
        outcomes = self._everywhere("segment", steps)
        diverged = [outcome for outcome in outcomes if isinstance(outcome, DivergenceError)]
        if diverged:
            raise first_named(diverged)
        check_digests([word for word, _ in outcomes], steps)
        reached: tuple[State, Totals] = outcomes[0][1]
        return reached

    def evaluate(self, what: Evaluation, architecture: Architecture, parameters: Parameters) -> list[Any]:
        """Evaluate each shard where it is; return the results in the order of the shards."""
        return [value for found in self._everywhere("evaluate", what, architecture, parameters) for value in found]

    def run_on_root(self, training: Callable[[], Result]) -> Result:
        """Run a training on rank 0, for which the other ranks compute; return its result on every rank.

        Raises
        ------
        ClusterError
            On the others, if it failed on rank 0.
        """
        if self._comm.Get_rank():
            return self._serve()
        try:
            result = training()
        except BaseException as error:
            self._comm.bcast(("fail", (f"{type(error).__name__}: {error}",)))
            raise
        self._comm.bcast(("end", (result,)))
        return result

    def _serve(self) -> Any:
        while True:
            name, arguments = self._comm.bcast(None)
            if name == "end":
                return arguments[0]
            if name == "fail":
                raise ClusterError(f"the training failed on rank 0: {arguments[0]}")
            self._do(name, arguments)

    def _everywhere(self, name: str, *arguments: Any) -> list[Any]:
        self._comm.bcast((name, arguments))
        return self._do(name, arguments)

    def _do(self, name: str, arguments: tuple[Any, ...]) -> Any:
        with _abort_on_error(self._comm):
            return self._comm.gather(getattr(self._rank, name)(*arguments))


def _load_rows(comm: MPI.Comm, loads: dict[int, RowLoader]) -> tuple[dict[int, Rows], list[str]]:
    """Load this rank's rows; also return, on every rank, the errors of all ranks."""
    rows, trouble = {}, None
    try:
        rows = {number: load.run() for number, load in loads.items()}
    except ChainruleError as error:
        trouble = f"rank {comm.Get_rank()} cannot read its rows: {error}"
    return rows, [each for each in comm.allgather(trouble) if each]


_LAST_WORDS = 0.5  # seconds for the launcher to pass on what it has read: ending the job would lose it
_PATIENCE = 60.0  # seconds to wait for the launcher to read: it may have died


def _write_error(words: str) -> None:
    """Write to standard error, and wait until the launcher has read it, however slow the machine."""
    sys.stderr.write(words)
    sys.stderr.flush()
    with suppress(ImportError, OSError, ValueError):  # not every system can tell, nor every stream
        import fcntl
        import termios

        unread, ends = array("i", [1]), time.monotonic() + _PATIENCE
        while stat.S_ISFIFO(os.fstat(sys.stderr.fileno()).st_mode) and unread[0] and time.monotonic() < ends:
            fcntl.ioctl(sys.stderr.fileno(), termios.FIONREAD, unread)
            time.sleep(0.01)
    time.sleep(_LAST_WORDS)


@contextmanager
def _abort_on_error(comm: MPI.Comm) -> Iterator[None]:
    """End the whole job if one rank fails: the others would wait for it forever."""
    try:
        yield
    except BaseException as error:
        if comm.Get_size() > 1:
            interrupted = isinstance(error, KeyboardInterrupt)
            _write_error("Interrupted within a step: the job ends.\n" if interrupted else traceback.format_exc())
            comm.Abort(1)
        raise
