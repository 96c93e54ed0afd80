"""The most memory that a fit holds, beyond what the process holds after its imports (Linux)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.cases import Work
from bench.data import generated_folder
from bench.peers import OURS, able
from bench.plan import Plan
from bench.rounds import Comparison, Spread, Worker
from bench.worker import STATUS

TALL = Work((100, 256, 256, 1), 256, 262_144)
BAR = "bar"  # the input's own size, 60 MB, and four times the parameters


def megabytes(peer: str, work: Work, folder: Path) -> float:
    """Fit in a fresh process; the input counts, it is read after the imports."""
    with Worker(peer, work, folder) as worker:
        worker.ask("train", 1)
        return (worker.ask("peak_memory") - worker.memory_at_import) / 1e6


def bar(work: Work, folder: Path) -> float:
    inputs = sum(path.stat().st_size for path in folder.iterdir())
    return (inputs + 4 * work.parameters * np.dtype(work.dtype).itemsize) / 1e6 + 60


def measure(plan: Plan) -> Iterator[Comparison]:
    """Yield a comparison for each network, and one for many rows."""
    if not STATUS.exists():
        print(f"Left out: memory, since there is no {STATUS} (Linux has it).")
        return
    for work in (*plan.works, TALL):
        with generated_folder(work) as folder:
            used = {name: megabytes(name, work, folder) for name in able(plan.peers, work)}
            used = {OURS: used.pop(OURS), BAR: bar(work, folder), **used}
        yield Comparison(work.title, "MB", {name: Spread.of([value]) for name, value in used.items()}, {BAR: [1.0]})
