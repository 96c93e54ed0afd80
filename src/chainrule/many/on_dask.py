"""A pool of Dask workers: one future for each task, and a task that loads the shared data.

Scattered data are lost with the worker that holds them; the result of a task is computed again. So the shared data are
the result of a task: killed workers cost time, not results.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import Any

from chainrule._errors import ClusterError, InvalidParameterError, WorkerError
from chainrule._version import __version__
from chainrule.distributed.distribution import check_open
from chainrule.many.work import Run, Work

_PATIENCE = 60  # seconds without a worker
_QUEUED = 2  # tasks for each thread of the cluster: one running, one waiting


@contextmanager
def dask_pool(work: Work, shared: Any, client: Any = None) -> Iterator[Run]:
    """Submit tasks to a Dask client, by default the current one."""
    client = _current_client() if client is None else client
    check_open(client)
    loaded = _submit(client, _load, shared)

    def run(tasks: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        numbered, running = enumerate(tasks), dict[Any, tuple[int, Any]]()
        completed = import_module("distributed").as_completed(loop=client.loop)
        try:
            while True:
                room = max(1, _QUEUED * sum(client.nthreads().values())) - len(running)
                for number, task in islice(numbered, max(0, room)):
                    future = _submit(client, _done, work, __version__, loaded, task)
                    running[future] = number, task
                    completed.add(future)
                if not running:
                    return
                future = _next(completed, client)
                number, task = running.pop(future)
                yield number, _result(future, task)
        finally:
            client.cancel(list(running))

    try:
        yield run
    except Exception:
        check_open(client)  # if it was closed meanwhile, this is the reason
        raise


def _next(completed: Any, client: Any) -> Any:
    """Return the next task that ends; raise ClusterError where no worker takes tasks, and none comes in time."""
    cluster = import_module("chainrule.distributed.dask_cluster")
    looked = alive = time.monotonic()
    while not completed.has_ready():
        time.sleep(0.01)
        now = time.monotonic()
        if now < looked + 1:
            continue
        looked = now
        check_open(client)
        known = cluster.known_workers(client)
        alive = now if "running" in known.values() else alive
        if now > alive + _PATIENCE:
            raise ClusterError(
                f"the cluster has had no worker that takes tasks for {_PATIENCE} s: {cluster.remedy(known)}, and start "
                "again."
            )
    return next(completed)


def _submit(client: Any, *call: Any) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")  # Dask advises to scatter; see the module docstring
        return client.submit(*call, pure=False)


def _done(work: Work, version: str, shared: Any, task: Any) -> Any:
    """Do a task on a worker, if that computes what the driver would compute."""
    if version != __version__:
        raise ClusterError(f"a worker has chainrule {__version__}, the driver {version}: install the same version.")
    return work(shared, task)


def _load(shared: Any) -> Any:
    return shared


def _result(future: Any, task: Any) -> Any:
    try:
        return future.result()
    except import_module("distributed").KilledWorker as error:
        raise WorkerError(
            f"{task} ended its Dask worker again and again: {error} Most often the worker has too little memory: give "
            "it more (`dask worker ADDRESS --memory-limit 8GB`), or leave this task out."
        ) from error


def _current_client() -> Any:
    if find_spec("distributed") is None:
        raise InvalidParameterError(
            "workers='dask' needs Dask, which is not installed: pip install 'chainrule[distributed]'."
        )
    try:
        return import_module("distributed").get_client()
    except ValueError as error:
        raise InvalidParameterError("workers='dask' needs a client: create a dask.distributed.Client first.") from error
