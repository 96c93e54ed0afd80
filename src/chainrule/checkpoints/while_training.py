"""Checkpoints written while a network trains: what a kill, a crash or Ctrl-C leaves to go on from."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.network.training.history import History, StopReason
from chainrule.network.training.hooks import Hook, Progress
from chainrule.network.training.loop import train
from chainrule.network.training.segment import State
from chainrule.network.training.setup import Training

if TYPE_CHECKING:
    from chainrule.network.training.checkpoint import Checkpoint

SECONDS = 30.0  # a checkpoint is written about this often within an epoch, and at the end of every epoch


def train_with_checkpoints(training: Training, start: State, file: CheckpointFile) -> tuple[State, History]:
    """Train from the checkpoint in the file, if there is one; leave one there if Ctrl-C ends it.

    Raises
    ------
    CheckpointError
        If the checkpoint is another training's, or none can be written.
    """
    keeper = CheckpointWriter(file, training.on_segment, training.on_epoch)
    kept = replace(training, on_segment=keeper.on_segment, on_epoch=keeper.on_epoch)
    state, history = train(kept, file.read(training.architecture, len(start.slots)) or start)
    if history.stop_reason == StopReason.INTERRUPTED:
        keeper.keep()
    return state, history


class CheckpointWriter:
    """Writes checkpoints to a file, beside whatever else listens to a training.

    Parameters
    ----------
    file : CheckpointFile
    on_segment, on_epoch : callable, optional
        Hooks that are called first.
    """

    def __init__(self, file: CheckpointFile, on_segment: Hook | None = None, on_epoch: Hook | None = None) -> None:
        self.file, self._segment, self._epoch = file, on_segment, on_epoch
        self._latest: Checkpoint | None = None
        self._written = time.monotonic()

    def on_segment(self, progress: Progress) -> None:
        """Write a checkpoint where one is due."""
        if self._segment is not None:
            self._segment(progress)
        self._latest = progress.checkpoint()
        if time.monotonic() - self._written >= SECONDS:
            self.keep()

    def on_epoch(self, progress: Progress) -> None:
        """Write a checkpoint."""
        if self._epoch is not None:
            self._epoch(progress)
        self._latest = progress.checkpoint()
        self.keep()

    def keep(self) -> None:
        """Write where training was last, if that is not written yet."""
        if self._latest is not None:
            self.file.write(self._latest)
        self._latest, self._written = None, time.monotonic()
