"""Training on Dask workers, real processes: the bits of one process, whatever happens to the workers."""

import os
import signal
import subprocess
import sys
import threading
import warnings
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from chainrule._errors import ChainruleWarning, ClusterError, DivergenceError
from chainrule.distributed.sharded import LocalShards
from chainrule.engine import choose
from chainrule.outofcore.rows import RowLoader

from ..patience import GIVE_UP, wait_until
from . import faults
from .trainings import SEED, outcome, shards_of, training_of, undisturbed

pytest.importorskip("distributed")

from distributed import Semaphore

from chainrule.distributed.dask_feed import DaskFeed

pytestmark = pytest.mark.filterwarnings(  # distributed's own, where a worker has been killed
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)
MIDDLE = 10  # an epoch is a segment of seven steps: this one is in the second


def feed_on(client, engine="native", shards=None, **options):
    loads = [shard.rows.load() for shard in shards or shards_of()]
    patient = {"step_timeout": 60.0, "grace": 60.0, "attempts": 100}  # or a slow worker is taken for a lost one
    return DaskFeed(client, loads, choose(engine), seed=SEED, **(patient | options))


@pytest.fixture(scope="module")
def two(cluster_of):
    """Two workers that are started again when they die."""
    with cluster_of(2) as client:
        yield client


def ready(client, n=2):
    client.wait_for_workers(n, timeout=GIVE_UP)
    return sorted(client.nthreads())


@pytest.mark.one_in(3)
@pytest.mark.parametrize("n_workers", [1, 3])
def test_the_same_bits_on_one_and_three_workers(cluster_of, n_workers):
    with cluster_of(n_workers) as client:
        for engine in ("native", "reference"):
            assert outcome(training_of(feed_on(client, engine))) == undisturbed(engine)


@pytest.mark.slow
def test_the_same_bits_on_two_workers_in_float32_and_with_long_vectors(two):
    """Of 150,000 parameters."""
    ready(two)
    wide, columns = (380, 370), 6
    for widths, dtype in (((12, 8), np.float32), (wide, np.float64)):
        shards = shards_of(dtype=dtype, columns=columns)
        truth = outcome(training_of(LocalShards(shards, choose("native")), epochs=1, widths=widths))
        assert outcome(training_of(feed_on(two, shards=shards), epochs=1, widths=widths)) == truth


@pytest.mark.one_in(4)
@pytest.mark.parametrize("step", [7, MIDDLE, 13], ids=["first step of a segment", "within", "last step"])
def test_a_worker_is_killed(two, tmp_path, step):
    feed, flag = feed_on(two), tmp_path / "killed"
    two.run(faults.arm, step, str(flag), "kill", workers=ready(two)[1:])
    assert outcome(training_of(feed)) == undisturbed()
    assert flag.exists()


@pytest.mark.slow
def test_who_has_lost_the_same_work_too_often_says_what_to_do(two, tmp_path):
    feed = feed_on(two, attempts=1)
    two.run(faults.arm, MIDDLE, str(tmp_path / "killed"), "kill", workers=ready(two)[1:])
    with pytest.raises(ClusterError, match=r"lost 1 times, at last because .* Look at the workers' logs"):
        outcome(training_of(feed))


@pytest.mark.slow
def test_workers_are_killed_twice_in_a_row(two, tmp_path):
    """The second one while the segment is run again."""
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    addresses = ready(two)
    two.run(faults.arm, MIDDLE, first, "kill", workers=addresses[1:])
    two.run(faults.arm, MIDDLE, second, "kill", first, workers=addresses[:1])
    assert outcome(training_of(feed_on(two))) == undisturbed()
    assert Path(first).exists()
    assert Path(second).exists()


@pytest.mark.slow
def test_a_worker_stops_and_wakes_later(cluster_of, tmp_path):
    """Its late word harms nobody; it has been given up, and leaves."""
    flag = tmp_path / "stopped"
    with cluster_of(2) as client:
        feed = feed_on(client, step_timeout=5.0, grace=5.0)
        client.run(faults.arm, MIDDLE, str(flag), "stop", workers=ready(client)[1:])
        assert outcome(training_of(feed)) == undisturbed()
        os.kill(int(flag.read_text()), signal.SIGCONT)
        assert outcome(training_of(feed)) == undisturbed()


@pytest.fixture
def without_nannies(cluster_of):
    """A client and two workers that have started, and that nobody starts again."""
    with cluster_of(0) as client, ExitStack() as stack:
        command = [sys.executable, "-m", "dask", "worker", client.scheduler.address, "--no-nanny", "--nthreads", "1"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        for _ in range(2):
            worker = subprocess.Popen([*command, "--host", "127.0.0.1", "--no-dashboard"], **quiet)
            stack.callback(worker.wait, GIVE_UP)
            stack.callback(worker.kill)
        ready(client)
        yield client


@pytest.mark.slow
def test_one_of_two_workers_remains_and_then_none(without_nannies, tmp_path):
    client = without_nannies
    feed = feed_on(client, grace=5.0, step_timeout=5.0)
    client.run(faults.arm, MIDDLE, str(tmp_path / "1"), "kill", workers=ready(client)[:1])
    assert outcome(training_of(feed)) == undisturbed()
    assert len(client.nthreads()) == 1
    client.run(faults.arm, MIDDLE, str(tmp_path / "2"), "kill")
    with pytest.raises(ClusterError, match="no worker for 5 s: start some"):
        outcome(training_of(feed))


@pytest.mark.slow
def test_two_trainings_at_once_take_turns(two, monkeypatch):
    monkeypatch.setattr(
        "chainrule.distributed.dask_cluster.PATIENCE", GIVE_UP
    )  # how long a turn takes is not the question
    ready(two)
    results = []
    feeds = [feed_on(two), feed_on(two)]
    threads = [threading.Thread(target=lambda f=feed: results.append(outcome(training_of(f)))) for feed in feeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GIVE_UP)
    assert results == [undisturbed()] * 2


def test_who_waits_for_another_training_says_so(two, monkeypatch):
    monkeypatch.setattr("chainrule.distributed.dask_cluster.PATIENCE", 0.2)
    feed, other = feed_on(two), Semaphore(1, "chainrule", scheduler_rpc=two.scheduler, loop=two.loop)
    other.acquire()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ChainruleWarning)
        ending = threading.Thread(target=lambda: (wait_until(lambda: said), other.release()))
        ending.start()
        assert outcome(training_of(feed)) == undisturbed()
    ending.join()
    assert "Another training works on this cluster" in str(said[0].message)


def test_a_worker_that_computes_wrongly_is_found_out(two, tmp_path):
    addresses = ready(two)
    feed = feed_on(two)
    two.run(faults.arm, MIDDLE, str(tmp_path / "wrong"), "wrong", workers=addresses[1:])
    with pytest.raises(ClusterError, match="ranks do not agree on the weights after step 14"):
        outcome(training_of(feed))


def test_what_is_not_finite_is_named_as_in_one_process(two):
    ready(two)
    shards = shards_of()
    shards[3].rows.block.X[:] = np.nan
    with pytest.raises(DivergenceError, match="Z of layer 1 is not finite at step 1"):
        outcome(training_of(feed_on(two, shards=shards), dropout=()))


def test_another_version_on_a_worker_is_named(two):
    (one, _) = ready(two)
    was = two.run(faults.take_version, "0.0.1", workers=[one])[one]
    with pytest.raises(ClusterError, match=r"has chainrule 0\.0\.1, the driver .*: install the same version"):
        outcome(training_of(feed_on(two)))
    two.run(faults.take_version, was, workers=[one])


def test_a_shard_that_cannot_be_loaded_is_an_error_at_once(two):
    ready(two)
    loads = [*(shard.rows.load() for shard in shards_of()), RowLoader(9, faults.missing_file)]
    with pytest.raises(FileNotFoundError, match=r"part-3\.parquet"):
        outcome(training_of(DaskFeed(two, loads, choose("native"), seed=SEED)))


def test_more_workers_than_shards_is_said_and_done(two):
    ready(two)
    shards = shards_of((183,))
    with pytest.warns(ChainruleWarning, match="2 workers for 1 shards"):
        feed = feed_on(two, shards=shards)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert outcome(training_of(feed)) == outcome(training_of(LocalShards(shards, choose("native"))))
