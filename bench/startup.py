"""From the start of the process to a fitted model, imports and compilation included; and seconds to a test accuracy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.cases import EPOCHS, Work
from bench.data import adult, digits, fashion
from bench.peers import able
from bench.plan import Plan
from bench.rounds import Comparison, Worker, fastest, interleaved

ACCURACY, MOST_EPOCHS = 0.88, 30


def fitted(peer: str, work: Work, folder: Path) -> float:
    """Start a process that imports, reads the arrays and trains; time it to its answer."""
    began = time.perf_counter()
    with Worker(peer, work, folder) as worker:
        worker.ask("train", EPOCHS, 0)  # only once
        return time.perf_counter() - began


def from_start(what: str, work: Work, folder: Path, plan: Plan) -> Comparison:
    names = [name for name in able(plan.peers, work) if name != "torch-compiled"]
    tasks = {name: partial(fitted, name, work, folder) for name in names}
    return Comparison(f"{what}: {work.title}, Adam, {EPOCHS} epochs", "s", interleaved(tasks, plan.rounds))


def runs(worker: Worker, epochs: list[int]) -> Iterator[float]:
    """Time a training for each seed in turn, and note its epochs: how many it takes is partly luck."""
    for seed in count():
        seconds, taken = worker.ask("train_to", ACCURACY, MOST_EPOCHS, seed)
        epochs.append(taken)
        yield seconds


def to_accuracy(work: Work, folder: Path, plan: Plan) -> Comparison:
    """Time warm trainings, the tests after every epoch left out."""
    epochs: dict[str, list[int]] = {name: [] for name in able(plan.peers, work)}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(fastest(name, work, folder)) for name in epochs}
        tasks = {name: partial(next, runs(worker, epochs[name])) for name, worker in workers.items()}
        measured = interleaved(tasks, plan.rounds)
    what = f"Fashion-MNIST to {ACCURACY}: {work.title}, Adam"
    return Comparison(what, "s", measured, notes={"epochs": epochs})


def measure(plan: Plan) -> Iterator[Comparison]:
    """Yield digits; and where the data are at hand, Adult and Fashion-MNIST."""
    with TemporaryDirectory() as folder:
        yield from_start("Digits", digits(Path(folder)), Path(folder), plan)
    if not plan.data.is_dir():
        print(f"Left out: Adult and Fashion-MNIST, since there is no folder {plan.data}. Name it with --data.")
        return
    with TemporaryDirectory() as folder:
        yield from_start("One-hot Adult", adult(Path(folder), plan.data), Path(folder), plan)
    with TemporaryDirectory() as folder:
        yield to_accuracy(fashion(Path(folder), plan.data), Path(folder), plan)
