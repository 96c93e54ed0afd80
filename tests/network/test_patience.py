"""Patience, what is monitored, and the schedules that listen to it. Losses come from a script."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule.network import StopReason
from chainrule.network.examples import Examples
from chainrule.network.training import segment
from chainrule.network.training.feed import InMemory
from chainrule.network.training.loop import train
from chainrule.network.training.setup import Validation

from .trainings import real, scripted


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


def test_a_validation_score_judges_the_weights_of_the_moment():
    held_out = Examples(np.random.default_rng(1).normal(size=(4, 9)), np.zeros((1, 9)))
    training, state, _ = real(
        validation=Validation(InMemory(held_out, segment), lambda parameters: float(parameters.theta.sum()))
    )
    left, history = train(training, state)
    assert history["val_score"][history.best_epoch - 1] == float(left.parameters.theta.sum())
    assert history["val_loss"][history.best_epoch - 1] == min(history["val_loss"])


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
