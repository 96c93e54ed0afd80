"""The training loop: epochs of segments, learning rates, validation, early stopping, and the best weights kept.

The loop decides; a `Runner` computes. `chainrule.network.segment` is the reference runner.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace

import numpy as np

from chainrule._errors import DivergenceError, InvalidParameterError
from chainrule.network.draws import permutation
from chainrule.network.history import History, StopReason
from chainrule.network.parameters import n_weights
from chainrule.network.patience import Patience, kept
from chainrule.network.progress import Control, Course
from chainrule.network.schedules import ADAPTIVE_CUT, PLATEAU_CUT, PLATEAU_PATIENCE, SMALLEST_RATE, Schedule
from chainrule.network.segment import State, Totals
from chainrule.network.training import Training
from chainrule.network.types import Array

SEGMENT_SECONDS = 0.1  # progress, callbacks and Ctrl-C get their turn about this often
_SLOWEST = 1e8  # flops a second, to begin with: fewer than any engine reaches anywhere


class _Pace:
    """How many steps to take at a time, learned from how long they took."""

    def __init__(self, training: Training) -> None:
        flops = 6 * n_weights(training.architecture.widths) * training.plan.batch_size
        self.most = 1 if training.every_step else sys.maxsize
        self.steps = min(self.most, max(1, int(_SLOWEST * SEGMENT_SECONDS / flops)))

    def observe(self, steps: int, seconds: float) -> None:
        """Aim at `SEGMENT_SECONDS`, and grow at most fourfold, since a first step is not a fair sample."""
        aim = int(steps * SEGMENT_SECONDS / max(seconds, 1e-9))
        self.steps = max(1, min(4 * self.steps, self.most, aim))


def train(training: Training, state: State) -> tuple[State, History]:
    """Train from `state` until a reason to stop, and return the weights to keep with the history.

    Ctrl-C ends training like any other reason: the best weights so far are returned.

    Raises
    ------
    DivergenceError
        If a loss or gradient stops being finite, and `stopping` says to raise.
    """
    if training.schedule.name == "adaptive" and np.isinf(training.stopping.patience):
        raise InvalidParameterError(
            "the schedule 'adaptive' waits for the patience to end, which is infinite: set one."
        )
    course = Course(training, state.epoch + training.stopping.max_epochs)
    history, patience, pace, cut = course.history, Patience(training.stopping), _Pace(training), 1.0
    try:
        course.tell(training.on_begin, state, 0, float(training.schedule.rates(state.step, state.step + 1)[0]))
        while state.epoch < course.max_epochs and history.stop_reason is None:
            began = time.perf_counter()
            state, record = _epoch(course, state, cut, pace)
            record |= training.measured(state)
            history.append(epoch=state.epoch, **record, seconds=time.perf_counter() - began)
            patience.observe(training.monitored(state, record), state)
            rate, loss = record["learning_rate"], record["running_loss"]
            course.tell(training.on_epoch, state, training.examples.m, rate, loss)
            cut = _cut(training.schedule, patience, cut)
            _judge(course, patience, cut)
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
    state = kept(training, patience, state, history)
    training.measure_final(state, history)
    return state, history


class _EpochLeft(Exception):  # noqa: N818 - neither Ctrl-C nor a callback that stops is an error
    """An epoch left before its end, with the last state before it."""

    def __init__(self, state: State, reason: StopReason, sentence: str) -> None:
        super().__init__(sentence)
        self.state, self.reason, self.sentence = state, reason, sentence


def _epoch(course: Course, state: State, cut: float, pace: _Pace) -> tuple[State, dict[str, float]]:
    """Run one epoch in segments of about `SEGMENT_SECONDS`; return what it measured on the way."""
    training, control = course.training, course.control
    architecture, plan, examples = training.architecture, training.plan, training.examples
    m, size = examples.m, plan.batch_size
    order = permutation(plan.seed, state.epoch, m) if training.shuffle else training.table_order
    rates = cut * training.schedule.rates(state.step, state.step + -(-m // size))
    losses: list[float] = []
    done, totals, rate = 0, Totals(), float(_wanted(rates, control)[0])
    try:
        course.tell(training.on_epoch_begin, state, 0, rate)
        while done < len(rates) and not control.stop_sentence:
            began, steps = time.perf_counter(), min(pace.steps, len(rates) - done)
            part = order[done * size : (done + steps) * size]
            taken = _wanted(rates[done : done + steps], control)
            state, totals = training.runner.run_segment(architecture, plan, state, examples, part, taken)
            losses += totals.losses
            done, rate = done + steps, float(taken[-1])
            pace.observe(steps, time.perf_counter() - began)
            mean = math.fsum(totals.losses) / len(part)
            course.tell(training.on_segment, state, min(done * size, m), rate, mean)
    except KeyboardInterrupt:
        raise _EpochLeft(state, StopReason.INTERRUPTED, f"interrupted in epoch {state.epoch + 1}") from None
    if done < len(rates):
        raise _EpochLeft(state, StopReason.CALLBACK, control.stop_sentence)
    loss = math.fsum(losses)  # exact, so that it does not depend on where the segments, cut by the clock, began
    penalty = training.penalty(state)
    record = {
        "running_loss": loss / m,
        "penalty": penalty,
        "running_total": loss / m + penalty,
        "learning_rate": rate,
        "gradient_norm": totals.gradient_norm,
    }
    return replace(state, epoch=state.epoch + 1), record


def _wanted(rates: Array, control: Control) -> Array:
    """The schedule's rates, unless a hook has set one."""
    return rates if control.learning_rate is None else np.full(len(rates), control.learning_rate)


def _cut(schedule: Schedule, patience: Patience, cut: float) -> float:
    """Lower the learning rate where the schedule listens to the loss."""
    if schedule.name == "adaptive" and patience.exhausted:
        patience.restart()
        return cut * ADAPTIVE_CUT
    half = max(1, min(patience.stopping.patience, 2 * PLATEAU_PATIENCE) // 2)
    if schedule.name == "plateau" and patience.stale and patience.stale % half == 0 and not patience.exhausted:
        return cut * PLATEAU_CUT
    return cut


def _judge(course: Course, patience: Patience, cut: float) -> None:
    """Stop where a hook asks for it, the learning rate is too small to matter, or the patience is at its end."""
    training, history = course.training, course.history
    rate = training.schedule.initial * cut
    if course.control.stop_sentence:
        history.stop(StopReason.CALLBACK, course.control.stop_sentence, epoch=history["epoch"][-1])
    elif training.schedule.name == "adaptive" and rate < SMALLEST_RATE:
        sentence = f"the learning rate fell below {SMALLEST_RATE}"
        history.stop(StopReason.SMALLEST_RATE, sentence, learning_rate=rate, smallest_rate=SMALLEST_RATE)
    elif patience.exhausted:
        what = f"validation {training.monitor}" if training.monitor else "training loss"
        best = f"; best epoch {patience.best_epoch}" if training.monitor else ""
        sentence = f"the {what} did not improve{patience.margin} for {patience.stale} epochs{best}"
        history.stop(StopReason.NO_IMPROVEMENT, sentence, **patience.numbers(training.monitor))
