"""What goes wrong on a worker: it dies, stops, or computes wrongly, at a step of our choice. Sent there by value."""

import os
import signal
from pathlib import Path
from typing import Any


def arm(step: int, flag: str, fault: str, after: str = "") -> None:
    """Have this process meet a fault at a step, once: `flag` is the file that says it has.

    Not before there is another's flag, `after`, which holds the driver's process where that is to be killed.
    """
    from chainrule.network.training import segment

    original = segment.descended

    def descended(architecture: Any, plan: Any, state: Any, d: Any, loss: float, rate: float) -> Any:
        due = state.step == step and not Path(flag).exists() and (not after or Path(after).exists())
        if due:
            Path(flag).write_text(str(os.getpid()))
        if due and fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if due and fault == "kill the driver":
            os.kill(int(Path(after).read_text()), signal.SIGKILL)
        if due and fault == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        if due and fault == "wrong":
            d[abs(d).argmax()] *= 1 + 1e-13  # the last bit alone is lost in Adam's running means
        return original(architecture, plan, state, d, loss, rate)

    segment.descended = descended


# Put before a program: kills its process (or, by SIGINT, interrupts it) when it writes a checkpoint.
AT_A_CHECKPOINT = """
import os
from itertools import count
from chainrule.checkpoints.checkpoint_file import CheckpointFile
write, numbers = CheckpointFile.write, count(1)

def die_at(number, signal, before=False):
    def last(file, checkpoint):
        due = next(numbers) == number
        if due and before:
            os.kill(os.getpid(), signal)
        write(file, checkpoint)
        if due:
            os.kill(os.getpid(), signal)
    CheckpointFile.write = last
"""


def take_version(version: str) -> str:
    """Have this process believe that it is another version; returns which it was."""
    from chainrule.distributed import dask_feed

    was, dask_feed.__version__ = dask_feed.__version__, version
    return was


def missing_file() -> Any:
    """RowLoader a shard that is not there."""
    raise FileNotFoundError("part-3.parquet")
