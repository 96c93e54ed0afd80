"""A driver on a Dask cluster is killed, at every moment of the lease that gives it its turn; others go on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.distributed.sharded import LocalShards
from chainrule.engine import choose

from ..patience import GIVE_UP, wait_until
from . import faults
from .test_cluster_dask import feed_on, ready
from .trainings import outcome, shards_of, training_of, undisturbed

pytest.importorskip("distributed")

from distributed import Semaphore

STEP = 17  # the third epoch is steps 14 to 20
LEASE = "distributed.scheduler.locks.lease-timeout"  # who asks first for the turn says how long a lease lasts
SHORT = {LEASE: "2s", "distributed.scheduler.locks.lease-validation-interval": "500ms"}

# Trains, writing checkpoints, and is killed in the third epoch.
DRIVER = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
import cloudpickle
from distributed import Client, Semaphore
sys.path.insert(0, sys.argv[1])
from tests.scale import trainings
cloudpickle.register_pickle_by_value(trainings)
from tests.scale.test_cluster_dask import feed_on
from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.network.training.loop import train

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def die_around(name, before):
    original = getattr(Semaphore, name)
    async def last(self, *arguments, **keywords):
        if self._leases or name != "_refresh_leases":  # which is called all the time, also where there is no lease
            before and die()
            await original(self, *arguments, **keywords)
            die()
    setattr(Semaphore, name, last)

def on_epoch(progress):
    file.write(progress.checkpoint())
    if progress.epoch < 2:
        return
    if moment == "between two turns":
        die()
    elif moment == "within a segment":
        Path(path + ".pid").write_text(str(os.getpid()))
    elif moment == "waiting for the turn":
        print("waiting", flush=True)
        sys.stdin.readline()
    else:
        when, method = moment.split()
        die_around(method, before=when == "before")
        if method == "_refresh_leases":
            Semaphore(1, "chainrule", client.scheduler, client.loop).acquire()
            sys.stdin.readline()  # for as long as the turn is renewed

if __name__ == "__main__":
    _, _, address, path, moment = sys.argv
    client, file = Client(address), CheckpointFile(path, {"seed": 3})
    training = trainings.training_of(feed_on(client))
    train(replace(training, on_epoch=on_epoch), trainings.start_of(training))
"""
MOMENTS = [
    "within a segment",
    "between two turns",
    "waiting for the turn",
    *(f"{when} {method}" for method in ("_acquire", "_refresh_leases", "_release") for when in ("before", "after")),
]


@pytest.fixture(scope="module")
def two(cluster_of):
    """Two workers on a cluster where a lease that is not renewed soon runs out."""
    with cluster_of(2, SHORT) as client:
        yield client


def waiting(dask_scheduler):
    return dask_scheduler.extensions["semaphores"].metrics["pending"]["chainrule"]


def killed_while_it_waits(client, driver):
    """Kill a driver which waits for the turn of another, which then ends it: the turn falls to the dead."""
    assert driver.stdout.readline() == "waiting\n"
    other = Semaphore(1, "chainrule", scheduler_rpc=client.scheduler, loop=client.loop)
    other.acquire()
    driver.stdin.write("\n")
    driver.stdin.flush()
    wait_until(lambda: client.run_on_scheduler(waiting), driver)
    driver.kill()
    driver.wait(GIVE_UP)
    other.release()


@pytest.mark.filterwarnings("ignore:Another training works on this cluster")  # or its driver has died a moment ago
@pytest.mark.parametrize(
    "moment", [pytest.param(m, marks=[pytest.mark.slow] if m != MOMENTS[0] else []) for m in MOMENTS]
)
def test_the_driver_is_killed_and_others_go_on_from_its_checkpoint(two, tmp_path, moment):
    """On the same cluster, and in one process: the number of workers may change."""
    path, addresses = tmp_path / "checkpoint", ready(two)
    if moment == "within a segment":
        two.run(faults.arm, STEP, f"{path}.flag", "kill the driver", f"{path}.pid", workers=addresses[1:])
    command = [sys.executable, "-c", DRIVER, str(Path(__file__).parents[2]), two.scheduler.address, str(path), moment]
    settings = {f"DASK_{name.upper().replace('.', '__').replace('-', '_')}": value for name, value in SHORT.items()}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=os.environ | settings, **pipes) as driver:
        if moment == "waiting for the turn":
            killed_while_it_waits(two, driver)
        assert driver.wait(GIVE_UP) == -signal.SIGKILL
    for feed in (feed_on(two), LocalShards(shards_of(), choose("native"))):
        training = training_of(feed)
        checkpoint = CheckpointFile(path, {"seed": 3}).read(training.architecture)
        assert checkpoint.state.epoch == 2
        assert outcome(training, checkpoint) == undisturbed()
