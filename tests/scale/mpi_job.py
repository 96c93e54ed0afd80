"""The program of an MPI job: trains in shards and writes what rank 0 comes to, as it was told by its arguments."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.scale.trainings import SEED, outcome, shards_of, training_of, word

from chainrule._errors import ClusterError, TableError
from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.distributed.mpi_feed import MPIFeed
from chainrule.engine import choose
from chainrule.outofcore.rows import RowLoader


def main(task: str, path: str = "") -> None:
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    if comm.Get_rank() == 1 and path:
        Path(path + ".pid").write_text(str(os.getpid()))
    shards = shards_of()
    if task == "nan":
        shards[3].rows.block.X[:] = np.nan
    if task == "broken" and comm.Get_rank() == 1:
        shards_of.__globals__["ShuffledRows"].take = None  # a mistake on one rank alone
    loads = [shard.rows.load() for shard in shards]
    if task == "unread":
        loads[4] = RowLoader(41, missing_table)
    feed = MPIFeed(comm, loads, choose("native"), seed=SEED)
    training = training_of(feed)
    if task in ("first", "second"):
        result = feed.run_on_root(lambda: checkpointed(training, path, dies=task == "first"))
    else:
        try:
            result = feed.run_on_root(lambda: outcome(training))
        except (ClusterError, ValueError) as error:
            result = error
    said = f"{type(result).__name__}: {result}" if isinstance(result, Exception) else word(result)
    for rank, line in enumerate(comm.gather(said) or []):
        print(rank, line)


def checkpointed(training, path, dies):
    """Write a checkpoint after every epoch; where it is to die, kill rank 1 after the second."""
    file = CheckpointFile(path, {})
    pids = file.path + ".pid"

    def on_epoch(progress):
        file.write(progress.checkpoint())
        if dies and progress.epoch == 2:
            os.kill(int(Path(pids).read_text()), signal.SIGKILL)

    checkpoint = file.read(training.architecture)
    assert dies == (checkpoint is None)
    return outcome(replace(training, on_epoch=on_epoch), checkpoint)


def missing_table():
    """RowLoader a shard that this machine has not."""
    raise TableError("No such file: part-4.parquet.")


if __name__ == "__main__":
    main(*sys.argv[1:])
