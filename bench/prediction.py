"""`predict`: a call for one row, and a million rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

from bench.cases import Work
from bench.data import generated_folder
from bench.peers import able
from bench.plan import Plan
from bench.rounds import Comparison, Worker, interleaved

WORK = Work((100, 256, 128, 10), 128, 16_384)
QUESTIONS = {
    "predict_one": ("One row", "µs/call", 1e6),
    "predict_million": ("A million rows", "s", 1.0),
}


def measure(plan: Plan) -> Iterator[Comparison]:
    """Yield both; the first call of each is not timed, some compile in it."""
    names = [name for name in able(plan.peers, WORK) if name != "torch-compiled"]  # it compiles the training step alone
    with generated_folder(WORK) as folder, ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(name, WORK, folder)) for name in names}
        for worker in workers.values():
            worker.ask("train", 1)
        for question, (what, unit, scale) in QUESTIONS.items():
            for worker in workers.values():
                worker.ask(question)
            tasks = {name: partial(worker.ask, question) for name, worker in workers.items()}
            yield Comparison(f"{what}: {WORK.name}", unit, interleaved(tasks, plan.rounds, scale))
