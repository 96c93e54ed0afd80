"""One run of a training: what it has come to, what its hooks are told, and where it can be taken up again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from chainrule.network.schedules import ADAPTIVE_CUT, PLATEAU_CUT, PLATEAU_PATIENCE
from chainrule.network.training.early_stopping import Patience
from chainrule.network.training.history import History
from chainrule.network.training.hooks import Control, Hook, Progress
from chainrule.network.training.segment import State, Totals
from chainrule.network.training.setup import Training


@dataclass(frozen=True)
class Checkpoint:
    """A training at the border of a segment: all it takes to go on as if it had never stopped.

    Attributes
    ----------
    state : State
    best : State, optional
        That of the best epoch so far.
    epochs : dict of list
        The history's columns: one entry for every epoch that has ended.
    totals : Totals
        Of the steps already taken in the epoch that is under way.
    """

    state: State
    best: State | None = None
    epochs: dict[str, list[float]] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)


class TrainingRun:
    """What changes while a training runs, from a state or a checkpoint on."""

    def __init__(self, training: Training, start: State | Checkpoint) -> None:
        begun = start if isinstance(start, Checkpoint) else Checkpoint(start)
        self.training = training
        self.losses, self.gradient_norm = (
            list(begun.totals.losses),
            begun.totals.gradient_norm,
        )  # of the epoch under way
        self.history, self.control, self.patience = History(), Control(), Patience(training.stopping)
        self.cut = 1.0  # of the learning rate, where the schedule listens to the loss
        ended = len(begun.epochs.get("epoch", []))
        self.max_epochs = begun.state.epoch - ended + training.stopping.max_epochs
        for place in range(ended):
            self.record(begun.state, {name: values[place] for name, values in begun.epochs.items()})
        self.patience.best = begun.best

    def record(self, state: State, epoch: dict[str, float]) -> None:
        """Take in one epoch: a pure function of what was measured, so that replaying a record restores it all."""
        self.history.append(**epoch)
        self.patience.observe(self.training.monitored(state, epoch), state)
        self.cut = self._lowered()

    def _lowered(self) -> float:
        """Lower the learning rate where the schedule listens to the loss."""
        schedule, patience = self.training.schedule, self.patience
        if schedule.name == "adaptive" and patience.exhausted:
            patience.restart()
            return self.cut * ADAPTIVE_CUT
        half = max(1, min(patience.stopping.patience, 2 * PLATEAU_PATIENCE) // 2)
        if schedule.name == "plateau" and patience.stale and patience.stale % half == 0 and not patience.exhausted:
            return self.cut * PLATEAU_CUT
        return self.cut

    def checkpoint(self, state: State) -> Checkpoint:
        """Where the training is, to go on from."""
        epochs = {name: list(values) for name, values in self.history.columns.items()}
        return Checkpoint(state, self.patience.best, epochs, Totals(tuple(self.losses), self.gradient_norm))

    def tell(
        self, hook: Hook | None, state: State, examples_done: int, learning_rate: float, loss: float = math.nan
    ) -> None:
        """Call a hook, where there is one."""
        if hook is not None:
            hook(Progress(self, state, examples_done, learning_rate, loss))
