"""When more machines pay: what a step costs on 1, 2 and 3 workers, over Dask and over MPI, and a model of it.

`python -m bench.cluster` measures, fits the constants, and writes bench/cluster.json, docs/many-machines.svg and the
figures of docs/many-machines.md.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from bench.cluster_model import SHARDS, Model, fitted
from bench.cluster_page import BEGIN, END, figures
from chainrule.distributed.communicators.base import Communicator
from chainrule.distributed.sharded import LocalShards, ShardFeed, Steps
from chainrule.engine import choose
from chainrule.network import Architecture, activation, initial_parameters, loss
from chainrule.network.optimizers import optimizer_named
from chainrule.network.training.segment import Plan, initial_state
from chainrule.outofcore.rows import ArrayRows, Block
from chainrule.outofcore.shuffle import ShuffledRows

ROOT = Path(__file__).resolve().parents[1]
RECORD, PICTURE = ROOT / "bench/cluster.json", ROOT / "docs/many-machines.svg"
PAGE = ROOT / "docs/many-machines.md"
COLUMNS = 100
WIDTHS = {"small": (64, 32), "medium": (256, 256, 256), "wide": (1024, 1024)}
BATCHES = (384, 1536, 6144)
LENGTHS = (25_000, 250_000, 2_500_000)  # of float32: 0.1, 1 and 10 MB


@dataclass(frozen=True)
class Point:
    """One measurement: the median of several, in milliseconds."""

    what: str  # "step" or "sum"
    how: str  # "local", "dask" or "mpi"
    workers: int
    parameters: int
    batch: int
    ms: float


def blocks() -> list[Block]:
    """Noise for every shard: 12,288 rows in all."""
    draw = np.random.default_rng(0)
    return [
        Block(draw.normal(size=(2048, COLUMNS)).astype(np.float32), draw.normal(size=(2048, 1)).astype(np.float32))
        for _ in range(SHARDS)
    ]


def steps_of(feed: ShardFeed, widths: tuple[int, ...], batch: int, count: int) -> Steps:
    """Some steps of Adam on a network of these hidden layers."""
    architecture = Architecture((COLUMNS, *widths, 1), (activation("relu"),) * len(widths), loss("squared_error"))
    plan = Plan(optimizer_named("adam"), batch, 0)
    state = initial_state(initial_parameters(architecture, seed=0, dtype=np.float32), plan)
    return Steps(architecture, plan, state, feed.sizes, 0, np.full(count, 1e-3))


def measure_steps(feed: ShardFeed, how: str, workers: int, rounds: int) -> Iterator[Point]:
    """The difference of a long and a short segment, so that what a segment costs besides its steps drops out."""
    for widths in WIDTHS.values():
        for batch in BATCHES:
            most = feed.m // batch
            short, long = (steps_of(feed, widths, batch, count) for count in (1, most))
            feed.run(long)  # windows, threads, memory
            times = [clocked(feed.run, long) - clocked(feed.run, short) for _ in range(rounds)]
            n_parameters = len(long.state.parameters.theta)
            yield Point("step", how, workers, n_parameters, batch, 1e3 * statistics.median(times) / (most - 1))


def clocked(work: Callable[..., Any], *arguments: Any) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def sum_seconds(communicator: Communicator, length: int, repetitions: int = 20) -> float:
    """What one sum over the ranks takes on this one."""
    reduction = communicator.reduction(SHARDS, length, np.dtype(np.float32))
    for vector in reduction.vectors.values():
        vector.fill(0)
    reduction.total()
    return clocked(lambda: [reduction.total() for _ in range(repetitions)]) / repetitions


def sum_on_worker(session: str, rank: int, addresses: list[str], length: int) -> float:
    from distributed import get_worker

    from chainrule.distributed.communicators.dask import DaskCommunicator

    communicator = DaskCommunicator(get_worker(), session, rank, addresses, 60.0)
    try:
        return sum_seconds(communicator, length)
    finally:
        communicator.close()


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    environment = {f"MALLOC_{name}_THRESHOLD_": 1 << 30 for name in ("TRIM", "MMAP")} | {"OMP_NUM_THREADS": 1}
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": environment}),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
        ) as started,
        Client(started) as client,
    ):
        yield client


def over_dask(workers: int, rounds: int) -> Iterator[Point]:
    from chainrule.distributed.dask_feed import DaskFeed

    with cluster(workers) as client:
        feed = DaskFeed(client, [ArrayRows(block).load() for block in blocks()], choose("native"), seed=0)
        yield from measure_steps(feed, "dask", workers, rounds)
        addresses = sorted(client.nthreads())
        for length in LENGTHS if workers > 1 else ():
            tasks = [
                client.submit(sum_on_worker, f"{length}", rank, addresses, length, workers=[address], pure=False)
                for rank, address in enumerate(addresses)
            ]
            yield Point("sum", "dask", workers, length, 0, 1e3 * max(client.gather(tasks)))


def over_mpi(workers: int, rounds: int) -> list[Point]:
    command = ["mpiexec", "-n", str(workers), sys.executable, "-m", "bench.cluster", "--rank", "--rounds", str(rounds)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return [Point(**point) for point in json.loads(result.stdout)]


def as_rank(rounds: int) -> None:
    """What each rank of the MPI job does."""
    from mpi4py import MPI

    from chainrule.distributed.communicators.mpi import MPICommunicator
    from chainrule.distributed.mpi_feed import MPIFeed

    comm = MPI.COMM_WORLD
    feed = MPIFeed(comm, [ArrayRows(block).load() for block in blocks()], choose("native", 1), seed=0)
    points = feed.run_on_root(lambda: list(measure_steps(feed, "mpi", comm.Get_size(), rounds)))
    for length in LENGTHS if comm.Get_size() > 1 else ():
        seconds = comm.allreduce(sum_seconds(MPICommunicator(comm), length), MPI.MAX)
        points.append(Point("sum", "mpi", comm.Get_size(), length, 0, 1e3 * seconds))
    if comm.Get_rank() == 0:
        click.echo(json.dumps([asdict(point) for point in points]))


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Repetitions of each measurement.")
@click.option("--workers", default="1,2,3", show_default=True, help="How many, with commas.")
@click.option("--rank", is_flag=True, hidden=True)
def main(rounds: int, workers: str, rank: bool) -> None:
    """Measure, fit the model, and draw it up to 1,000 workers."""
    if rank:
        return as_rank(rounds)
    os.environ["OMP_NUM_THREADS"] = "1"
    shards = [ShuffledRows(ArrayRows(block), 0, number) for number, block in enumerate(blocks())]
    points = list(measure_steps(LocalShards(shards, choose("native", 1)), "local", 1, rounds))
    for count in map(int, workers.split(",")):
        points += [*over_dask(count, rounds), *over_mpi(count, rounds)]
    models = {how: fitted([asdict(point) for point in points], how) for how in ("dask", "mpi")}
    record: dict[str, Any] = {
        "points": [asdict(point) for point in points],
        "models": {how: asdict(model) for how, model in models.items()},
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    show(points, models)
    from bench.cluster_chart import draw

    draw(models, record["points"], PICTURE)
    before, _, after = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{figures(record['points'], models)}\n{END}{after.partition(END)[2]}")
    return None


def show(points: list[Point], models: dict[str, Model]) -> None:
    for point in points:
        line = f"{point.what:4} {point.how:5} {point.workers} workers {point.parameters:9,} parameters {point.batch:5}"
        expected = ""
        if point.how in models:
            expected = f"  model {models[point.how].milliseconds(asdict(point)):8.2f}"
        click.echo(f"{line} rows {point.ms:8.2f} ms{expected}")


if __name__ == "__main__":
    main()
