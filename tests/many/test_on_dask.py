"""What a Dask cluster cannot do is said: a closed client, workers of another version, workers without memory."""

import pytest

from chainrule import MLPSearchCV, fit_many
from chainrule._errors import ClusterError
from chainrule.many import on_dask

from ..patience import wait_until
from .conftest import LABELS, X, classifier


def test_a_closed_client_says_what_to_do(cluster):
    from distributed import Client

    with Client(cluster, set_as_default=False) as closed:
        pass
    deeds = {
        "fit": lambda: classifier().fit(X, LABELS, distributed=closed),
        "fit_many": lambda: fit_many([classifier()], X, LABELS, workers=closed),
        "search": lambda: MLPSearchCV(classifier(), {}, cv=2, workers=closed).fit(X, LABELS),
    }
    for deed in deeds.values():
        with pytest.raises(ClusterError, match=r"the Dask client is closed.* create another dask\.distributed\.Client"):
            deed()


def set_version(version):
    was, on_dask.__version__ = on_dask.__version__, version
    return was


def test_workers_of_another_version_are_refused(client):
    was = client.run(set_version, "0.0.0")
    try:
        with pytest.raises(
            ClusterError, match=r"a worker has chainrule 0\.0\.0, the driver .* install the same version"
        ):
            fit_many([classifier()], X, LABELS, workers=client)
    finally:
        client.run(set_version, next(iter(was.values())))


def pause_above(share, dask_worker):
    manager = dask_worker.memory_manager
    was, manager.memory_pause_fraction = manager.memory_pause_fraction, share
    return was


def test_workers_that_are_paused_for_lack_of_memory_are_told(client, monkeypatch):
    """Dask itself would wait for ever."""
    from chainrule.distributed.dask_cluster import known_workers

    monkeypatch.setattr(on_dask, "_PATIENCE", 1)
    was = client.run(pause_above, 1e-9)
    try:
        wait_until(lambda: set(known_workers(client).values()) == {"paused"})
        with pytest.raises(ClusterError, match="the memory of 2 is full; give workers more"):
            fit_many([classifier()], X, LABELS, workers=client)
    finally:
        client.run(pause_above, next(iter(was.values())))
    wait_until(lambda: set(known_workers(client).values()) == {"running"})
