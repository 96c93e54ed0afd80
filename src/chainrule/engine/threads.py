"""How many threads: never more than the machine grants, and only as many as pay for waiting on one another."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise

# Measured with `make bench` (section widths): what a thread must have to do before another one pays. A step waits at
# two barriers and moves weights from core to core; a call starts its threads.
FLOPS_PER_STEP = 4e6
FLOPS_PER_TRAINING = 5e7
FLOPS_PER_EVALUATION = 3e7

_share: ContextVar[int | None] = ContextVar("share", default=None)


def limit(n_threads: int | None = None) -> int:
    """Return the most threads to use: `n_threads`, the affinity mask, OMP_NUM_THREADS and `at_most`, the least.

    Joblib sets OMP_NUM_THREADS in its workers, so nested parallelism does not multiply.

    Examples
    --------
    >>> limit(1)
    1
    """
    granted = [_affinity(), n_threads, _environment(), _share.get()]
    return min(count for count in granted if count is not None)


@contextmanager
def at_most(n_threads: int | None) -> Iterator[None]:
    """Lower the limit for what this thread does inside: whoever trains several networks at once shares the cores out.

    Examples
    --------
    >>> with at_most(1):
    ...     limit()
    1
    """
    token = _share.set(n_threads if n_threads is None else limit(n_threads))
    try:
        yield
    finally:
        _share.reset(token)


def threads_for(widths: Sequence[int], batch: int, steps: int, *, backward: bool = False) -> int:
    """Return how many threads a job is worth: `steps` steps of `batch` examples each.

    Examples
    --------
    >>> threads_for((2, 16, 1), 32, 256, backward=True), threads_for((784, 256, 10), 128, 100, backward=True) > 1
    (1, True)
    """
    flops = batch * (6 if backward else 2) * sum(n * p for p, n in pairwise(widths))
    if not backward:
        return max(1, int(steps * flops / FLOPS_PER_EVALUATION))
    return max(1, int(min(flops / FLOPS_PER_STEP, steps * flops / FLOPS_PER_TRAINING)))


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _environment() -> int | None:
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # one number for each level of nesting
    return int(first) if first.isdigit() and int(first) > 0 else None
