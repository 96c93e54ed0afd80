"""The training loop: epochs of segments, learning rates, validation, early stopping, and the choice of weights.

The loop decides; a `Feed` has the examples and takes the steps.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace

import numpy as np

from chainrule._errors import DivergenceError, InvalidParameterError
from chainrule.network.parameters import n_weights
from chainrule.network.schedules import SMALLEST_RATE
from chainrule.network.training.checkpoint import Checkpoint
from chainrule.network.training.early_stopping import select_weights
from chainrule.network.training.history import History, StopReason
from chainrule.network.training.hooks import Control
from chainrule.network.training.run import TrainingRun
from chainrule.network.training.segment import State
from chainrule.network.training.setup import Training
from chainrule.network.types import Array

_SLOWEST = 1e8  # first guess of flops per second, slower than any machine


class _Pace:
    """The number of steps of a segment, adapted to the time that steps take."""

    def __init__(self, training: Training) -> None:
        flops = 6 * n_weights(training.architecture.widths) * training.plan.batch_size
        self.seconds = training.feed.segment_seconds
        self.most = 1 if training.every_step else sys.maxsize
        self.steps = min(self.most, max(1, int(_SLOWEST * self.seconds / flops)))

    def observe(self, steps: int, seconds: float) -> None:
        """Aim at the duration that the feed asks for; grow at most fourfold, since one step may be unusually fast."""
        aim = int(steps * self.seconds / max(seconds, 1e-9))
        self.steps = max(1, min(4 * self.steps, self.most, aim))


def train(training: Training, start: State | Checkpoint) -> tuple[State, History]:
    """Train from `start` until a reason to stop, and return the weights to keep with the history.

    From a checkpoint, training gives the same weights and history as if it had never stopped. After Ctrl-C the best
    weights so far are returned, as for every other reason to stop.

    Raises
    ------
    DivergenceError
        If a loss or gradient stops being finite, and `stopping` says to raise.
    """
    if training.schedule.name == "adaptive" and np.isinf(training.stopping.patience):
        raise InvalidParameterError(
            "the schedule 'adaptive' waits for the patience to end, which is infinite: set one."
        )
    run, pace = TrainingRun(training, start), _Pace(training)
    state = start.state if isinstance(start, Checkpoint) else start
    history, patience = run.history, run.patience
    try:
        if history:
            _check_stopping(run)
        run.call(training.on_begin, state, 0, float(training.schedule.rates(state.step, state.step + 1)[0]))
        while state.epoch < run.max_epochs and history.stop_reason is None:
            began = time.perf_counter()
            state, record = _epoch(run, state, pace)
            record |= training.measured(state)
            run.record(state, {"epoch": state.epoch, **record, "seconds": time.perf_counter() - began})
            run.call(training.on_epoch, state, training.feed.m, record["learning_rate"], record["running_loss"])
            _check_stopping(run)
        if history.stop_reason is None:
            epochs = int(training.stopping.max_epochs)
            history.stop(StopReason.MAX_ITER, f"reached max_iter={epochs} epochs", max_iter=epochs)
    except _EpochLeft as left:
        state = left.state
        history.stop(left.reason, left.sentence, epoch=state.epoch + 1)
    except KeyboardInterrupt:
        history.stop(StopReason.INTERRUPTED, f"interrupted in epoch {state.epoch + 1}", epoch=state.epoch + 1)
    except DivergenceError as error:
        if training.stopping.raise_on_divergence or patience.best is None:
            raise
        history.stop(StopReason.DIVERGED, str(error), step=error.step, layer=error.layer)
    state = select_weights(training, patience, state, history)
    training.measure_final(state, history)
    return state, history


class _EpochLeft(Exception):  # noqa: N818 - neither Ctrl-C nor a callback that stops is an error
    """An epoch was left before its end; carries the last state."""

    def __init__(self, state: State, reason: StopReason, sentence: str) -> None:
        super().__init__(sentence)
        self.state, self.reason, self.sentence = state, reason, sentence


def _epoch(run: TrainingRun, state: State, pace: _Pace) -> tuple[State, dict[str, float]]:
    """Run one epoch, or the rest of it, segment by segment; return the new state and the epoch's record."""
    training, control = run.training, run.control
    m, size, done = training.feed.m, training.plan.batch_size, len(run.losses)
    begin = state.step - done
    rates = run.cut * training.schedule.rates(begin, begin + -(-m // size))
    rate = float(_wanted(rates, control)[max(done - 1, 0)])
    try:
        if not done:
            run.call(training.on_epoch_begin, state, 0, rate)
        while done < len(rates) and not control.stop_sentence:
            began, steps = time.perf_counter(), min(pace.steps, len(rates) - done)
            taken = _wanted(rates[done : done + steps], control)
            state, totals = training.feed.take_steps(training.architecture, training.plan, state, done, taken)
            visited, done, rate = min(done * size, m), done + steps, float(taken[-1])
            run.losses += totals.losses
            run.gradient_norm = totals.gradient_norm
            pace.observe(steps, time.perf_counter() - began)
            if training.on_segment is not None:
                now = min(done * size, m)
                run.call(training.on_segment, state, now, rate, math.fsum(totals.losses) / (now - visited))
    except KeyboardInterrupt:
        raise _EpochLeft(state, StopReason.INTERRUPTED, f"interrupted in epoch {state.epoch + 1}") from None
    if done < len(rates):
        raise _EpochLeft(state, StopReason.CALLBACK, control.stop_sentence)
    # An exact sum, since the clock decides where segments begin, and the result must not depend on it.
    loss, penalty = math.fsum(run.losses), training.penalty(state)
    run.losses.clear()
    record = {
        "running_loss": loss / m,
        "penalty": penalty,
        "running_total": loss / m + penalty,
        "learning_rate": rate,
        "gradient_norm": run.gradient_norm,
    }
    return replace(state, epoch=state.epoch + 1), record


def _wanted(rates: Array, control: Control) -> Array:
    """The schedule's rates, unless a hook has set one."""
    return rates if control.learning_rate is None else np.full(len(rates), control.learning_rate)


def _check_stopping(run: TrainingRun) -> None:
    """Stop if a hook asks for it, the learning rate has become too small, or patience has run out."""
    training, history, patience = run.training, run.history, run.patience
    rate = training.schedule.initial * run.cut
    if run.control.stop_sentence:
        history.stop(StopReason.CALLBACK, run.control.stop_sentence, epoch=history["epoch"][-1])
    elif training.schedule.name == "adaptive" and rate < SMALLEST_RATE:
        sentence = f"the learning rate fell below {SMALLEST_RATE}"
        history.stop(StopReason.SMALLEST_RATE, sentence, learning_rate=rate, smallest_rate=SMALLEST_RATE)
    elif patience.exhausted:
        what = f"validation {training.monitor}" if training.monitor else "training loss"
        best = f"; best epoch {patience.best_epoch}" if training.monitor else ""
        sentence = f"the {what} did not improve{patience.margin} for {patience.stale} epochs{best}"
        history.stop(StopReason.NO_IMPROVEMENT, sentence, **patience.numbers(training.monitor))
