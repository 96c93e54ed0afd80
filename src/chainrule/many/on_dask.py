"""A pool of Dask workers: one future for each task, and a task that loads the shared data.

Scattered data are lost with the worker that holds them; the result of a task is computed again. So the shared data are
the result of a task: killed workers cost time, not results.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import Any

from chainrule._errors import InvalidParameterError, WorkerError
from chainrule.many.work import Run, Work

_QUEUED = 2  # tasks for each thread of the cluster: one running, one waiting


@contextmanager
def dask_pool(work: Work, shared: Any, client: Any = None) -> Iterator[Run]:
    """Submit tasks to a Dask client, by default the current one."""
    client = _current_client() if client is None else client
    loaded = _submit(client, _load, shared)

    def run(tasks: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        numbered, running = enumerate(tasks), dict[Any, tuple[int, Any]]()
        completed = import_module("distributed").as_completed(loop=client.loop)
        try:
            while True:
                room = max(1, _QUEUED * sum(client.nthreads().values())) - len(running)
                for number, task in islice(numbered, max(0, room)):
                    future = _submit(client, work, loaded, task)
                    running[future] = number, task
                    completed.add(future)
                if not running:
                    return
                future = next(completed)
                number, task = running.pop(future)
                yield number, _result(future, task)
        finally:
            client.cancel(list(running))

    yield run


def _submit(client: Any, *call: Any) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")  # Dask advises to scatter; see the module docstring
        return client.submit(*call, pure=False)


def _load(shared: Any) -> Any:
    return shared


def _result(future: Any, task: Any) -> Any:
    try:
        return future.result()
    except import_module("distributed").KilledWorker as error:
        raise WorkerError(f"{task} ended its Dask worker again and again: {error}") from error


def _current_client() -> Any:
    if find_spec("distributed") is None:
        raise InvalidParameterError(
            "workers='dask' needs Dask, which is not installed: pip install 'chainrule[distributed]'."
        )
    try:
        return import_module("distributed").get_client()
    except ValueError as error:
        raise InvalidParameterError("workers='dask' needs a client: create a dask.distributed.Client first.") from error
