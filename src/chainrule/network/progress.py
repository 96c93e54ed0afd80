"""Where training is: what its hooks are told, and what they may ask for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chainrule.network.history import History
from chainrule.network.segment import State

if TYPE_CHECKING:
    from chainrule.network.training import Training


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
    training : Training
    state : State
    history : History
        Of the epochs that have ended.
    control : Control
    max_epochs : int
        The epoch at which training ends at the latest.
    examples_done : int
        Examples visited in this epoch.
    learning_rate : float
        Of the last step, or of the next one where an epoch begins.
    loss : float
        The data's mean loss over the segment or epoch that has just ended, while the weights were changing.
    """

    training: Training
    state: State
    history: History
    control: Control
    max_epochs: int
    examples_done: int
    learning_rate: float
    loss: float = math.nan

    @property
    def epoch(self) -> int:
        """How many epochs have ended."""
        return self.state.epoch

    @property
    def examples(self) -> int:
        """How many examples an epoch visits."""
        return self.training.examples.m


Hook = Callable[[Progress], None]


@dataclass(frozen=True)
class Course:
    """One run of a training: what its hooks are told of, and what they ask for."""

    training: Training
    max_epochs: int
    history: History = field(default_factory=History)
    control: Control = field(default_factory=Control)

    def tell(
        self, hook: Hook | None, state: State, examples_done: int, learning_rate: float, loss: float = math.nan
    ) -> None:
        """Call a hook, where there is one."""
        if hook is not None:
            where = (self.max_epochs, examples_done, learning_rate, loss)
            hook(Progress(self.training, state, self.history, self.control, *where))
