"""The training loop: epochs of segments, learning rates, validation, early stopping, and the best weights kept.

The loop decides; a `Runner` computes. `chainrule.network.segment` is the reference runner.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np

from chainrule._errors import DivergenceError, InvalidParameterError
from chainrule.network.draws import permutation
from chainrule.network.history import History, StopReason
from chainrule.network.parameters import n_weights
from chainrule.network.patience import Patience, kept
from chainrule.network.schedules import ADAPTIVE_CUT, PLATEAU_CUT, PLATEAU_PATIENCE, SMALLEST_RATE, Schedule
from chainrule.network.segment import State, Totals
from chainrule.network.training import Progress, Training

SEGMENT_SECONDS = 0.1  # progress, callbacks and Ctrl-C get their turn about this often
_SLOWEST = 1e8  # flops a second, to begin with: fewer than any engine reaches anywhere


class _Pace:
    """How many steps to take at a time, learned from how long they took."""

    def __init__(self, training: Training) -> None:
        flops = 6 * n_weights(training.architecture.widths) * training.plan.batch_size
        self.steps = max(1, int(_SLOWEST * SEGMENT_SECONDS / flops))

    def observe(self, steps: int, seconds: float) -> None:
        """Aim at `SEGMENT_SECONDS`, and grow at most fourfold, since a first step is not a fair sample."""
        self.steps = max(1, min(4 * self.steps, int(steps * SEGMENT_SECONDS / max(seconds, 1e-9))))


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
    history, patience, pace, cut = History(), Patience(training.stopping), _Pace(training), 1.0
    schedule, last_epoch = training.schedule, state.epoch + training.stopping.max_epochs
    try:
        while state.epoch < last_epoch and history.stop_reason is None:
            began = time.perf_counter()
            state, record = _epoch(training, state, cut, last_epoch, history, pace)
            record |= training.measured(state)
            history.append(epoch=state.epoch, **record, seconds=time.perf_counter() - began)
            patience.observe(training.monitored(state, record), state)
            if training.on_epoch is not None:
                training.on_epoch(Progress(state.epoch, last_epoch, training.examples.m, training.examples.m, history))
            cut = _cut(schedule, patience, cut)
            _judge(training, patience, cut, history)
        if history.stop_reason is None:
            history.stop(StopReason.MAX_ITER, f"reached max_iter={training.stopping.max_epochs} epochs")
    except _Interrupted as interrupted:
        state = interrupted.state
        history.stop(StopReason.INTERRUPTED, f"interrupted in epoch {state.epoch + 1}")
    except KeyboardInterrupt:
        history.stop(StopReason.INTERRUPTED, f"interrupted in epoch {state.epoch + 1}")
    except DivergenceError as error:
        if training.stopping.raise_on_divergence or patience.best is None:
            raise
        history.stop(StopReason.DIVERGED, str(error))
    state = kept(training, patience, state, history)
    training.measure_final(state, history)
    return state, history


class _Interrupted(Exception):  # noqa: N818 - Ctrl-C is no error
    """Ctrl-C within an epoch, with the last state before it."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state


def _epoch(
    training: Training, state: State, cut: float, last_epoch: int, history: History, pace: _Pace
) -> tuple[State, dict[str, float]]:
    """Run one epoch in segments of about `SEGMENT_SECONDS`; return what it measured on the way."""
    architecture, plan, examples = training.architecture, training.plan, training.examples
    m, size = examples.m, plan.batch_size
    order = permutation(plan.seed, state.epoch, m) if training.shuffle else training.table_order
    rates = cut * training.schedule.rates(state.step, state.step + -(-m // size))
    losses: list[float] = []
    done, totals = 0, Totals()
    try:
        while done < len(rates):
            began, steps = time.perf_counter(), min(pace.steps, len(rates) - done)
            part = order[done * size : (done + steps) * size]
            state, totals = training.runner.run_segment(
                architecture, plan, state, examples, part, rates[done : done + steps]
            )
            losses += totals.losses
            done += steps
            pace.observe(steps, time.perf_counter() - began)
            if training.on_segment is not None:
                training.on_segment(Progress(state.epoch, last_epoch, min(done * size, m), m, history))
    except KeyboardInterrupt:
        raise _Interrupted(state) from None
    loss = math.fsum(losses)  # exact, so that it does not depend on where the segments, cut by the clock, began
    penalty = training.penalty(state)
    record = {
        "running_loss": loss / m,
        "penalty": penalty,
        "running_total": loss / m + penalty,
        "learning_rate": float(rates[-1]),
        "gradient_norm": totals.gradient_norm,
    }
    return replace(state, epoch=state.epoch + 1), record


def _cut(schedule: Schedule, patience: Patience, cut: float) -> float:
    """Lower the learning rate where the schedule listens to the loss."""
    if schedule.name == "adaptive" and patience.exhausted:
        patience.restart()
        return cut * ADAPTIVE_CUT
    half = max(1, min(patience.stopping.patience, 2 * PLATEAU_PATIENCE) // 2)
    if schedule.name == "plateau" and patience.stale and patience.stale % half == 0 and not patience.exhausted:
        return cut * PLATEAU_CUT
    return cut


def _judge(training: Training, patience: Patience, cut: float, history: History) -> None:
    """Stop where the learning rate is too small to matter, or the patience is at its end."""
    if training.schedule.name == "adaptive" and training.schedule.initial * cut < SMALLEST_RATE:
        history.stop(StopReason.SMALLEST_RATE, f"the learning rate fell below {SMALLEST_RATE}")
    elif patience.exhausted:
        what = f"validation {training.monitor}" if training.monitor else "training loss"
        best = f"; best epoch {patience.best_epoch}" if training.monitor else ""
        sentence = f"the {what} did not improve{patience.margin} for {patience.stale} epochs{best}"
        history.stop(StopReason.NO_IMPROVEMENT, sentence)
