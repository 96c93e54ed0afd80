"""What the loop adapts: how many steps a segment takes, about a tenth of a second's; and the cuts of the rate."""

import time
from dataclasses import replace

import numpy as np
import pytest

from chainrule.network import Architecture, StopReason, initial_parameters, loss
from chainrule.network.examples import Examples
from chainrule.network.schedules import Schedule
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory
from chainrule.network.training.loop import _Pace, train
from chainrule.network.training.segment import Plan, initial_state
from chainrule.network.training.setup import Stopping, Training


@pytest.fixture
def training():
    rng = np.random.default_rng(0)
    architecture = Architecture((20, 5), (), loss("squared_error"))
    examples = Examples(rng.normal(size=(20, 64)), rng.normal(size=(5, 64)))
    schedule = Schedule("constant", 0.01, 8, 24, 64)
    return Training(architecture, Plan(batch_size=8), InMemory(examples, segment), schedule, Stopping(3))


def test_it_begins_as_if_on_a_slow_machine(training):
    """100 weights, two flops each, three products a step, batches of 8: 4,800 flops; 1e8 a second for 0.1 s."""
    assert _Pace(training).steps == 10_000_000 // 4_800


@pytest.mark.parametrize(
    ("before", "steps", "seconds", "after"),
    [
        (50, 50, 0.2, 25),
        (50, 50, 0.04, 125),
        (50, 50, 0.001, 200),
        (50, 10, 0.04, 25),
        (50, 50, 99.0, 1),
        (3, 3, 0.0, 12),
    ],
    ids=["slower", "faster", "at most fourfold", "a short segment", "at least one step", "no time at all"],
)
def test_it_aims_at_a_tenth_of_a_second(training, before, steps, seconds, after):
    pace = _Pace(training)
    pace.steps = before
    pace.observe(steps, seconds)
    assert pace.steps == after


def test_the_seconds_of_the_epochs_are_those_of_the_clock(training):
    began = time.perf_counter()
    _, history = train(training, initial_state(initial_parameters(training.architecture, seed=0), training.plan))
    assert all(seconds >= 0 for seconds in history["seconds"])
    assert sum(history["seconds"]) <= time.perf_counter() - began


class Sleepy:
    """The reference, which takes a fifth of a second for a segment, by a clock of its own."""

    mean_loss, logits = staticmethod(segment.mean_loss), staticmethod(segment.logits)
    now = 0.0

    def run_segment(self, *arguments):
        self.now += 0.2
        return segment.run_segment(*arguments)


def test_the_loop_measures_its_segments(training, monkeypatch):
    """Eight steps that took 0.2 s make segments of four."""
    ends, sleepy = [], Sleepy()
    monkeypatch.setattr(time, "perf_counter", lambda: sleepy.now)
    watched = replace(
        training,
        feed=replace(training.feed, runner=sleepy),
        stopping=Stopping(2),
        on_segment=lambda p: ends.append(p.examples_done),
    )
    train(watched, initial_state(initial_parameters(training.architecture, seed=0), training.plan))
    assert ends[:2] == [64, 32]


def resting(training, schedule, stopping):
    """The history of a training that starts where nothing can get better."""
    feed = replace(training.feed, examples=Examples(np.zeros((20, 64)), np.zeros((5, 64))))
    still = replace(training, schedule=replace(training.schedule, **schedule), stopping=stopping, feed=feed)
    start = initial_parameters(training.architecture, seed=0, kernel_initializer="zeros")
    return train(still, initial_state(start, training.plan))[1]


def test_plateau_cuts_to_a_tenth_after_ten_epochs_again_and_again(training):
    history = resting(training, {"name": "plateau"}, Stopping(25, patience=np.inf))
    np.testing.assert_allclose(history["learning_rate"], [0.01] * 11 + [0.001] * 10 + [0.0001] * 4, rtol=1e-12)


def test_adaptive_gives_up_below_the_smallest_rate_not_at_it(training):
    at = resting(training, {"name": "adaptive", "initial": 1e-6}, Stopping(3, patience=5))
    below = resting(training, {"name": "adaptive", "initial": 0.99e-6}, Stopping(3, patience=5))
    assert (at.stop_reason, len(at["epoch"])) == (StopReason.MAX_ITER, 3)
    assert (below.stop_reason, len(below["epoch"])) == (StopReason.SMALLEST_RATE, 1)
