"""Who does many tasks: a crew is a context manager around `run`, which yields results in the order they come.

A task is data, and what all tasks share (the table, above all) is handed to a worker once. `run` takes tasks from its
iterator only as workers get free, so that whoever writes the iterator can end it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sklearn import config_context, get_config

from chainrule._errors import InvalidParameterError
from chainrule.engine.threads import at_most, limit

Run = Callable[[Iterable[Any]], Iterator[tuple[int, Any]]]  # tasks to (number of the task, its result)


@dataclass(frozen=True)
class Work:
    """A function of what all tasks share and of one task, under the caller's settings of scikit-learn.

    Attributes
    ----------
    function : callable (shared, task) -> result
        Of a module, so that other processes can find it.
    n_threads : int, optional
        How many threads of the engine each task may use.
    """

    function: Callable[[Any, Any], Any]
    n_threads: int | None = None
    config: dict[str, Any] = field(default_factory=get_config)

    def __call__(self, shared: Any, task: Any) -> Any:
        """Do one task; what it raises gets a note that names it."""
        try:
            with config_context(**self.config), at_most(self.n_threads):
                return self.function(shared, task)
        except Exception as error:
            error.add_note(f"Raised by {task}.")
            raise


def make_pool(workers: Any, function: Callable[[Any, Any], Any], shared: Any, most: int) -> AbstractContextManager[Run]:
    """Return the crew that the parameter `workers` asks for.

    Parameters
    ----------
    workers : None, int, "dask", Client or "joblib"
        None is threads of this process, as many as the machine grants; a number is so many processes; "dask" is the
        current client of Dask, or give the client; "joblib" is the backend of `joblib.parallel_config`.
    function : callable (shared, task) -> result
    shared : object
        First argument of every call.
    most : int
        How many tasks there will be at once.

    Raises
    ------
    InvalidParameterError
        If it is none of these.
    """
    if workers is None:
        count = max(1, min(limit(), most))
        return thread_crew(Work(function, limit() // count), shared, count)
    if isinstance(workers, int) and not isinstance(workers, bool) and workers >= 1:
        from chainrule.many.processes import process_crew

        count = max(1, min(workers, most))
        return process_crew(Work(function, max(1, limit() // count)), shared, count)
    if workers == "joblib":
        return joblib_crew(Work(function), shared)
    if workers == "dask" or hasattr(workers, "submit"):
        from chainrule.many.on_dask import dask_crew

        return dask_crew(Work(function), shared, None if workers == "dask" else workers)
    raise InvalidParameterError(
        f"workers must be None (threads), a positive number of processes, 'dask', a Dask client or 'joblib', "
        f"got {workers!r}."
    )


@contextmanager
def thread_crew(work: Work, shared: Any, count: int) -> Iterator[Run]:
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
    finally:  # at Ctrl-C or an error nobody waits for the fits that still run
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def joblib_crew(work: Work, shared: Any) -> Iterator[Run]:
    """Whatever backend `joblib.parallel_config` has set; what it does about a killed worker is its own affair."""
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    def run(tasks: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        parallel = Parallel(return_as="generator_unordered")
        yield from parallel(delayed(_numbered)(work, shared, *task) for task in enumerate(tasks))

    yield run


def _numbered(work: Work, shared: Any, number: int, task: Any) -> tuple[int, Any]:
    return number, work(shared, task)
