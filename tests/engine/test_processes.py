"""Forks, Python threads, exits and Ctrl-C while the engine's threads are at work: no hang, no crash, the same bits."""

import signal
import subprocess
import sys
import threading
import time
from statistics import median

import numpy as np
import pytest

from .cases import classes
from .conftest import ROOT

TRAIN = """
import hashlib, os, signal, sys, threading, time
from tests.engine.cases import classes
from chainrule.engine.native import Native

PROBLEMS = [classes(widths, 300, 64, steps=100) for widths in ((20, 64, 32, 1), (30, 40, 5), (8, 9), (64, 64, 64, 3))]

def train(i=0, n_threads=2):
    return hashlib.sha256(PROBLEMS[i].run(Native(n_threads, adaptive=False), "float32").bits()).digest()
"""


def test_a_fork_after_threads_trains_to_the_same_bits(child):
    """Three generations: the child's child, too, starts from a process whose threads did not come along."""
    child(f"""{TRAIN}
before = train(n_threads=3)
for generation in range(3):
    signal.alarm(20)
    process = os.fork()
    if process:
        break
    assert train(n_threads=3) == before
else:
    sys.exit(0)
_, status = os.waitpid(process, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
assert train(n_threads=3) == before
""")


def test_a_fork_while_another_thread_trains(child):
    child(f"""{TRAIN}
alone, stop = train(1), threading.Event()

def busy():
    while not stop.is_set():
        train(0, n_threads=3)

threading.Thread(target=busy).start()
for _ in range(5):
    process = os.fork()
    if not process:
        signal.alarm(20)
        os._exit(0 if train(1) == alone else 1)
    _, status = os.waitpid(process, 0)
    if status:
        break
stop.set()
assert status == 0, status
""")


def test_a_pool_of_forked_processes(child):
    child(f"""{TRAIN}
import multiprocessing
alone = [train(i) for i in range(4)]
with multiprocessing.get_context("fork").Pool(3) as pool:
    assert pool.map_async(train, list(range(4)) * 3).get(30) == alone * 3
""")


@pytest.mark.parametrize("shared", [False, True], ids=["an engine each", "one engine for all"])
def test_python_threads_train_at_once(child, shared):
    child(f"""{TRAIN}
from concurrent.futures import ThreadPoolExecutor
alone = [train(i) for i in range(4)]
if {shared}:
    engine = Native(2, adaptive=False)
    Native = lambda *arguments, **keywords: engine
with ThreadPoolExecutor(4) as pool:
    for _ in range(5):
        assert list(pool.map(train, range(4))) == alone
""")


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("steps", [1, 20_000], ids=["short segments", "a long one"])
def test_the_interpreter_ends_while_a_daemon_thread_trains(child, steps, delay):
    result = child(
        f"""{TRAIN}
problem, started = classes((20, 64, 32, 1), 300, 300 if {steps} == 1 else 1, steps={steps}), threading.Event()

def forever():
    while True:
        started.set()
        problem.run(Native(2, adaptive=False))

threading.Thread(target=forever, daemon=True).start()
started.wait()
time.sleep({delay})
""",
        timeout=20,
    )
    assert result.stderr == ""


INTERRUPTED = """
import time, warnings
import numpy as np
from chainrule import MLPRegressor
X = np.random.default_rng(0).normal(size=(100_000, 100)).astype(np.float32)
warnings.simplefilter("ignore")
for _ in range(3):
    model = MLPRegressor((512,), batch_size=1, max_iter=1000, n_iter_no_change=1000, engine="native", random_state=0)
    print("fitting", flush=True)
    model.fit(X, X[:, 0])
    print(time.monotonic(), model.stop_reason_, np.isfinite(model.predict(X[:99])).all(), flush=True)
    print(model.history_.stop_sentence, flush=True)
"""


@pytest.mark.usefixtures("Native")
def test_ctrl_c_within_an_epoch_of_seconds_returns_at_once_with_a_model():
    """The model's loss over all rows is part of the wait: the segment itself must end within 0.1 s."""
    waits = []
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True, cwd=ROOT) as fits:
        watchdog = threading.Timer(60, fits.kill)
        watchdog.start()
        while fits.stdout.readline() == "fitting\n":
            time.sleep(0.5)
            fits.send_signal(signal.SIGINT)
            sent = time.monotonic()
            returned, *state = fits.stdout.readline().split()
            waits.append(float(returned) - sent)
            assert state == ["interrupted", "True"]
            assert fits.stdout.readline() == "interrupted in epoch 1\n"
        watchdog.cancel()
    assert fits.returncode == 0
    assert len(waits) == 3
    assert median(waits) < 0.5
    assert max(waits) < 2


def test_other_python_threads_run_during_a_long_segment(engine):
    problem = classes((50, 200, 1), 400, 1)
    order = np.arange(400)

    def train(steps):
        began = time.perf_counter()
        places, rates = np.resize(order, steps), np.full(steps, 1e-3)
        engine.run_segment(problem.architecture, problem.plan, problem.start(), problem.examples, places, rates)
        return began, time.perf_counter()

    began, ended = train(200)
    steps = int(200 * 0.6 / (ended - began))
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.wait(0.002):
            ticks.append(time.perf_counter())

    ticking = threading.Thread(target=tick)
    ticking.start()
    began, ended = train(steps)
    stop.set()
    ticking.join()
    during = [began, *(t for t in ticks if began < t < ended), ended]
    assert ended - began > 0.2
    assert len(during) > 20
    assert max(np.diff(during)) < (ended - began) / 3
