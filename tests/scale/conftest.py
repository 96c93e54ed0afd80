"""Clusters of real processes, on this machine alone."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
import dask
import pytest

from ..patience import GIVE_UP
from . import faults, trainings

cloudpickle.register_pickle_by_value(trainings)  # workers that a command starts do not have the tests
cloudpickle.register_pickle_by_value(faults)
sys.path.insert(0, str(Path(__file__).parents[2]))  # those that we start do


@pytest.fixture(scope="session")
def cluster_of() -> Callable[..., Any]:
    """A context of a new cluster's client, whose workers have started; further arguments are Dask's settings."""
    distributed = pytest.importorskip("distributed")

    @contextmanager
    def start(n_workers: int, settings: dict[str, str] | None = None) -> Iterator[Any]:
        with (
            dask.config.set({"distributed.deploy.lost-worker-timeout": GIVE_UP} | (settings or {})),
            distributed.LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                host="127.0.0.1",
                silence_logs=50,
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            if n_workers:
                client.wait_for_workers(n_workers, timeout=GIVE_UP)
            yield client

    return start
