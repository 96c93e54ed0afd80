"""A peer in a process of its own, so that thread pools and memory do not meet.

    python -m bench.worker PEER WORK FOLDER

takes one JSON list a line, a method of `Session` and its arguments, and answers with one line of JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import warnings
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.cases import Array, Work
from bench.peers import ENTRIES, Peer

STATUS = Path("/proc/self/status")
MILLION = 1_000_000
CALLS = 200  # of one row, timed together
ROUND = 0.5  # seconds: a processor that has rested is slow at first


def status(field: str) -> int:
    """Return a field in bytes: VmRSS is what is resident, VmHWM the most that ever was."""
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


class Session:
    """What a peer can be asked for; times are in seconds."""

    def __init__(self, peer: type[Peer], work: Work, folder: Path) -> None:
        self.folder = folder
        self.peer = peer(work, np.load(folder / "X.npy"), np.load(folder / "y.npy"))

    def train(self, epochs: int, seconds: float = ROUND) -> float:
        """Time a training from the first weights, the median of as many as a round has time for."""
        began, times = time.perf_counter(), []
        while not times or time.perf_counter() - began < seconds:
            self.peer.start(seed=0)
            times.append(self._train(epochs))
        return statistics.median(times)

    def _train(self, epochs: int) -> float:
        began = time.perf_counter()
        self.peer.train(epochs)
        return time.perf_counter() - began

    def train_to(self, accuracy: float, most: int, seed: int) -> list[float]:
        """Time a training until that share of the test rows is right, and count its epochs."""
        X, y = np.load(self.folder / "X_test.npy"), np.load(self.folder / "y_test.npy")
        self.peer.start(seed)
        seconds = 0.0
        for epoch in range(1, most + 1):
            seconds += self._train(1)
            if np.mean(self.peer.predict(X) == y) >= accuracy:
                return [seconds, epoch]
        raise RuntimeError(f"{most} epochs are not enough for {accuracy} of the test rows.")

    def loss(self) -> float:
        return self.peer.loss()

    @cached_property
    def million(self) -> Array:
        columns = np.load(self.folder / "X.npy", mmap_mode="r").shape[1]
        return np.random.default_rng(2).standard_normal((MILLION, columns), dtype=np.float32)

    def predict_one(self) -> float:
        """Time a call for one row, the mean of many."""
        row = np.load(self.folder / "X.npy", mmap_mode="r")[:1].copy()
        began = time.perf_counter()
        for _ in range(CALLS):
            self.peer.predict(row)
        return (time.perf_counter() - began) / CALLS

    def predict_million(self) -> float:
        X = self.million
        began = time.perf_counter()
        self.peer.predict(X)
        return time.perf_counter() - began

    def peak_memory(self) -> int:
        return status("VmHWM")


def main() -> None:
    """Answer until the input ends; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    name, work, folder = sys.argv[1:]
    peer = ENTRIES[name].load()
    imported = status("VmRSS") if STATUS.exists() else None
    session = Session(peer, Work.from_json(work), Path(folder))
    print(json.dumps(imported), file=answers, flush=True)
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        print(json.dumps(getattr(session, method)(*arguments)), file=answers, flush=True)


if __name__ == "__main__":
    main()
