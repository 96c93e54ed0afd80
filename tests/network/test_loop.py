"""The loop: patience, best weights, schedules that listen, interruption, resuming. Losses come from a script."""

import itertools
import json
import signal
from dataclasses import replace

import numpy as np
import pytest

from chainrule._errors import DivergenceError
from chainrule.network import Architecture, Parameters, StopReason, activation, initial_parameters, loss, segment
from chainrule.network.examples import Examples
from chainrule.network.feed import InMemory
from chainrule.network.history import History
from chainrule.network.loop import train
from chainrule.network.optimizers import Adam
from chainrule.network.penalties import Penalty
from chainrule.network.schedules import Schedule
from chainrule.network.segment import Plan, State, Totals, initial_state
from chainrule.network.training import Stopping, Training, Validation

NEVER = Stopping(5, patience=np.inf)


class Script:
    """A runner whose losses are written down; after epoch e every parameter is e."""

    def __init__(self, running, validation=(), m=4):
        self.running, self.validation, self.m, self.rates = list(running), list(validation), m, []

    def run_segment(self, architecture, plan, state, examples, order, rates):
        self.rates.append(float(rates[0]))
        value = self.running[state.epoch]
        if isinstance(value, BaseException):
            raise value
        parameters = replace(state.parameters, theta=np.full(2, state.epoch + 1.0))
        return replace(state, parameters=parameters, step=state.step + 1), Totals((value * self.m,), 1.0)

    def mean_loss(self, architecture, parameters, examples):
        epoch = int(parameters.theta[0])
        losses = self.validation or self.running
        return losses[epoch - 1] if epoch else np.inf


def scripted(running, validation=(), *, schedule="constant", rate=1.0, on_epoch=None, **stopping):
    """Train by the script; one step an epoch."""
    examples = Examples(np.zeros((1, 4)), np.zeros((1, 4)))
    runner = Script(running, validation)
    training = Training(
        Architecture((1, 1), (), loss("squared_error")),
        Plan(batch_size=4),
        InMemory(examples, runner),
        Schedule(schedule, rate, 1, len(runner.running), 4),
        Stopping(**{"max_epochs": len(runner.running), "tol": 0.0, **stopping}),
        validation=Validation(InMemory(examples, runner)) if validation else None,
        on_epoch=on_epoch,
    )
    state, history = train(training, State(Parameters(np.zeros(2), (1, 1)), ()))
    return state, history, runner


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_d8_patience_is_exact(patience):
    _, history, _ = scripted([3.0, 2.0, *[2.0] * 20], patience=patience)
    assert len(history["epoch"]) == 2 + patience
    assert history.stop_reason is StopReason.NO_IMPROVEMENT
    assert history.best_epoch == 2


def test_d8_an_improvement_starts_the_count_again():
    _, history, _ = scripted([3.0, 3.0, 3.0, 2.0, 2.5, 2.5, 2.5, 1.0], patience=3)
    assert len(history["epoch"]) == 7


@pytest.mark.parametrize(("tol", "epochs"), [(0.0, 8), (0.05, 8), (0.15, 4)])
def test_an_improvement_must_exceed_tol(tol, epochs):
    """The loss falls by 0.1 an epoch; with tol 0.15 no single epoch improves on the best so far."""
    _, history, _ = scripted([1.0 - 0.1 * e for e in range(8)], patience=3, tol=tol)
    assert len(history["epoch"]) == epochs


def test_infinite_patience_runs_to_the_end():
    _, history, _ = scripted([1.0] * 9, patience=np.inf)
    assert history.stop_reason is StopReason.MAX_ITER
    assert len(history["epoch"]) == 9


def test_validation_decides_where_there_is_some():
    state, history, _ = scripted([5.0, 4, 3, 2, 1, 0.5], [1.0, 0.5, 0.7, 0.8, 0.9, 1.0], patience=3)
    assert len(history["epoch"]) == 5
    assert history.best_epoch == 2
    assert state.parameters.theta.tolist() == [2.0, 2.0]
    assert history.final["val_loss"] == 0.5
    assert "validation loss" in history.stop_sentence


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


def test_d9_nothing_to_keep_is_an_error_even_when_told_not_to_raise():
    with pytest.raises(DivergenceError):
        scripted([DivergenceError("boom")], raise_on_divergence=False)


def test_d30_adaptive_cuts_to_a_fifth_and_forgets_the_early_minimum():
    """An accidental 0.1 in epoch 1 must not condemn the slow progress that follows the cut."""
    losses = [0.1, 1.0, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
    _, history, runner = scripted(losses, schedule="adaptive", patience=2)
    np.testing.assert_allclose(runner.rates, [1, 1, 1, 0.2, 0.2, 0.2, 0.2, 0.2], rtol=1e-12)
    assert history["learning_rate"] == pytest.approx(runner.rates)
    assert history.best_epoch == 1  # it is still the best of all


def test_d30_adaptive_gives_up_below_the_smallest_rate():
    _, history, runner = scripted([1.0] * 100, schedule="adaptive", patience=1, rate=1e-4)
    assert history.stop_reason is StopReason.SMALLEST_RATE
    assert min(runner.rates) >= 1e-6
    assert min(runner.rates) < 5e-6


def test_plateau_cuts_to_a_tenth_at_half_the_patience():
    _, history, runner = scripted([2.0, 1.0, *[1.0] * 20], schedule="plateau", patience=6)
    np.testing.assert_allclose(runner.rates, [1, 1, 1, 1, 1, 0.1, 0.1, 0.1], rtol=1e-12)
    assert history.stop_reason is StopReason.NO_IMPROVEMENT


def test_callbacks_see_every_epoch_and_every_segment(monkeypatch):
    monkeypatch.setattr(InMemory, "segment_seconds", 0.0)  # one step a segment
    training, state, _ = real(batch_size=4, m=10)
    epochs, segments = [], []
    train(replace(training, on_epoch=epochs.append, on_segment=segments.append), state)
    assert [p.epoch for p in epochs] == [1, 2, 3, 4, 5]
    assert [(p.epoch, p.examples_done) for p in segments[:4]] == [(0, 4), (0, 8), (0, 10), (1, 4)]
    assert {p.examples for p in epochs + segments} == {10}


def real(*, m=50, batch_size=8, schedule="cosine", stopping=NEVER, penalty=Penalty(), **training):  # noqa: B008
    """A training with the reference runner."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4, m))
    Y = np.sin(X.sum(axis=0, keepdims=True))
    architecture = Architecture((4, 6, 1), (activation("tanh"),), loss("squared_error"), penalty, (0.0, 0.2))
    plan, steps = Plan(Adam(), batch_size, seed=1), -(-m // batch_size)
    examples = Examples(X, Y)
    built = Training(
        architecture,
        plan,
        InMemory(examples, segment),
        Schedule(schedule, 0.02, steps, 5 * steps, m, warmup_steps=3),
        stopping,
        **training,
    )
    return built, initial_state(initial_parameters(architecture, seed=0), plan), examples


@pytest.mark.parametrize("seconds", [0.0, 0.001, 1e9])
def test_the_length_of_segments_changes_nothing(monkeypatch, seconds):
    training, state, _ = real()
    usual, history = train(training, state)
    monkeypatch.setattr(InMemory, "segment_seconds", seconds)
    again, history_again = train(training, state)
    assert np.array_equal(usual.parameters.theta, again.parameters.theta)
    assert history["running_loss"] == pytest.approx(history_again["running_loss"], rel=1e-14)


def test_stopping_and_resuming_is_training_without_a_pause():
    training, state, _ = real(stopping=replace(NEVER, keep_best=False))
    whole, history = train(training, state)
    for epochs in (2, 1, 2):
        part = replace(training, stopping=replace(training.stopping, max_epochs=epochs))
        state, _ = train(part, state)
    assert np.array_equal(whole.parameters.theta, state.parameters.theta)
    assert all(np.array_equal(a, b) for a, b in zip(whole.slots, state.slots, strict=True))
    assert (state.epoch, state.step) == (5, 35)
    assert history["epoch"] == [1, 2, 3, 4, 5]


def test_d24_the_same_seed_gives_the_same_bits_and_another_one_others():
    training, state, _ = real()
    first, _ = train(training, state)
    second, _ = train(training, state)
    other, _ = train(replace(training, plan=replace(training.plan, seed=2)), state)
    assert np.array_equal(first.parameters.theta, second.parameters.theta)
    assert not np.array_equal(first.parameters.theta, other.parameters.theta)


def test_every_epoch_visits_every_example_once_in_another_order():
    training, state, _ = real()
    orders = []

    class Watching:
        mean_loss = staticmethod(segment.mean_loss)

        def run_segment(self, architecture, plan, state, examples, order, rates):
            orders.append((state.epoch, order))
            return segment.run_segment(architecture, plan, state, examples, order, rates)

    train(replace(training, feed=replace(training.feed, runner=Watching())), state)
    by_epoch = [np.concatenate([o for e, o in orders if e == epoch]) for epoch in range(5)]
    assert all(sorted(order.tolist()) == list(range(50)) for order in by_epoch)
    assert not any(np.array_equal(a, b) for a, b in itertools.pairwise(by_epoch))
    orders.clear()
    train(replace(training, feed=replace(training.feed, runner=Watching(), shuffle=False)), state)
    assert np.concatenate([o for e, o in orders if e == 3]).tolist() == list(range(50))


def test_d14_the_final_loss_is_that_of_the_weights_left():
    rng = np.random.default_rng(1)
    held_out = Examples(rng.normal(size=(4, 9)), rng.normal(size=(1, 9)))
    training, state, examples = real(
        penalty=Penalty(0.1, 0.3),
        validation=Validation(InMemory(held_out, segment)),
        stopping=replace(NEVER, record_loss=True),
    )
    left, history = train(training, state)
    W, b = left.parameters.W, left.parameters.b

    def mean_loss(X, Y):
        return float(np.mean((W[2] @ np.tanh(W[1] @ X + b[1]) + b[2] - Y) ** 2) / 2)

    flat = np.concatenate([w.ravel() for w in W[1:]])
    penalty = 0.1 * (0.3 * np.abs(flat).sum() + 0.7 / 2 * (flat**2).sum())
    assert history.final["loss"] == pytest.approx(mean_loss(examples.X, examples.Y), rel=1e-12)
    assert history.final["penalty"] == pytest.approx(penalty, rel=1e-12)
    assert history.final["total"] == history.final["loss"] + history.final["penalty"]
    assert history.final["val_loss"] == pytest.approx(mean_loss(held_out.X, held_out.Y), rel=1e-12)
    best = history.best_epoch - 1
    assert history["loss"][best] == history.final["loss"]
    assert history["val_loss"][best] == history.final["val_loss"] == min(history["val_loss"])


def test_the_history_keeps_data_loss_and_penalty_apart():
    training, state, _ = real(penalty=Penalty(0.1))
    _, history = train(training, state)
    assert set(history) == {
        "epoch",
        "running_loss",
        "penalty",
        "running_total",
        "learning_rate",
        "gradient_norm",
        "seconds",
    }
    np.testing.assert_allclose(
        np.add(history["running_loss"], history["penalty"]), history["running_total"], rtol=1e-15
    )
    assert all(len(values) == 5 for values in history.values())
    assert history.to_dict()["stop_reason"] == "max_iter"
    assert history.stop_sentence == "reached max_iter=5 epochs"


def test_a_validation_score_judges_the_weights_of_the_moment():
    held_out = Examples(np.random.default_rng(1).normal(size=(4, 9)), np.zeros((1, 9)))
    training, state, _ = real(
        validation=Validation(InMemory(held_out, segment), lambda parameters: float(parameters.theta.sum()))
    )
    left, history = train(training, state)
    assert history["val_score"][history.best_epoch - 1] == float(left.parameters.theta.sum())
    assert history["val_loss"][history.best_epoch - 1] == min(history["val_loss"])


@pytest.mark.parametrize("monitor", ["loss", "score", None])
def test_what_is_monitored_decides(monitor):
    """The score is made to fall, so the first epoch is its best; the losses prefer later ones."""
    scores = iter(-np.arange(100.0))
    training, state, _ = real()
    validation = Validation(training.feed, lambda parameters: next(scores), monitor)
    stopping = replace(training.stopping, max_epochs=20, patience=3)
    _, history = train(replace(training, validation=validation, stopping=stopping), state)
    assert (history.best_epoch == 1) == (monitor == "score")
    assert (len(history["epoch"]) == 4) == (monitor == "score")
    if monitor == "score":
        assert history.stop_sentence.startswith("the validation score did not improve")
        assert history.stop_numbers == {"best_epoch": 1, "score": 0.0, "patience": 3.0, "tol": stopping.tol}


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
