"""A training taken up at any border of its segments ends as if it had never stopped."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule.engine import choose, info
from chainrule.network import Architecture, activation, initial_parameters, loss
from chainrule.network.examples import Examples
from chainrule.network.optimizers import optimizer_named
from chainrule.network.schedules import Schedule
from chainrule.network.training.feed import InMemory
from chainrule.network.training.loop import train
from chainrule.network.training.segment import Plan, initial_state
from chainrule.network.training.setup import Stopping, Training, Validation


def training_of(engine, schedule="constant", solver="adam", **stopping):
    """Ten steps an epoch, each a segment of its own; noise to learn, so that patience and schedules have work."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(4, 37)), rng.normal(size=(1, 37))
    architecture = Architecture((4, 6, 1), (activation("tanh"),), loss("squared_error"), dropout=(0.0, 0.3))
    runner = choose(engine)
    held_out = InMemory(Examples(rng.normal(size=(4, 9)), rng.normal(size=(1, 9))), runner)
    return Training(
        architecture,
        Plan(optimizer_named(solver), batch_size=4, seed=3),
        InMemory(Examples(X, Y), runner),
        Schedule(schedule, 0.05, 10, 60, 37, warmup_steps=3),
        Stopping(**{"max_epochs": 6, "tol": 0.0, "patience": 2, **stopping}),
        validation=Validation(held_out),
        every_step=True,
    )


def outcome(training, start):
    state, history = train(training, start)
    record = {name: values for name, values in history.items() if name != "seconds"}
    kept = state.parameters.theta.tobytes(), [slot.tobytes() for slot in state.slots], state.step, state.epoch
    return kept, record, history.final, history.best_epoch, history.stop_reason, history.stop_sentence


@pytest.mark.parametrize("engine", sorted({"reference", info()["engine"]}))
@pytest.mark.parametrize(
    ("schedule", "solver"),
    [
        ("constant", "adam"),
        ("cosine", "nadam"),
        ("plateau", "rmsprop"),
        ("adaptive", "momentum"),
        ("one_cycle", "adagrad"),
    ],
)
def test_from_every_segment_and_every_epoch_training_goes_on_to_the_same_bits(engine, schedule, solver):
    training, checkpoints = training_of(engine, schedule, solver), []

    def remember(progress):
        checkpoints.append(progress.checkpoint())

    start = initial_state(initial_parameters(training.architecture, seed=1), training.plan)
    undisturbed = outcome(replace(training, on_segment=remember, on_epoch=remember), start)
    assert len(checkpoints) > 20
    for checkpoint in checkpoints:
        assert outcome(training, checkpoint) == undisturbed


def test_a_checkpoint_of_the_end_only_ends_again():
    training, last = training_of(info()["engine"], patience=1), []
    start = initial_state(initial_parameters(training.architecture, seed=1), training.plan)
    undisturbed = outcome(replace(training, on_epoch=lambda p: last.append(p.checkpoint())), start)
    told = []
    assert outcome(replace(training, on_segment=told.append), last[-1]) == undisturbed
    assert not told
