"""What L-BFGS starts from, counts and tells; and what it leaves where the cost stops being a number."""

import time
from dataclasses import replace

import numpy as np
import pytest

from chainrule._errors import DivergenceError
from chainrule.network import Architecture, StopReason, activation, initial_parameters, loss
from chainrule.network.examples import Examples
from chainrule.network.penalties import Penalty
from chainrule.network.schedules import Schedule
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory
from chainrule.network.training.lbfgs import train_lbfgs
from chainrule.network.training.segment import Plan, initial_state
from chainrule.network.training.setup import Stopping, Training

STOPPING = Stopping(max_epochs=200, tol=1e-9)


class Watched:
    """The reference, with a note of where its cost was asked for."""

    mean_loss, logits = staticmethod(segment.mean_loss), staticmethod(segment.logits)

    def __init__(self):
        self.seen = []

    def cost_and_gradient(self, architecture, parameters, examples):
        self.seen.append(parameters.theta.copy())
        return segment.cost_and_gradient(architecture, parameters, examples)


@pytest.fixture
def training():
    rng = np.random.default_rng(0)
    architecture = Architecture((3, 4, 1), (activation("tanh"),), loss("squared_error"), Penalty(0.02, 0.5))
    examples = Examples(rng.normal(size=(3, 40)), rng.normal(size=(1, 40)))
    return Training(architecture, Plan(), InMemory(examples, segment), Schedule("constant", 1.0, 1, 1, 40), STOPPING)


def start_of(training, **counts):
    parameters = initial_parameters(training.architecture, seed=0, bias_initializer="glorot_normal")
    return replace(initial_state(parameters, Plan()), **counts)


def test_the_first_cost_is_that_of_the_start_whatever_its_signs(training):
    runner, start = Watched(), start_of(training)
    train_lbfgs(replace(training, feed=replace(training.feed, runner=runner)), start)
    np.testing.assert_allclose(runner.seen[0], start.parameters.theta, rtol=1e-15)


def test_iterations_count_on_from_the_start(training):
    seen = []
    training = replace(training, on_epoch=lambda progress: seen.append((progress.epoch, progress.max_epochs)))
    state, history = train_lbfgs(training, start_of(training, step=70, epoch=7))
    taken = len(history["epoch"])
    assert history["epoch"] == list(range(8, 8 + taken))
    assert (state.step, state.epoch) == (70 + taken, 7 + taken)
    assert seen == [(epoch, 7 + 200) for epoch in history["epoch"]]
    assert f"after {taken} iterations" in history.stop_sentence


def test_the_limit_is_one_of_this_training_and_is_told(training):
    training = replace(training, stopping=replace(STOPPING, max_epochs=3))
    state, history = train_lbfgs(training, start_of(training, epoch=7))
    assert state.epoch == 10
    assert history.stop_reason is StopReason.MAX_ITER
    assert history.stop_sentence.startswith("stopped after 3 iterations")


def test_the_seconds_of_the_iterations_are_those_of_the_clock(training):
    began = time.perf_counter()
    _, history = train_lbfgs(training, start_of(training))
    assert all(seconds >= 0 for seconds in history["seconds"])
    assert sum(history["seconds"]) <= time.perf_counter() - began


def spoilt(training, at):
    """A training whose inputs lose a value in the middle."""

    def spoil(progress):
        if progress.epoch == at:
            training.feed.examples.X[0, 0] = np.nan

    return replace(training, on_epoch=spoil)


def test_d9_divergence_may_leave_the_last_iteration_that_was_a_number(training):
    training = replace(spoilt(training, 4), stopping=replace(STOPPING, raise_on_divergence=False))
    state, history = train_lbfgs(training, start_of(training))
    assert history.stop_reason is StopReason.DIVERGED
    assert state.epoch == 4
    assert np.isfinite(state.parameters.theta).all()
    assert "in iteration 5" in history.stop_sentence


def test_d9_divergence_is_an_error_in_the_middle_too(training):
    training = spoilt(training, 4)
    with pytest.raises(DivergenceError, match="in iteration 5"):
        train_lbfgs(training, start_of(training))


def test_d9_divergence_before_the_first_iteration_is_always_an_error(training):
    training.feed.examples.X[0, 0] = np.nan
    with pytest.raises(DivergenceError, match="in iteration 1"):
        train_lbfgs(
            replace(training, stopping=replace(STOPPING, raise_on_divergence=False)),
            start_of(training),
        )


@pytest.mark.parametrize(
    ("pair", "x", "y"),
    [(loss("squared_error"), [0.0], [1e200]), (loss("huber", delta=1e10), [1e300, -1e300], [1e20, -1e20])],
    ids=["the cost alone", "the gradient alone"],
)
def test_d9_a_cost_or_a_gradient_alone_that_is_not_finite_is_an_error(training, pair, x, y):
    architecture = Architecture((1, 1), (), pair)
    training = replace(
        training, architecture=architecture, feed=InMemory(Examples(np.array([x]), np.array([y])), segment)
    )
    start = initial_state(initial_parameters(architecture, seed=0, kernel_initializer="zeros"), Plan())
    runner = Watched()
    with pytest.raises(DivergenceError, match="non-finite"):
        train_lbfgs(replace(training, feed=replace(training.feed, runner=runner)), start)
    assert len(runner.seen) == 1


class Interrupted(Watched):
    """Ctrl-C comes while the cost is evaluated, once that is wanted."""

    wanted = False

    def cost_and_gradient(self, architecture, parameters, examples):
        if self.wanted:
            raise KeyboardInterrupt
        return super().cost_and_gradient(architecture, parameters, examples)


def test_an_interruption_names_the_iteration_it_came_in(training):
    runner = Interrupted()

    def want(progress):
        runner.wanted = progress.epoch == 9

    training = replace(training, feed=replace(training.feed, runner=runner), on_epoch=want)
    state, history = train_lbfgs(training, start_of(training, epoch=7))
    assert (state.epoch, history.stop_reason) == (9, StopReason.INTERRUPTED)
    assert history.stop_numbers["epoch"] == 10
    assert "interrupted in iteration 10" in history.stop_sentence
