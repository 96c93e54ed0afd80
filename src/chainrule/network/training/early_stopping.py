"""Early stopping: count epochs without improvement, and choose between the best and the last weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule.network.training.history import History
from chainrule.network.training.segment import State
from chainrule.network.training.setup import Stopping, Training


class Patience:
    """Counts the epochs without improvement and keeps the state of the best epoch."""

    def __init__(self, stopping: Stopping) -> None:
        self.stopping = stopping
        self.best: State | None = None
        self.best_value = self.reference = np.inf
        self.stale = 0

    def observe(self, value: float, state: State) -> None:
        """Record the monitored value of one epoch; lower is better."""
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
        """The required improvement, in words."""
        return f" by more than tol={self.stopping.tol:g}" if self.stopping.tol else ""

    def numbers(self, monitor: str | None) -> dict[str, float]:
        """The numbers behind the decision: the best loss or score and its epoch, patience and tol."""
        best = {"score": -self.best_value} if monitor == "score" else {"loss": self.best_value}
        found = {} if self.best_epoch is None else {"best_epoch": self.best_epoch, **best}
        return found | {"patience": float(self.stopping.patience), "tol": float(self.stopping.tol)}

    def restart(self) -> None:
        """Forget the reference: an accidental early minimum must not count after a cut of the learning rate."""
        self.reference, self.stale = np.inf, 0


def select_weights(training: Training, patience: Patience, state: State, history: History) -> State:
    """Choose between the best weights and the last ones.

    A validation loss is measured at the weights it stands for. A running loss is not: it is gathered during the steps
    that lead to them. So without a validation the last weights are kept if they have the lower cost on the training
    examples.
    """
    best = patience.best
    if best is None or not training.stopping.keep_best:
        return state
    if training.monitor is None and best.epoch != state.epoch and training.cost(state) < training.cost(best):
        best = state
    history.best_epoch = best.epoch
    # A later training continues at the step reached; only weights and slots are those of the best epoch.
    return replace(best, step=state.step, epoch=state.epoch)
