"""Worker pools: context managers around a function `run`, which yields the results of tasks as they end.

Tasks are data. What all tasks share (above all the table) is sent to each worker once. `run` takes a task from its
iterator only when a worker is free, so that the iterator can end the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from typing import Any

from chainrule._errors import InvalidParameterError
from chainrule.engine.threads import limit
from chainrule.many.work import Run, Work


def make_pool(workers: Any, function: Callable[[Any, Any], Any], shared: Any, most: int) -> AbstractContextManager[Run]:
    """Return the pool that the parameter `workers` asks for.

    Parameters
    ----------
    workers : None, int, "dask", Client or "joblib"
        None: threads of this process, as many as the machine grants. A number: so many processes. "dask": the current
        client of Dask; or a client. "joblib": the backend of `joblib.parallel_config`.
    function : callable (shared, task) -> result
    shared : object
        First argument of every call.
    most : int
        The largest number of tasks that can run at once.

    Raises
    ------
    InvalidParameterError
        If `workers` is none of these.
    """
    if workers is None:
        count = max(1, min(limit(), most))
        return thread_pool(Work(function, limit() // count), shared, count)
    if isinstance(workers, int) and not isinstance(workers, bool) and workers >= 1:
        from chainrule.many.processes import process_pool

        count = max(1, min(workers, most))
        return process_pool(Work(function, max(1, limit() // count)), shared, count)
    if workers == "joblib":
        return joblib_pool(Work(function), shared)
    if workers == "dask" or hasattr(workers, "submit"):
        from chainrule.many.on_dask import dask_pool

        return dask_pool(Work(function), shared, None if workers == "dask" else workers)
    raise InvalidParameterError(
        f"workers must be None (threads), a positive number of processes, 'dask', a Dask client or 'joblib', "
        f"got {workers!r}."
    )


@contextmanager
def thread_pool(work: Work, shared: Any, count: int) -> Iterator[Run]:
    """Threads of this process: the native engine releases Python's lock while it computes."""
    pool = ThreadPoolExecutor(count)

    def run(tasks: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        numbered, running = enumerate(tasks), dict[Future[Any], int]()
        while True:
            for number, task in islice(numbered, count - len(running)):
                running[pool.submit(work, shared, task)] = number
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()

    try:
        yield run
    finally:  # do not wait for running fits at Ctrl-C or an error
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def joblib_pool(work: Work, shared: Any) -> Iterator[Run]:
    """The backend that `joblib.parallel_config` has set, which also decides what happens when a worker is killed."""
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    def run(tasks: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        parallel = Parallel(return_as="generator_unordered")
        yield from parallel(delayed(_numbered)(work, shared, *task) for task in enumerate(tasks))

    yield run


def _numbered(work: Work, shared: Any, number: int, task: Any) -> tuple[int, Any]:
    return number, work(shared, task)
