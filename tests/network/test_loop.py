"""The loop: segments, resuming, orders, the history and its final loss."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from chainrule.network.examples import Examples
from chainrule.network.penalties import Penalty
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory
from chainrule.network.training.loop import train
from chainrule.network.training.setup import Validation

from .trainings import NEVER, real


def test_callbacks_see_every_epoch_and_every_segment(monkeypatch):
    monkeypatch.setattr(InMemory, "segment_seconds", 0.0)  # one step a segment
    training, state, _ = real(batch_size=4, m=10)
    epochs, segments = [], []
    train(replace(training, on_epoch=epochs.append, on_segment=segments.append), state)
    assert [p.epoch for p in epochs] == [1, 2, 3, 4, 5]
    assert [(p.epoch, p.examples_done) for p in segments[:4]] == [(0, 4), (0, 8), (0, 10), (1, 4)]
    assert {p.examples for p in epochs + segments} == {10}


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
