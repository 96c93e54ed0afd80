"""The reference engine: the functions of `chainrule.network` itself."""

from __future__ import annotations

from chainrule.network.architecture import Architecture
from chainrule.network.training.segment import cost_and_gradient, gradient_sum, logits, mean_loss, run_segment

__all__ = ["cannot", "cost_and_gradient", "gradient_sum", "logits", "mean_loss", "name", "run_segment"]

name = "reference"


def cannot(architecture: Architecture) -> str | None:
    """Return None: the reference supports every network."""
    return None
