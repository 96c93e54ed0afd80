"""Write checkpoints during training, from which it resumes after a kill, a crash or Ctrl-C."""

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

SECONDS = 30.0  # between two checkpoints within an epoch; one is also written after every epoch


def train_with_checkpoints(training: Training, start: State, file: CheckpointFile) -> tuple[State, History]:
    """Train from the checkpoint in the file, if there is one, and write checkpoints, also after Ctrl-C.

    Raises
    ------
    CheckpointError
        If the checkpoint belongs to another training, or it cannot be written.
    """
    writer = CheckpointWriter(file, training.on_segment, training.on_epoch)
    watched = replace(training, on_segment=writer.on_segment, on_epoch=writer.on_epoch)
    state, history = train(watched, file.read(training.architecture, len(start.slots)) or start)
    if history.stop_reason == StopReason.INTERRUPTED:
        writer.write()
    return state, history


class CheckpointWriter:
    """Callbacks that write checkpoints to a file, after calling other callbacks.

    Parameters
    ----------
    file : CheckpointFile
    on_segment, on_epoch : callable, optional
        Called first.
    """

    def __init__(self, file: CheckpointFile, on_segment: Hook | None = None, on_epoch: Hook | None = None) -> None:
        self.file, self._segment, self._epoch = file, on_segment, on_epoch
        self._latest: Checkpoint | None = None
        self._written = time.monotonic()

    def on_segment(self, progress: Progress) -> None:
        """Write a checkpoint if one is due."""
        if self._segment is not None:
            self._segment(progress)
        self._latest = progress.checkpoint()
        if time.monotonic() - self._written >= SECONDS:
            self.write()

    def on_epoch(self, progress: Progress) -> None:
        """Write a checkpoint."""
        if self._epoch is not None:
            self._epoch(progress)
        self._latest = progress.checkpoint()
        self.write()

    def write(self) -> None:
        """Write the latest checkpoint, unless it has been written."""
        if self._latest is not None:
            self.file.write(self._latest)
        self._latest, self._written = None, time.monotonic()
