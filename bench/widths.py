"""Two threads against one: never slower by more than 5 % whatever the width, and much faster where it pays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.cases import CASES, Work
from bench.data import generated_folder
from bench.peers import FORCED, OURS
from bench.plan import Plan
from bench.rounds import CORES, Comparison, Worker, interleaved
from chainrule import engine

POWERS = [2**k for k in range(11)]
WIDTHS = sorted({w + d for w in POWERS for d in (-1, 0, 1) if 1 <= w + d <= 1024} | {23, 48, 100, 200, 300, 384, 700})
WORKS = [Work((20, width, width, 1), batch, 4_096) for batch in (64, 256) for width in WIDTHS]
NOT_SLOWER = [1 / 1.05]
SPEED_UPS = {name: [1.7] for name in list(CASES)[2:]}
LIMITS = {"at most 2 threads": (OURS, 2), "1 thread": (OURS, 1), "always 2": (FORCED, 2)}
EPOCHS, ROUNDS = 4, 3  # a worker repeats a short training until the processor is warm


def compare(work: Work, folder: Path, rounds: int, bar: list[float]) -> Comparison:
    """Always using both threads shows whether the engine chose well."""
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(peer, work, folder, n)) for name, (peer, n) in LIMITS.items()}
        tasks = {name: partial(worker.ask, "train", EPOCHS) for name, worker in workers.items()}
        measured = interleaved(tasks, rounds, 1e3 / EPOCHS)
    return Comparison(work.title, "ms/epoch", measured, {"1 thread": bar})


def measure(plan: Plan) -> Iterator[Comparison]:
    """Yield the sweep, then the networks of the bar that two threads must speed up."""
    if engine.info()["engine"] != "native" or CORES < 2:
        print("Left out: widths, which need the native engine and two cores.")
        return
    for work in (*WORKS, *(work for work in plan.works if work.name in SPEED_UPS)):
        with generated_folder(work) as folder:
            yield compare(work, folder, min(plan.rounds, ROUNDS), SPEED_UPS.get(work.name, NOT_SLOWER))
