"""Small tables and networks, a cluster of two processes, and what equal fits are."""

import signal

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor

from ..estimator.conftest import one_thread as one_thread
from ..patience import GIVE_UP
from .deeds import find_tests

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
LABELS = np.array(["a", "b", "c"])[(X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 0.5)]
TARGET = np.sin(X[:, 0]) + X[:, 1]

SMALL = {"max_iter": 50, "learning_rate_init": 0.01, "tol": 10.0, "n_iter_no_change": 5}  # six epochs, and no warning


def classifier(**further):
    return MLPClassifier((5,), **(SMALL | {"random_state": 0} | further))


def regressor(**further):
    return MLPRegressor((5,), **(SMALL | {"random_state": 0} | further))


def same(some, others):
    """Whether two fitted networks are the same to the bit."""
    pairs = zip([*some.coefs_, *some.intercepts_], [*others.coefs_, *others.intercepts_], strict=True)
    return type(some) is type(others) and all(a.dtype == b.dtype and (a == b).all() for a, b in pairs)


@pytest.fixture(autouse=True, scope="session")
def importable():
    find_tests()


@pytest.fixture(autouse=True)
def every_core(monkeypatch):
    """More than one thread for the fits, also where the tests have one each."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("chainrule.engine.threads._affinity", lambda: 2)


@pytest.fixture(autouse=True)
def no_hang():
    """A test that waits for ever fails."""

    def give_up(signum, frame):
        raise TimeoutError("a test hangs")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(GIVE_UP)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def cluster():
    """Two Dask workers, each a process with one thread; a worker that dies is replaced."""
    distributed = pytest.importorskip("distributed")
    import dask

    quiet = {"distributed.logging.distributed": "critical", "distributed.admin.large-graph-warning-threshold": "1MB"}
    quiet["distributed.deploy.lost-worker-timeout"] = GIVE_UP  # or a worker that is slow to start again is given up
    kind = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    where = {"dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "silence_logs": 50}
    with dask.config.set(quiet), distributed.LocalCluster(**kind, **where) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    from distributed import Client

    with Client(cluster) as client:
        client.wait_for_workers(2, timeout=GIVE_UP)
        yield client


@pytest.fixture
def marks(tmp_path):
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder
