"""The number of threads: at most as many as the machine grants, and fewer for jobs too small to share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise

# The work for which one more thread pays, measured with `make bench` (section widths). A step waits at two barriers and
# moves weights between cores; a call starts its threads.
FLOPS_PER_STEP = 4e6
FLOPS_PER_TRAINING = 5e7
FLOPS_PER_EVALUATION = 3e7

_share: ContextVar[int | None] = ContextVar("share", default=None)


def limit(n_threads: int | None = None) -> int:
    """Return the largest number of threads: the minimum of `n_threads`, affinity mask, OMP_NUM_THREADS and `at_most`.

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
    """Lower the limit within a `with` block of this thread: for several trainings at once, which share the cores.

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
    """Return how many threads pay for a job of `steps` steps with `batch` examples each.

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
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # one number for each nesting level
    return int(first) if first.isdigit() and int(first) > 0 else None
