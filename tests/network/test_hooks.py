"""What the hooks of a training are told, and what they may ask for: to stop, and another learning rate."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule.network import Architecture, StopReason, activation, initial_parameters, loss
from chainrule.network.examples import Examples
from chainrule.network.penalties import Penalty
from chainrule.network.schedules import Schedule
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory
from chainrule.network.training.lbfgs import train_lbfgs
from chainrule.network.training.loop import train
from chainrule.network.training.segment import Plan, initial_state
from chainrule.network.training.setup import Stopping, Training

HOOKS = ("on_begin", "on_epoch_begin", "on_segment", "on_epoch")


@pytest.fixture
def training():
    """Ten examples in batches of four: three steps an epoch, each told."""
    rng = np.random.default_rng(0)
    examples = Examples(rng.normal(size=(3, 10)), rng.normal(size=(1, 10)))
    architecture = Architecture((3, 4, 1), (activation("tanh"),), loss("squared_error"), Penalty())
    stopping = Stopping(max_epochs=2, patience=np.inf)
    schedule = Schedule("cosine", 0.1, 3, 6, 10)
    return Training(architecture, Plan(batch_size=4), InMemory(examples, segment), schedule, stopping, every_step=True)


def start_of(training):
    return initial_state(initial_parameters(training.architecture, seed=0), training.plan)


def told(training, run=train, answer=lambda hook, progress: None):
    """Train; return what every hook was told, the state that is left and the history."""
    seen = []

    def hook_named(hook):
        def listen(progress):
            seen.append((hook, progress))
            answer(hook, progress)

        return listen

    listened = replace(training, **{hook: hook_named(hook) for hook in HOOKS})
    return seen, *run(listened, start_of(training))


def test_the_order_of_the_hooks_and_where_they_are(training):
    seen, _, _ = told(training)
    epoch = [("on_epoch_begin", 0), ("on_segment", 4), ("on_segment", 8), ("on_segment", 10), ("on_epoch", 10)]
    assert [(hook, p.examples_done) for hook, p in seen] == [("on_begin", 0), *epoch, *epoch]
    assert [p.epoch for hook, p in seen] == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2]
    assert {(p.max_epochs, p.examples) for _, p in seen} == {(2, 10)}


def test_rates_are_those_of_the_last_step_or_of_the_next_one(training):
    seen, _, history = told(training)
    rates = training.schedule.rates(0, 6)
    steps = [p.learning_rate for hook, p in seen if hook == "on_segment"]
    assert steps == pytest.approx(rates, rel=1e-15)
    begins = [p.learning_rate for hook, p in seen if hook in ("on_begin", "on_epoch_begin")]
    assert begins == pytest.approx([rates[0], rates[0], rates[3]], rel=1e-15)
    assert history["learning_rate"] == pytest.approx(rates[[2, 5]], rel=1e-15)


def test_losses_are_means_over_the_segment_and_the_epoch(training):
    seen, _, history = told(training)
    batches = [p.loss for hook, p in seen if hook == "on_segment"]
    epochs = [p.loss for hook, p in seen if hook == "on_epoch"]
    assert np.reshape(batches, (2, 3)) @ [0.4, 0.4, 0.2] == pytest.approx(epochs, rel=1e-14)
    assert epochs == history["running_loss"]


def test_listening_changes_nothing(training):
    _, listened, _ = told(training)
    alone, _ = train(replace(training, every_step=False), start_of(training))
    assert listened.parameters.theta.tobytes() == alone.parameters.theta.tobytes()


@pytest.mark.parametrize(
    ("at", "steps", "epochs"), [("on_epoch_begin", 3, 1), ("on_segment", 4, 1), ("on_epoch", 6, 2)]
)
def test_a_hook_stops_training_where_it_asks_for_it(training, at, steps, epochs):
    training = replace(training, stopping=replace(training.stopping, max_epochs=9, keep_best=False))

    def stop(hook, progress):
        if hook == at and (progress.state.step >= 4 or (at == "on_epoch_begin" and progress.epoch == 1)):
            progress.control.stop("I say so")
            progress.control.stop("me, too")

    _, state, history = told(training, answer=stop)
    assert (state.step, state.epoch) == (steps, epochs)
    assert len(history["epoch"]) == epochs
    assert (history.stop_reason, history.stop_sentence) == (StopReason.CALLBACK, "I say so")
    assert history.stop_numbers == {"epoch": 2}
    assert np.isfinite(history.final["loss"])


def test_an_epoch_whose_last_segment_stops_training_is_recorded(training):
    def stop(hook, progress):
        if progress.examples_done == 10:
            progress.control.stop("enough")

    _, state, history = told(training, answer=stop)
    assert (state.step, state.epoch, history["epoch"]) == (3, 1, [1])
    assert history.stop_numbers == {"epoch": 1}


def test_a_rate_that_is_set_holds_until_it_is_given_back(training):
    def answer(hook, progress):
        if hook == "on_segment" and progress.state.step in (2, 4):
            progress.control.learning_rate = 0.5 if progress.state.step == 2 else None

    seen, state, history = told(training, answer=answer)
    scheduled = training.schedule.rates(0, 6)
    taken = [*scheduled[:2], 0.5, 0.5, *scheduled[4:]]
    assert [p.learning_rate for hook, p in seen if hook == "on_segment"] == pytest.approx(taken, rel=1e-15)
    assert history["learning_rate"] == pytest.approx([0.5, scheduled[5]], rel=1e-15)
    listed = Schedule("constant", 1.0, 3, 6, 10)
    object.__setattr__(listed, "rates", lambda first, last: np.array(taken[first:last]))
    expected, _ = train(replace(training, schedule=listed), start_of(training))
    assert state.parameters.theta.tobytes() == expected.parameters.theta.tobytes()


def test_a_rate_set_before_the_first_step_is_the_first(training):
    def answer(hook, progress):
        if hook == "on_begin":
            progress.control.learning_rate = 0.25

    seen, _, _ = told(training, answer=answer)
    assert [p.learning_rate for _, p in seen[1:]] == [0.25] * 10


def test_iterations_of_lbfgs_begin_and_end(training):
    seen, state, history = told(training, train_lbfgs)
    assert [hook for hook, _ in seen] == ["on_begin", *["on_epoch_begin", "on_epoch"] * 2]
    assert [p.epoch for _, p in seen] == [0, 0, 1, 1, 2]
    assert [p.loss for hook, p in seen if hook == "on_epoch"] == history["running_loss"]
    assert np.array_equal(seen[-1][1].state.parameters.theta, state.parameters.theta)
    alone, _ = train_lbfgs(training, start_of(training))
    assert state.parameters.theta.tobytes() == alone.parameters.theta.tobytes()


@pytest.mark.parametrize(("at", "numbers"), [("on_epoch_begin", {"epoch": 2}), ("on_epoch", {"epoch": 1})])
def test_a_hook_stops_lbfgs(training, at, numbers):
    training = replace(training, stopping=replace(training.stopping, max_epochs=50))

    def stop(hook, progress):
        if hook == at and progress.epoch == 1:
            progress.control.stop("enough")

    seen, state, history = told(training, train_lbfgs, stop)
    assert seen[-1][0] == at
    assert (state.epoch, history["epoch"]) == (1, [1])
    assert (history.stop_reason, history.stop_sentence) == (StopReason.CALLBACK, "enough")
    assert history.stop_numbers == numbers
    first, _ = train_lbfgs(replace(training, stopping=replace(training.stopping, max_epochs=1)), start_of(training))
    assert state.parameters.theta.tobytes() == first.parameters.theta.tobytes()


def test_the_numbers_of_lbfgs(training):
    training = replace(training, stopping=replace(training.stopping, max_epochs=500, tol=1e-4))
    _, history = train_lbfgs(training, start_of(training))
    assert history.stop_reason is StopReason.CONVERGED
    total = history["running_total"][-1]
    largest = history.stop_numbers["gradient"]
    assert history.stop_numbers == {
        "iterations": len(history["epoch"]),
        "tol": 1e-4,
        "gradient": largest,
        "loss": total,
    }
    assert 0 < largest <= 1e-4
