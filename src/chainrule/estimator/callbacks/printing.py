"""The line that `verbose=True` prints after every epoch."""

from __future__ import annotations

from chainrule.estimator.callbacks.context import Context
from chainrule.network.training.hooks import Progress


def print_epoch(at: Context | Progress) -> None:
    """Print the epoch and its losses: with the penalty, and on the validation rows."""
    history = at.history
    line = f"Iteration {at.epoch}, loss = {history['running_total'][-1]:.8f}"
    if "val_loss" in history:
        line += f", validation loss = {history['val_loss'][-1]:.8f}"
    print(line)
