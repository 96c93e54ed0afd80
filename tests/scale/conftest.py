"""Clusters of real processes, on this machine alone."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
import dask
import pytest

from . import faults, trainings

cloudpickle.register_pickle_by_value(trainings)  # workers that a command starts do not have the tests
cloudpickle.register_pickle_by_value(faults)
sys.path.insert(0, str(Path(__file__).parents[2]))  # those that we start do


@pytest.fixture(scope="session")
def cluster_of() -> Callable[..., Any]:
    """A context of a new cluster's client."""
    distributed = pytest.importorskip("distributed")

    @contextmanager
    def start(n_workers: int, **options: Any) -> Iterator[Any]:
        settings = {f"distributed.scheduler.locks.lease-{name}": "2s" for name in ("timeout", "validation-interval")}
        with (
            dask.config.set(settings),
            distributed.LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                host="127.0.0.1",
                silence_logs=50,
                **options,
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client

    return start
