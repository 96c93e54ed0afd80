"""A model of what a step costs on many machines, with constants from measurements, and what it says beyond them.

A step has arithmetic that the workers divide among them (`row`), what a worker does for each of its shards (`shard`:
a call of the engine; `packing`: which reads all weights), what every worker does alone (`update`), and the sum over
them: messages, whose number grows with the workers since each talks to every other one, and bytes, which hardly grow.
On the machine measured, workers beyond its cores share them. On a network its latency is added, and its bandwidth
takes the place of the measured one if it is less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares, nnls

BYTES = 4  # of float32
CORES = 2  # of the machine measured
SHARDS = 6  # of the tables measured


@dataclass(frozen=True)
class Model:
    """The constants of one way to talk, in milliseconds.

    Attributes
    ----------
    row : float
        For each row and parameter of a step.
    update : float
        For each parameter, on every worker.
    packing : float
        For each parameter and shard of a worker.
    shard : float
        For each shard of a worker.
    message : float
        For each message to another worker.
    megabyte : float
        For each megabyte that a worker sends.
    """

    row: float
    update: float
    packing: float
    shard: float
    message: float
    megabyte: float

    def milliseconds(self, point: dict[str, Any]) -> float:
        """Return what the model says of a measured point."""
        return float(np.dot(list(vars(self).values()), features(point)))

    def predicted(
        self, workers: int, parameters: int, batch: int, *, megabytes_per_s: float | None = None, latency_ms: float = 0
    ) -> float:
        """Return what a step costs with one shard a worker, each on a machine of its own."""
        mb, messages = traffic(workers, parameters)
        per_megabyte = self.megabyte if megabytes_per_s is None else max(self.megabyte, 1e3 / megabytes_per_s)
        alone = self.row * batch / workers * parameters + (self.update + self.packing) * parameters + self.shard
        return alone + self.message * messages + 2 * latency_ms * (workers > 1) + per_megabyte * mb

    def break_even(self, parameters: int) -> tuple[float, float]:
        """Return the rows of a step from which two workers beat one, and what it then costs either, in milliseconds."""
        talk = self.predicted(2, parameters, 0) - self.predicted(1, parameters, 0)
        rows = 2 * talk / (self.row * parameters)
        return rows, self.predicted(1, parameters, round(rows))


def traffic(workers: int, parameters: int) -> tuple[float, int]:
    """Return the megabytes and the messages that a worker sends for one sum: two rounds of slices."""
    if workers == 1:
        return 0.0, 0
    rounds = 1 if workers == 2 else 2
    return 2 * parameters * BYTES * (workers - 1) / workers / 1e6, rounds * (workers - 1)


def features(point: dict[str, Any]) -> list[float]:
    """Return what the constants are multiplied by; workers that share a core wait for one another."""
    workers, parameters = point["workers"], point["parameters"]
    shared = max(1.0, workers / CORES)
    mb, messages = traffic(workers, parameters)
    sums = [messages * shared, mb * shared]
    if point["what"] == "sum":
        return [0.0, 0.0, 0.0, 0.0, *sums]
    shards = SHARDS / workers
    alone = [point["batch"] / workers * parameters, parameters, shards * parameters, shards]
    return [*(shared * term for term in alone), *sums]


def fitted(points: Sequence[dict[str, Any]], how: str) -> Model:
    """Fit the constants to the points of one way: factors, not differences, and an outlier counts little."""
    chosen = [point for point in points if point["how"] == how]
    terms, measured = np.array([features(point) for point in chosen]), np.array([point["ms"] for point in chosen])
    begin, _ = nnls(terms / measured[:, None], np.ones(len(chosen)))
    scale = np.maximum(begin, measured.mean() / terms.mean(axis=0) / 1e3)  # the constants differ by many powers of ten
    best = least_squares(
        lambda x: np.log(terms @ (scale * x) / measured), np.ones(len(scale)), bounds=(0, np.inf), loss="soft_l1"
    )
    return Model(*(scale * best.x).tolist())
