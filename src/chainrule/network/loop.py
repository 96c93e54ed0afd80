"""The training loop: epochs of segments, learning rates, validation, early stopping, and the best weights kept.

The loop decides; a `Runner` computes. `chainrule.network.segment` is the reference runner.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from chainrule._errors import DivergenceError, InvalidParameterError
from chainrule.network.architecture import Architecture
from chainrule.network.draws import permutation
from chainrule.network.examples import Examples
from chainrule.network.history import History, StopReason
from chainrule.network.parameters import Parameters
from chainrule.network.schedules import ADAPTIVE_CUT, PLATEAU_CUT, PLATEAU_PATIENCE, SMALLEST_RATE, Schedule
from chainrule.network.segment import Plan, State, Totals
from chainrule.network.types import Array

SEGMENT_SECONDS = 0.1  # progress, callbacks and Ctrl-C get their turn about this often


class Runner(Protocol):
    """What the loop asks of whoever executes it."""

    def run_segment(
        self,
        architecture: Architecture,
        plan: Plan,
        state: State,
        examples: Examples,
        order: Array,
        rates: Array,
    ) -> tuple[State, Totals]:
        """Take one step per rate."""
        ...

    def mean_loss(self, architecture: Architecture, parameters: Parameters, examples: Examples) -> float:
        """Evaluate the data's loss at fixed weights."""
        ...

    def logits(self, architecture: Architecture, parameters: Parameters, X: Any) -> Array:
        """Evaluate Z[L] of a batch of columns."""
        ...

    def cost_and_gradient(
        self, architecture: Architecture, parameters: Parameters, examples: Examples
    ) -> tuple[float, Array]:
        """Evaluate the smooth cost over all examples, and its gradient."""
        ...


@dataclass(frozen=True)
class Progress:
    """Where training is: handed to `on_segment` after every segment and `on_epoch` after every epoch."""

    epoch: int
    max_epochs: int
    examples_done: int
    examples: int
    history: History


@dataclass(frozen=True)
class Stopping:
    """When to stop, and what to keep.

    Attributes
    ----------
    max_epochs : int
    patience : float
        Stop after exactly this many epochs in a row without an improvement by more than `tol`; infinity never.
    tol : float
    keep_best : bool
        Leave the weights of the best epoch, whatever the reason to stop, not those of the last one.
    record_loss : bool
        Also evaluate the training loss at fixed weights at every epoch.
    raise_on_divergence : bool
        Raise when a loss or gradient is not finite; otherwise stop and leave the best weights before it.
    """

    max_epochs: int = 200
    patience: float = 10
    tol: float = 1e-4
    keep_best: bool = True
    record_loss: bool = False
    raise_on_divergence: bool = True


@dataclass(frozen=True)
class Validation:
    """Examples held out, and an optional score of their logits (higher is better), recorded beside their loss."""

    examples: Examples
    score: Callable[[Array], float] | None = None


@dataclass(frozen=True)
class Training:
    """Everything one training is made of, but for the state it starts from."""

    architecture: Architecture
    plan: Plan
    examples: Examples
    schedule: Schedule
    stopping: Stopping
    runner: Runner
    shuffle: bool = True
    validation: Validation | None = None
    on_segment: Callable[[Progress], None] | None = None
    on_epoch: Callable[[Progress], None] | None = None

    def measured(self, state: State) -> dict[str, float]:
        """Measure what is asked for at the fixed weights of an epoch's end."""
        record, parameters = {}, state.parameters
        if self.stopping.record_loss:
            record["loss"] = self.runner.mean_loss(self.architecture, parameters, self.examples)
        if self.validation is not None:
            record["val_loss"] = self.runner.mean_loss(self.architecture, parameters, self.validation.examples)
            if self.validation.score is not None:
                Z = all_logits(self.architecture, parameters, self.validation.examples, self.runner)
                record["val_score"] = self.validation.score(Z)
        return record

    def cost(self, state: State) -> float:
        """J at fixed weights, dropout off."""
        loss = self.runner.mean_loss(self.architecture, state.parameters, self.examples)
        return loss + self.architecture.penalty.value(state.parameters.W[1:])

    def measure_final(self, state: State, history: History) -> None:
        """Put the losses of the model that training leaves into `history.final`."""
        loss = self.runner.mean_loss(self.architecture, state.parameters, self.examples)
        penalty = self.architecture.penalty.value(state.parameters.W[1:])
        history.final = {"loss": loss, "penalty": penalty, "total": loss + penalty}
        if self.validation is not None:
            validation = self.validation.examples
            history.final["val_loss"] = self.runner.mean_loss(self.architecture, state.parameters, validation)


def all_logits(architecture: Architecture, parameters: Parameters, examples: Examples, runner: Runner) -> Array:
    """Z[L] of all examples, computed in chunks: (n[L], m)."""
    dtype = parameters.theta.dtype
    return np.concatenate([runner.logits(architecture, parameters, X) for X, _, _ in examples.chunks(dtype)], axis=1)


class Patience:
    """Counts the epochs without improvement and remembers the best one."""

    def __init__(self, stopping: Stopping) -> None:
        self.stopping = stopping
        self.best: State | None = None
        self.best_value = self.reference = np.inf
        self.stale = 0

    def observe(self, value: float, state: State) -> None:
        """Take in the monitored value of one epoch; lower is better."""
        self.stale = 0 if value < self.reference - self.stopping.tol else self.stale + 1
        self.reference = min(self.reference, value)
        if self.best is None or value < self.best_value:
            self.best, self.best_value = state, value

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the best value, counted from 1."""
        return None if self.best is None else self.best.epoch

    @property
    def exhausted(self) -> bool:
        """Whether the last `patience` epochs brought no improvement."""
        return self.stale >= self.stopping.patience

    @property
    def margin(self) -> str:
        """In words, by how much an epoch must improve to count."""
        return f" by more than tol={self.stopping.tol:g}" if self.stopping.tol else ""

    def restart(self) -> None:
        """Forget the reference: after a cut of the learning rate an accidental early minimum must not count."""
        self.reference, self.stale = np.inf, 0


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
    history, patience, cut = History(), Patience(training.stopping), 1.0
    schedule, last_epoch = training.schedule, state.epoch + training.stopping.max_epochs
    try:
        while state.epoch < last_epoch and history.stop_reason is None:
            began = time.perf_counter()
            state, record = _epoch(training, state, cut, last_epoch, history)
            record |= training.measured(state)
            history.append(epoch=state.epoch, **record, seconds=time.perf_counter() - began)
            patience.observe(_monitored(training.architecture, state, record), state)
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


def kept(training: Training, patience: Patience, state: State, history: History) -> State:
    """Choose between the best weights and the last ones.

    Validation losses are measured on the weights they judge. A running loss is not: it comes from the steps that led
    to them, so the last weights stay unless the best epoch's are better on the training examples.
    """
    best = patience.best
    if best is None or not training.stopping.keep_best:
        return state
    if training.validation is None and best.epoch != state.epoch and training.cost(state) < training.cost(best):
        best = state
    history.best_epoch = best.epoch
    # Training goes on from the step it has reached; only the weights and slots are those of the best epoch.
    return replace(best, step=state.step, epoch=state.epoch)


def _epoch(
    training: Training, state: State, cut: float, last_epoch: int, history: History
) -> tuple[State, dict[str, float]]:
    """Run one epoch in segments of about `SEGMENT_SECONDS`; return what it measured on the way."""
    architecture, plan, examples = training.architecture, training.plan, training.examples
    m, size = examples.m, plan.batch_size
    order = permutation(plan.seed, state.epoch, m) if training.shuffle else np.arange(m)
    rates = cut * training.schedule.rates(state.step, state.step + -(-m // size))
    losses: list[float] = []
    done, steps, totals = 0, 1, Totals()
    try:
        while done < len(rates):
            began = time.perf_counter()
            part = order[done * size : (done + steps) * size]
            state, totals = training.runner.run_segment(
                architecture, plan, state, examples, part, rates[done : done + steps]
            )
            losses += totals.losses
            done += steps
            seconds = time.perf_counter() - began
            steps = max(1, min(4 * steps, int(steps * SEGMENT_SECONDS / max(seconds, 1e-9))))
            if training.on_segment is not None:
                training.on_segment(Progress(state.epoch, last_epoch, min(done * size, m), m, history))
    except KeyboardInterrupt:
        raise _Interrupted(state) from None
    loss = math.fsum(losses)  # exact, so that it does not depend on where the segments, cut by the clock, began
    penalty = architecture.penalty.value(state.parameters.W[1:])
    record = {
        "running_loss": loss / m,
        "penalty": penalty,
        "running_total": loss / m + penalty,
        "learning_rate": float(rates[-1]),
        "gradient_norm": totals.gradient_norm,
    }
    return replace(state, epoch=state.epoch + 1), record


def _monitored(architecture: Architecture, state: State, record: dict[str, float]) -> float:
    """Return the loss that decides: on validation examples where there are some, else the running one."""
    value = record.get("val_loss", record["running_total"])
    if np.isfinite(value):
        return value
    raise DivergenceError(
        f"Solver produced non-finite parameter weights: the loss at the end of epoch {state.epoch} is {value}. "
        "Scale the inputs, lower the learning rate, or clip the gradient's norm.",
        step=state.step,
        tensor="the loss",
        layer=architecture.L,
    )


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
        which, best = "training", ""
        if training.validation is not None:
            which, best = "validation", f"; best epoch {patience.best_epoch}"
        sentence = f"the {which} loss did not improve{patience.margin} for {patience.stale} epochs{best}"
        history.stop(StopReason.NO_IMPROVEMENT, sentence)
