"""A pool of processes in which a killed worker loses only its own fit, which is repeated.

Every worker has a pipe of its own, and a pipe that ends tells which fit was lost. `concurrent.futures` cannot be used:
when a process of its pool dies, the whole pool breaks, and neither the fit nor the exit code is known.
"""

from __future__ import annotations

import signal
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from pickle import PicklingError
from typing import Any

import joblib  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from chainrule._errors import WorkerError
from chainrule.many.work import Run, Work

ATTEMPTS = 3  # the default of Dask
_SECONDS_TO_END = 5


@contextmanager
def process_pool(work: Work, shared: Any, count: int) -> Iterator[Run]:
    """Start `count` processes; they map the arrays of the shared data from one file into their memory."""
    with tempfile.TemporaryDirectory(prefix="chainrule-") as folder:
        path = Path(folder, "shared.joblib")
        joblib.dump(shared, path)
        pool = _Pool(work, path, count)
        try:
            yield pool.run
        finally:
            pool.stop()


@dataclass
class _Job:
    number: int
    task: Any
    attempts: int = 0


class _Worker:
    """One process, our end of its pipe, and the job it is doing."""

    def __init__(self, work: Work, path: Path) -> None:
        context = get_context("spawn")  # a fork would copy the locks of our threads, but not the threads
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work, path), daemon=True)
        self.process.start()
        theirs.close()  # or the pipe would outlive the process
        self.job: _Job | None = None

    def begin(self, job: _Job) -> None:
        self.job = job
        with suppress(BrokenPipeError):  # the process is dead; `run` sees that when it reads the pipe
            self.connection.send(job.task)

    def stop(self) -> int | None:
        """End the process, if it still runs; return its exit code."""
        self.process.terminate()
        self.process.join()
        self.connection.close()
        return self.process.exitcode


class _Pool:
    def __init__(self, work: Work, path: Path, count: int) -> None:
        self.work, self.path = work, path
        self.workers = [_Worker(work, path) for _ in range(count)]

    def run(self, tasks: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        fresh, again = (_Job(number, task) for number, task in enumerate(tasks)), list[_Job]()
        while True:
            for worker in self.workers:
                if worker.job is None and (job := again.pop() if again else next(fresh, None)):
                    worker.begin(job)
            busy: dict[Any, _Worker] = {worker.connection: worker for worker in self.workers if worker.job}
            if not busy:
                return
            for connection in wait(list(busy)):
                worker = busy[connection]
                job, worker.job = worker.job, None
                assert job is not None
                try:
                    succeeded, result = worker.connection.recv()
                except (EOFError, OSError):
                    again.append(self._repeated(job, self._replace(worker)))
                    continue
                if not succeeded:
                    raise result
                yield job.number, result

    def _replace(self, worker: _Worker) -> int | None:
        self.workers[self.workers.index(worker)] = _Worker(self.work, self.path)
        worker.process.join(_SECONDS_TO_END)  # `stop` would replace its exit code
        return worker.stop()

    def _repeated(self, job: _Job, exit_code: int | None) -> _Job:
        job.attempts += 1
        if job.attempts < ATTEMPTS:
            return job
        if exit_code is not None and exit_code < 0:
            how = f"by signal {-exit_code} (out of memory?)"
        else:
            how = f'with exit code {exit_code} (does the script lack if __name__ == "__main__": around its main part?)'
        raise WorkerError(
            f"{job.task} ended its process {job.attempts} times, the last time {how}. Leave it out, or run it alone "
            "with workers=None to see why."
        )

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()


def _serve(connection: Connection, work: Work, path: Path) -> None:
    """Do one task after the other until the pipe ends: the main function of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent handles it
    shared = joblib.load(path, mmap_mode="r")
    with threadpool_limits(work.n_threads), suppress(EOFError, BrokenPipeError):  # the parent has ended
        while True:
            result = _attempted(work, shared, connection.recv())
            try:
                connection.send(result)
            except (PicklingError, TypeError, AttributeError) as error:
                connection.send((False, WorkerError(f"a result cannot be sent from process to process: {error}")))


def _attempted(work: Work, shared: Any, task: Any) -> tuple[bool, Any]:
    try:
        return True, work(shared, task)
    except Exception as error:  # noqa: BLE001 - the parent raises it
        error.add_note("In the worker:\n" + "".join(traceback.format_exception(error)))
        return False, error
