"""Measuring: workers, interleaved rounds, and what came of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from bench.cases import EPOCHS, Work
from bench.data import generated_folder
from bench.peers import OURS, able
from bench.plan import Plan

ROOT = Path(__file__).resolve().parents[1]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")  # XLA reads the last
PAUSE = 0.1  # seconds for the threads of the one before to stop spinning


class Worker:
    """A process that runs one peer at one piece of work, with at most so many threads."""

    def __init__(self, peer: str, work: Work, folder: Path, threads: int | None = None) -> None:
        self.peer, self.threads = peer, threads
        limits = dict.fromkeys(THREAD_LIMITS, str(threads)) if threads else {}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker", peer, work.to_json(), str(folder)],
            cwd=ROOT,
            env=os.environ | limits,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.memory_at_import = self._answer()

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of the worker's `Session`."""
        assert self.process.stdin
        print(json.dumps([method, *arguments]), file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.peer} has stopped with exit code {self.process.wait()}; see its message above.")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, the smallest and the largest."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float], scale: float = 1.0) -> Spread:
        scaled = [scale * value for value in values]
        return cls(statistics.median(scaled), min(scaled), max(scaled))


@dataclass(frozen=True)
class Comparison:
    """One thing measured for several peers, the smaller the better; the first is what the others are divided by."""

    what: str
    unit: str
    measured: dict[str, Spread]
    bars: dict[str, list[float]] = field(default_factory=dict)  # by peer: the factor to reach, and the one aimed at
    notes: dict[str, Any] = field(default_factory=dict)

    def factor(self, peer: str) -> float:
        """How many times as much as the first it takes."""
        return self.measured[peer].median / next(iter(self.measured.values())).median


def interleaved(tasks: Mapping[str, Callable[[], float]], rounds: int, scale: float = 1.0) -> dict[str, Spread]:
    """Run the tasks in turn, again and again; each returns its own time."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            time.sleep(PAUSE)
            times[name].append(task())
    return {name: Spread.of(values, scale) for name, values in times.items()}


def fastest(peer: str, work: Work, folder: Path) -> Worker:
    """Return a warm worker with the number of threads that suits this work; chainrule chooses its own."""
    limits = [None] if peer == OURS or CORES == 1 else [1, CORES]
    workers = [Worker(peer, work, folder, threads) for threads in limits]
    for worker in workers:
        worker.ask("train", 1)
    best, *others = sorted(workers, key=lambda worker: min(worker.ask("train", 1) for _ in range(2)))
    for worker in others:
        worker.__exit__()
    return best


def compare_training(work: Work, plan: Plan, what: str = "") -> Comparison:
    """Time an epoch of every peer that can do the work."""
    with generated_folder(work) as folder, ExitStack() as stack:
        workers = {name: stack.enter_context(fastest(name, work, folder)) for name in able(plan.peers, work)}
        tasks = {name: partial(worker.ask, "train", EPOCHS) for name, worker in workers.items()}
        measured = interleaved(tasks, plan.rounds, 1e3 / EPOCHS)
        notes = {
            "loss": {name: worker.ask("loss") for name, worker in workers.items()},
            "threads": {name: worker.threads for name, worker in workers.items()},
        }
    return Comparison(what or work.title, "ms/epoch", measured, notes=notes)
