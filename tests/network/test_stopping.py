"""Every reason to stop, what is kept and what is said: divergence, interruption, hooks."""

import json
import signal
from dataclasses import replace

import numpy as np
import pytest

from chainrule._errors import DivergenceError
from chainrule.network import Architecture, Parameters, StopReason, loss
from chainrule.network.examples import Examples
from chainrule.network.schedules import Schedule
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory
from chainrule.network.training.history import History
from chainrule.network.training.loop import train
from chainrule.network.training.segment import Plan, initial_state
from chainrule.network.training.setup import Stopping, Training, Validation

from .trainings import NEVER, real, scripted


def enough(progress):
    """A hook that stops after the third epoch."""
    if progress.epoch == 3:
        progress.control.stop("enough")


STOPS = {
    StopReason.MAX_ITER: ([2.0, 1.0, 3.0], {}),
    StopReason.NO_IMPROVEMENT: ([2.0, 1.0, 3.0, 3.0, 3.0], {"patience": 2}),
    StopReason.INTERRUPTED: ([2.0, 1.0, 3.0, KeyboardInterrupt()], {}),
    StopReason.DIVERGED: ([2.0, 1.0, 3.0, DivergenceError("boom")], {"raise_on_divergence": False}),
    StopReason.SMALLEST_RATE: (
        [2.0, 1.0, *[3.0] * 20],
        {"patience": 2, "schedule": "adaptive", "rate": 1e-4},
    ),
    StopReason.CALLBACK: ([2.0, 1.0, 3.0, 3.0], {"on_epoch": enough}),
}


@pytest.mark.parametrize("reason", STOPS, ids=str)
def test_d11_the_best_weights_are_kept_for_every_reason_to_stop(reason):
    losses, settings = STOPS[reason]
    state, history, _ = scripted(losses, **settings)
    assert history.stop_reason is reason
    assert history.best_epoch == 2
    assert state.parameters.theta.tolist() == [2.0, 2.0]
    assert state.step == state.epoch == len(history["epoch"]) > 2  # training goes on from where it was
    assert history.stop_sentence


NUMBERS = {
    StopReason.MAX_ITER: {"max_iter": 3},
    StopReason.NO_IMPROVEMENT: {"best_epoch": 2, "loss": 1.0, "patience": 2.0, "tol": 0.0},
    StopReason.INTERRUPTED: {"epoch": 4},
    StopReason.DIVERGED: {"step": 0, "layer": 0},
    StopReason.SMALLEST_RATE: {"learning_rate": pytest.approx(1e-4 * 0.2**3), "smallest_rate": 1e-6},
    StopReason.CALLBACK: {"epoch": 3},
}


@pytest.mark.parametrize("reason", STOPS, ids=str)
def test_the_numbers_of_the_sentence_are_told_and_survive_json(reason):
    losses, settings = STOPS[reason]
    _, history, _ = scripted(losses, **settings)
    assert history.stop_numbers == NUMBERS[reason]
    assert History.from_dict(json.loads(json.dumps(history.to_dict()))) == history


def test_every_reason_is_covered_here_or_belongs_to_lbfgs():
    assert set(STOPS) | {StopReason.CONVERGED} == set(StopReason)


def test_the_last_weights_on_request():
    state, history, _ = scripted([2.0, 1.0, 3.0], keep_best=False)
    assert state.parameters.theta.tolist() == [3.0, 3.0]
    assert history.best_epoch is None


def test_d9_divergence_is_raised_by_default():
    with pytest.raises(DivergenceError, match="boom"):
        scripted([2.0, DivergenceError("boom")])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_d9_a_validation_loss_that_is_not_finite_stops_at_once(bad):
    with pytest.raises(DivergenceError, match="loss at the end of epoch 2"):
        scripted([2.0] * 9, [1.0, bad, *[1.0] * 7])
    state, history, _ = scripted([2.0] * 9, [1.0, bad, *[1.0] * 7], raise_on_divergence=False)
    assert history.stop_reason is StopReason.DIVERGED
    assert state.parameters.theta.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_d9_a_training_loss_that_is_not_finite_stops_at_once_without_a_validation(bad):
    with pytest.raises(DivergenceError, match="loss at the end of epoch 2"):
        scripted([2.0, bad, 1.0])


def test_d9_nothing_to_keep_is_an_error_even_when_told_not_to_raise():
    with pytest.raises(DivergenceError):
        scripted([DivergenceError("boom")], raise_on_divergence=False)


def test_a_score_that_is_no_number_is_named():
    training, state, _ = real()
    validation = Validation(training.feed, lambda parameters: np.nan, "score")
    with pytest.raises(DivergenceError, match="validation score of epoch 1 is nan: scoring must always give a number"):
        train(replace(training, validation=validation), state)


def test_ctrl_c_leaves_the_best_model_so_far():
    """A real SIGINT in the third epoch."""
    training, state, examples = real(stopping=replace(NEVER, max_epochs=100))
    training = replace(training, validation=Validation(training.feed))

    def press(progress):
        if progress.epoch == 3:
            signal.raise_signal(signal.SIGINT)

    left, history = train(replace(training, on_segment=press), state)
    assert history.stop_reason is StopReason.INTERRUPTED
    assert history.stop_sentence == "interrupted in epoch 4"
    assert len(history["epoch"]) == 3
    unbroken, _ = train(replace(training, stopping=replace(NEVER, max_epochs=history.best_epoch)), state)
    assert np.array_equal(left.parameters.theta, unbroken.parameters.theta)
    assert history.final["loss"] == segment.mean_loss(training.architecture, left.parameters, examples)


def test_ctrl_c_before_the_first_epoch_ends_leaves_usable_weights():
    training, state, _ = real()

    def press(progress):
        raise KeyboardInterrupt

    left, history = train(replace(training, on_segment=press), state)
    assert history.stop_reason is StopReason.INTERRUPTED
    assert np.isfinite(left.parameters.theta).all()
    assert np.isfinite(history.final["loss"])


@pytest.mark.parametrize("hook", ["on_segment", "on_epoch"])
def test_an_interruption_names_the_epoch_it_came_in(hook):
    """Pressed at the end of the third epoch, or of its last segment."""
    training, state, _ = real(stopping=replace(NEVER, max_epochs=9))

    def press(progress):
        if progress.epoch == (3 if hook == "on_epoch" else 2) and progress.examples_done == progress.examples:
            raise KeyboardInterrupt

    _, history = train(replace(training, **{hook: press}), state)
    epoch = 4 if hook == "on_epoch" else 3
    assert (history.stop_sentence, history.stop_numbers) == (f"interrupted in epoch {epoch}", {"epoch": epoch})


def test_a_real_divergence_keeps_the_best_weights_before_it():
    training, state, _ = real(stopping=replace(NEVER, max_epochs=50, raise_on_divergence=False))
    plan = Plan(batch_size=50)
    exploding = replace(training, plan=plan, schedule=Schedule("constant", 1e4, 1, 50, 50))
    left, history = train(exploding, initial_state(state.parameters, plan))
    assert history.stop_reason is StopReason.DIVERGED
    assert "is not finite at step" in history.stop_sentence
    assert np.isfinite(left.parameters.theta).all()


def test_ctrl_c_in_the_first_epoch_leaves_the_steps_taken():
    examples = Examples(np.ones((1, 64)), np.ones((1, 64)))
    architecture = Architecture((1, 1), (), loss("squared_error"))
    plan = Plan(batch_size=1)

    def press(progress):
        if progress.examples_done >= 5:
            raise KeyboardInterrupt

    training = Training(
        architecture,
        plan,
        InMemory(examples, segment),
        Schedule("constant", 0.1, 64, 64, 64),
        Stopping(1),
        on_segment=press,
    )
    state, history = train(training, initial_state(Parameters(np.zeros(2), (1, 1)), plan))
    assert history.stop_reason is StopReason.INTERRUPTED
    assert state.step >= 5
    assert state.parameters.theta[0] > 0.1
