"""Where training is: what its hooks are told, and what they may ask for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.network.training.history import History
from chainrule.network.training.segment import State

if TYPE_CHECKING:
    from chainrule.network.training.run import Checkpoint, TrainingRun
    from chainrule.network.training.setup import Training


@dataclass
class Control:
    """What the hooks of a training may change while it runs.

    Attributes
    ----------
    learning_rate : float, optional
        Of the steps to come, instead of the schedule's; None follows the schedule.
    stop_sentence : str
        Anything but "" stops training after the hook, and says why.
    """

    learning_rate: float | None = None
    stop_sentence: str = ""

    def stop(self, sentence: str) -> None:
        """Stop training; the first one who asks for it is the one who is named."""
        self.stop_sentence = self.stop_sentence or sentence


@dataclass(frozen=True)
class Progress:
    """Where training is: what its hooks are called with.

    Attributes
    ----------
    course : TrainingRun
        The run: its training, its history of the epochs that have ended, its control.
    state : State
    examples_done : int
        Examples visited in this epoch.
    learning_rate : float
        Of the last step, or of the next one where an epoch begins.
    loss : float
        The data's mean loss over the segment or epoch that has just ended, while the weights were changing.
    """

    course: TrainingRun
    state: State
    examples_done: int
    learning_rate: float
    loss: float = math.nan

    @property
    def training(self) -> Training:
        """What runs."""
        return self.course.training

    @property
    def history(self) -> History:
        """The record of the epochs that have ended."""
        return self.course.history

    @property
    def control(self) -> Control:
        """What the hook may change."""
        return self.course.control

    @property
    def max_epochs(self) -> int:
        """The epoch at which training ends at the latest."""
        return self.course.max_epochs

    @property
    def epoch(self) -> int:
        """How many epochs have ended."""
        return self.state.epoch

    @property
    def examples(self) -> int:
        """How many examples an epoch visits."""
        return self.training.feed.m

    def checkpoint(self) -> Checkpoint:
        """All it takes to go on from here as if training had never stopped."""
        return self.course.checkpoint(self.state)


Hook = Callable[[Progress], None]
