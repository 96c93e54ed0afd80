"""Hooks: functions that a training calls with its progress, and that may stop it or set its learning rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chainrule.network.training.checkpoint import Checkpoint
from chainrule.network.training.history import History
from chainrule.network.training.segment import State


@dataclass
class Control:
    """What a hook may change while a training runs.

    Attributes
    ----------
    learning_rate : float, optional
        Of all steps to come, instead of the schedule's; None follows the schedule.
    stop_sentence : str
        Anything but "" stops training after the hook, and says why.
    """

    learning_rate: float | None = None
    stop_sentence: str = ""

    def stop(self, sentence: str) -> None:
        """Stop training; the first sentence given is the one that is kept."""
        self.stop_sentence = self.stop_sentence or sentence


@dataclass(frozen=True)
class Progress:
    """How far a training is: the argument of every hook.

    Attributes
    ----------
    state : State
    examples_done, examples : int
        How many examples this epoch has visited, and how many an epoch visits.
    max_epochs : int
        The epoch at which training ends at the latest.
    learning_rate : float
        Of the last step, or of the next one where an epoch begins.
    loss : float
        The mean data loss over the segment or epoch that has just ended, measured while the weights were changing.
    history : History
        Of the epochs that have ended.
    control : Control
    checkpoint : callable () -> Checkpoint
        Makes a checkpoint of this moment; for use within the hook.
    """

    state: State
    examples_done: int
    examples: int
    max_epochs: int
    learning_rate: float
    loss: float
    history: History
    control: Control
    checkpoint: Callable[[], Checkpoint]

    @property
    def epoch(self) -> int:
        """How many epochs have ended."""
        return self.state.epoch


Hook = Callable[[Progress], None]
