"""TimeBudget, by a clock that is set by hand."""

import time

import pytest

from chainrule._errors import InvalidParameterError
from chainrule.callbacks import TimeBudget
from chainrule.network.training.history import StopReason

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Clock:
    """Goes on by ten seconds an epoch, and by as much as is asked for a batch."""

    def __init__(self, batch=0.0):
        self.now, self.batch = 1000.0, batch

    every_batch = True

    def on_batch_end(self, ctx):
        self.now += self.batch

    def on_epoch_end(self, ctx):
        self.now += 10.0


@pytest.fixture
def set_clock(monkeypatch):
    def set_by(clock):
        monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
        return clock

    return set_by


@pytest.mark.parametrize(("seconds", "epochs"), [(5.0, 1), (10.0, 1), (25, 3), (30.0, 3), (30.5, 4)])
def test_training_ends_when_time_is_up(fitted, set_clock, seconds, epochs):
    reg = fitted([set_clock(Clock()), TimeBudget(seconds)], max_iter=9)
    assert (reg.n_iter_, reg.stop_reason_) == (epochs, StopReason.CALLBACK)
    sentence = f"TimeBudget(seconds={seconds}) stopped training in epoch {epochs}"
    assert reg.history_.stop_sentence == sentence


def test_time_may_be_up_within_an_epoch(fitted, set_clock):
    reg = fitted([set_clock(Clock(batch=1.0)), TimeBudget(14.5)], max_iter=9)
    assert (reg.n_iter_, reg.history_.stop_numbers) == (1, {"epoch": 2})


def test_every_training_has_the_whole_budget(fitted, set_clock):
    budget, clock = TimeBudget(25.0), set_clock(Clock())
    assert [fitted([clock, budget], max_iter=9).n_iter_ for _ in range(3)] == [3, 3, 3]


def test_enough_time_changes_nothing(fitted):
    assert fitted(TimeBudget(3600)).stop_reason_ is StopReason.MAX_ITER


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_budgets_are_positive(fitted, seconds):
    with pytest.raises(InvalidParameterError, match="seconds must be a positive number, got"):
        fitted(TimeBudget(seconds))
