"""Forks, Python threads, exits and Ctrl-C while the engine's threads are at work: no hang, no crash, the same bits."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from ..patience import GIVE_UP
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
    signal.alarm({GIVE_UP})
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
        signal.alarm({GIVE_UP})
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
    assert pool.map_async(train, list(range(4)) * 3).get({GIVE_UP}) == alone * 3
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


@pytest.mark.one_in(3)
@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("steps", [1, 20_000], ids=["short segments", "a long one"])
def test_the_interpreter_ends_while_a_daemon_thread_trains(child, steps, delay):
    result = child(f"""{TRAIN}
problem, started = classes((20, 64, 32, 1), 300, 300 if {steps} == 1 else 1, steps={steps}), threading.Event()

def forever():
    while True:
        started.set()
        problem.run(Native(2, adaptive=False))

threading.Thread(target=forever, daemon=True).start()
started.wait()
time.sleep({delay})
""")
    assert result.stderr == ""


INTERRUPTED = """
import warnings
import numpy as np
from chainrule import MLPRegressor

class Say:
    def on_fit_begin(self, ctx):
        print("fitting", flush=True)

X = np.random.default_rng(0).normal(size=(400_000, 20)).astype(np.float32)
warnings.simplefilter("ignore")
for _ in range(2):
    model = MLPRegressor((2048,), batch_size=1, max_iter=1000, engine="native", random_state=0, callbacks=[Say()])
    model.fit(X, X[:, 0])
    left = model.t_ < len(X)
    print(model.stop_reason_, left, np.isfinite(model.predict(X[:99])).all(), model.history_.stop_sentence, flush=True)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("Native")
def test_ctrl_c_ends_an_epoch_of_many_seconds_in_its_middle_with_a_model():
    """How often the engine comes back to Python to look for it is in `network/test_pace.py`."""
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as fits:
        watchdog = threading.Timer(GIVE_UP, fits.kill)
        watchdog.daemon = True
        watchdog.start()
        said = []
        for _ in range(2):
            said.append(fits.stdout.readline())
            time.sleep(0.5)  # somewhere in the first of 400,000 steps
            fits.send_signal(signal.SIGINT)
            said.append(fits.stdout.readline())
        watchdog.cancel()
    assert said == ["fitting\n", "interrupted True True interrupted in epoch 1\n"] * 2
    assert fits.returncode == 0


def test_other_python_threads_run_during_a_long_segment(engine):
    """Where the engine kept the interpreter's lock, the other thread would come to its turn at the ends alone."""
    problem = classes((50, 200, 1), 400, 1)
    steps, ticks = 200, 0
    while ticks < 20:  # on a fast machine a segment must be longer for so many
        within, ended = threading.Event(), threading.Event()

        def tick(within=within, ended=ended):
            nonlocal ticks
            within.wait()
            ticks = 0
            while not ended.wait(0.002):
                ticks += 1

        ticking = threading.Thread(target=tick)
        ticking.start()
        places, rates = np.resize(np.arange(400), steps), np.full(steps, 1e-3)
        arguments = problem.architecture, problem.plan, problem.start(), problem.examples, places, rates
        within.set()
        engine.run_segment(*arguments)
        ended.set()
        ticking.join()
        steps *= 4
        assert steps < 10**8
