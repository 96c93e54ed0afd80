"""The setup of a training: network, examples, plan, schedule, stopping rule, validation and hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from chainrule._errors import DivergenceError
from chainrule.network.architecture import Architecture
from chainrule.network.examples import CHUNK, Examples
from chainrule.network.parameters import Parameters
from chainrule.network.schedules import Schedule
from chainrule.network.training.feed import Feed
from chainrule.network.training.history import History
from chainrule.network.training.hooks import Hook
from chainrule.network.training.runner import Runner
from chainrule.network.training.segment import Plan, State
from chainrule.network.types import Array


@dataclass(frozen=True)
class Stopping:
    """When to stop, and which weights to keep.

    Attributes
    ----------
    max_epochs : int
    patience : float
        Stop after exactly this many epochs in a row without an improvement by more than `tol`; infinity: never.
    tol : float
    keep_best : bool
        Return the weights of the best epoch instead of those of the last, whatever the reason to stop.
    record_loss : bool
        Also evaluate the training loss at fixed weights at every epoch.
    raise_on_divergence : bool
        Raise an error when a loss or gradient is not finite; otherwise stop and return the best weights before it.
    """

    max_epochs: int = 200
    patience: float = 10
    tol: float = 1e-4
    keep_best: bool = True
    record_loss: bool = False
    raise_on_divergence: bool = True


@dataclass(frozen=True)
class Validation:
    """Examples held out, whose loss is recorded at every epoch.

    Attributes
    ----------
    feed : Feed
    score : callable, optional
        A function of the parameters, recorded beside the loss; higher is better.
    monitor : {"loss", "score"} or None
        The quantity that decides when to stop and which weights are best; None: the training loss.
    """

    feed: Feed
    score: Callable[[Parameters], float] | None = None
    monitor: str | None = "loss"


@dataclass(frozen=True)
class Training:
    """Everything that defines a training, except the state it starts from.

    Hooks are called when training begins, when an epoch begins, after each segment and after each epoch. For L-BFGS an
    epoch is an iteration, and there are no segments. With `every_step` each segment is a single step.
    """

    architecture: Architecture
    plan: Plan
    feed: Feed
    schedule: Schedule
    stopping: Stopping
    validation: Validation | None = None
    on_begin: Hook | None = None
    on_epoch_begin: Hook | None = None
    on_segment: Hook | None = None
    on_epoch: Hook | None = None
    every_step: bool = False

    def measured(self, state: State) -> dict[str, float]:
        """Measure the losses and the score that are asked for, at the fixed weights of an epoch's end."""
        record, parameters = {}, state.parameters
        if self.stopping.record_loss:
            record["loss"] = self.feed.mean_loss(self.architecture, parameters)
        if self.validation is not None:
            record["val_loss"] = self.validation.feed.mean_loss(self.architecture, parameters)
            if self.validation.score is not None:
                record["val_score"] = self.validation.score(parameters)
        return record

    @property
    def monitor(self) -> str | None:
        """The quantity that decides: the validation's "loss" or "score", or None for the training loss."""
        return None if self.validation is None else self.validation.monitor

    def monitored(self, state: State, record: Mapping[str, float]) -> float:
        """Return the monitored value, lower is better; raise DivergenceError if it is not finite."""
        column = {"loss": "val_loss", "score": "val_score", None: "running_total"}[self.monitor]
        value = record[column]
        if np.isfinite(value):
            return -value if self.monitor == "score" else value
        if self.monitor == "score" and np.isfinite(record["val_loss"]):
            cause = f"the validation score of epoch {state.epoch} is {value}: scoring must always give a number."
        else:
            cause = (
                f"Solver produced non-finite parameter weights: the loss at the end of epoch {state.epoch} is {value}. "
                "Scale the inputs, lower the learning rate, or clip the gradient's norm."
            )
        raise DivergenceError(cause, step=state.step, tensor="the loss", layer=self.architecture.L)

    def penalty(self, state: State) -> float:
        """Return the penalty of the state's weights."""
        penalty, parameters = self.architecture.penalty, state.parameters
        return penalty.value([parameters.theta[parameters.weights]]) if penalty.alpha else 0.0

    def cost(self, state: State) -> float:
        """Return J at fixed weights, without dropout."""
        return self.feed.mean_loss(self.architecture, state.parameters) + self.penalty(state)

    def measure_final(self, state: State, history: History) -> None:
        """Write the losses of the final weights to `history.final`."""
        loss = self.feed.mean_loss(self.architecture, state.parameters)
        penalty = self.penalty(state)
        history.final = {"loss": loss, "penalty": penalty, "total": loss + penalty}
        if self.validation is not None:
            history.final["val_loss"] = self.validation.feed.mean_loss(self.architecture, state.parameters)


def all_logits(
    architecture: Architecture, parameters: Parameters, examples: Examples, runner: Runner, size: int = CHUNK
) -> Array:
    """Z[L] of all examples, computed `size` at a time: (n[L], m)."""
    parts = (runner.logits(architecture, parameters, X) for X, _, _ in examples.chunks(parameters.theta.dtype, size))
    return np.concatenate([*parts], axis=1)
