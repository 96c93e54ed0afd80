"""Workers that are really killed cost time, not results."""

import os
import signal
import subprocess
import sys

import pytest

from chainrule import MLPEnsembleRegressor, MLPSearchCV, fit_many
from chainrule._errors import WorkerError
from chainrule.many.processes import process_pool
from chainrule.many.work import Work

from ..patience import GIVE_UP, alive, wait_until
from .conftest import LABELS, TARGET, X, classifier, regressor, same
from .deeds import ROOT, KillWorker


def nets(marks, times=1):
    callbacks = [None, KillWorker(marks, times), None, None]
    return [classifier(random_state=seed, callbacks=killer) for seed, killer in enumerate(callbacks)]


def test_a_killed_process_is_replaced_and_its_fit_repeated(marks):
    fitted = fit_many(nets(marks, times=2), X, LABELS, workers=2)
    assert len(list(marks.iterdir())) == 2
    for seed, one in enumerate(fitted):
        assert same(one, classifier(random_state=seed).fit(X, LABELS))


def test_a_fit_that_always_kills_is_named(marks, monkeypatch):
    monkeypatch.setattr("chainrule.many.processes.ATTEMPTS", 2)
    with pytest.raises(WorkerError, match=r"fit 1, MLPClassifier\(.* ended its process 2 times.*signal 9"):
        fit_many(nets(marks, times=100), X, LABELS, workers=1)
    assert len(list(marks.iterdir())) == 2


@pytest.mark.slow
def test_a_killed_dask_worker(client, marks):
    fitted = fit_many(nets(marks), X, LABELS, workers="dask")
    assert len(list(marks.iterdir())) == 1
    for seed, one in enumerate(fitted):
        assert same(one, classifier(random_state=seed).fit(X, LABELS))


@pytest.mark.slow
def test_a_search_on_dask_survives_a_kill(client, marks):
    grid = {"alpha": [0.0001, 0.1, 10.0]}
    killed = MLPSearchCV(classifier(callbacks=KillWorker(marks)), grid, cv=3, workers="dask").fit(X, LABELS)
    calm = MLPSearchCV(classifier(), grid, cv=3).fit(X, LABELS)
    assert len(list(marks.iterdir())) == 1
    assert (killed.cv_results_["mean_test_score"] == calm.cv_results_["mean_test_score"]).all()


def test_an_ensemble_survives_a_kill(marks):
    killed = MLPEnsembleRegressor(regressor(callbacks=KillWorker(marks)), 3, random_state=0, workers=1).fit(X, TARGET)
    assert (killed.predict(X) == MLPEnsembleRegressor(regressor(), 3, random_state=0).fit(X, TARGET).predict(X)).all()


def pid(shared, task):
    return os.getpid()


def test_an_idle_worker_may_die_too():
    with process_pool(Work(pid, 1), None, 1) as run:
        ((_, first),) = run([0])
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: not alive(first))
        ((_, second),) = run([1])
    assert second != first
    assert not alive(second)


def unsendable(shared, task):
    return lambda: task


def test_a_result_that_cannot_be_sent_is_an_error():
    with pytest.raises(WorkerError, match="cannot be sent"), process_pool(Work(unsendable, 1), None, 1) as run:
        list(run(["a task"]))


def test_a_script_without_its_guard_is_told(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\nfrom chainrule import LinearRegressor, fit_many\n"
        "from chainrule.many import processes\nprocesses.ATTEMPTS = 1\n"
        "X = np.ones((9, 1))\nfit_many([LinearRegressor()], X, X[:, 0], workers=1)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=GIVE_UP, check=False)
    assert done.returncode == 1
    assert 'does the script lack if __name__ == "__main__"' in done.stderr.splitlines()[-1]


def test_a_worker_ends_with_its_killed_driver(tmp_path):
    """The driver is killed with its worker at work, which sees the end of its pipe after the fit, and ends."""
    driver = subprocess.Popen([sys.executable, "-m", "tests.many.driver", tmp_path], cwd=ROOT)
    try:
        wait_until(lambda: list(tmp_path.iterdir()), driver)
    finally:
        driver.kill()
        driver.wait()
    pids = {int(path.name.partition("-")[0]) for path in tmp_path.iterdir()}
    wait_until(lambda: not any(map(alive, pids)))
