"""The state of one training run: its history, its patience and the factor on its learning rate."""

from __future__ import annotations

import math
from functools import partial

from chainrule.network.schedules import ADAPTIVE_CUT, PLATEAU_CUT, PLATEAU_PATIENCE
from chainrule.network.training.checkpoint import Checkpoint
from chainrule.network.training.early_stopping import Patience
from chainrule.network.training.history import History
from chainrule.network.training.hooks import Control, Hook, Progress
from chainrule.network.training.segment import State, Totals
from chainrule.network.training.setup import Training


class TrainingRun:
    """What changes while a training runs, starting from a state or a checkpoint."""

    def __init__(self, training: Training, start: State | Checkpoint) -> None:
        begun = start if isinstance(start, Checkpoint) else Checkpoint(start)
        self.training = training
        self.losses = list(begun.totals.losses)  # of the epoch under way
        self.gradient_norm = begun.totals.gradient_norm
        self.history, self.control, self.patience = History(), Control(), Patience(training.stopping)
        self.cut = 1.0  # factor on the learning rate, lowered by the schedules that watch the loss
        ended = len(begun.epochs.get("epoch", []))
        self.max_epochs = begun.state.epoch - ended + training.stopping.max_epochs
        for place in range(ended):
            self.record(begun.state, {name: values[place] for name, values in begun.epochs.items()})
        self.patience.best = begun.best

    def record(self, state: State, epoch: dict[str, float]) -> None:
        """Record one epoch. It depends on what was measured alone, so replaying a record restores everything."""
        self.history.append(**epoch)
        self.patience.observe(self.training.monitored(state, epoch), state)
        self.cut = self._lowered()

    def _lowered(self) -> float:
        """Return the factor on the learning rate after an epoch; only "adaptive" and "plateau" lower it."""
        schedule, patience = self.training.schedule, self.patience
        if schedule.name == "adaptive" and patience.exhausted:
            patience.restart()
            return self.cut * ADAPTIVE_CUT
        half = max(1, min(patience.stopping.patience, 2 * PLATEAU_PATIENCE) // 2)
        if schedule.name == "plateau" and patience.stale and patience.stale % half == 0 and not patience.exhausted:
            return self.cut * PLATEAU_CUT
        return self.cut

    def checkpoint(self, state: State) -> Checkpoint:
        """Return a checkpoint from which this run can go on."""
        epochs = {name: list(values) for name, values in self.history.columns.items()}
        return Checkpoint(state, self.patience.best, epochs, Totals(tuple(self.losses), self.gradient_norm))

    def call(
        self, hook: Hook | None, state: State, examples_done: int, learning_rate: float, loss: float = math.nan
    ) -> None:
        """Call a hook, if there is one."""
        if hook is not None:
            progress = Progress(
                state=state,
                examples_done=examples_done,
                examples=self.training.feed.m,
                max_epochs=self.max_epochs,
                learning_rate=learning_rate,
                loss=loss,
                history=self.history,
                control=self.control,
                checkpoint=partial(self.checkpoint, state),
            )
            hook(progress)
