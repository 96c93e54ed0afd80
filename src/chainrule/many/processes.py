"""A crew of processes, each with a pipe of its own: a worker that is killed costs its own fit, which is repeated.

A common pool does not do: when one of its processes dies, it breaks as a whole, and nobody knows which fit was to
blame. Here the end of a pipe names the fit.
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
from chainrule.many.crews import Run, Work

ATTEMPTS = 3  # as many as Dask allows by default
_SECONDS_TO_END = 5


@contextmanager
def process_crew(work: Work, shared: Any, count: int) -> Iterator[Run]:
    """Start `count` processes; what is shared goes through one file, whose arrays they map into their memory."""
    with tempfile.TemporaryDirectory(prefix="chainrule-") as folder:
        path = Path(folder, "shared.joblib")
        joblib.dump(shared, path)
        crew = _Crew(work, path, count)
        try:
            yield crew.run
        finally:
            crew.stop()


@dataclass
class _Job:
    number: int
    task: Any
    attempts: int = 0


class _Worker:
    """One process and our end of its pipe; `job` is what it is at."""

    def __init__(self, work: Work, path: Path) -> None:
        context = get_context("spawn")  # a fork would copy the locks of our threads, but not the threads
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work, path), daemon=True)
        self.process.start()
        theirs.close()  # so that the pipe ends when the process does
        self.job: _Job | None = None

    def begin(self, job: _Job) -> None:
        self.job = job
        with suppress(BrokenPipeError):  # it is dead, which the next look at the pipe shows
            self.connection.send(job.task)

    def stop(self) -> int | None:
        """End the process; return the exit code it has, or had already."""
        self.process.terminate()
        self.process.join()
        self.connection.close()
        return self.process.exitcode


class _Crew:
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
        worker.process.join(_SECONDS_TO_END)  # or the exit code would be ours
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
    """What a worker does: one task after the other, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to every process; the one that asked decides
    shared = joblib.load(path, mmap_mode="r")
    with threadpool_limits(work.n_threads), suppress(EOFError, BrokenPipeError):  # which mean that nobody asks any more
        while True:
            result = _attempted(work, shared, connection.recv())
            try:
                connection.send(result)
            except (PicklingError, TypeError, AttributeError) as error:
                connection.send((False, WorkerError(f"a result cannot be sent from process to process: {error}")))


def _attempted(work: Work, shared: Any, task: Any) -> tuple[bool, Any]:
    try:
        return True, work(shared, task)
    except Exception as error:  # noqa: BLE001 - it is raised where the result was asked for
        error.add_note("In the worker:\n" + "".join(traceback.format_exception(error)))
        return False, error
