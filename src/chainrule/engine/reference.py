"""The reference engine: `chainrule.network` as it is."""

from __future__ import annotations

from chainrule.network.architecture import Architecture
from chainrule.network.training.segment import cost_and_gradient, gradient_sum, logits, mean_loss, run_segment

__all__ = ["cannot", "cost_and_gradient", "gradient_sum", "logits", "mean_loss", "name", "run_segment"]

name = "reference"


def cannot(architecture: Architecture) -> str | None:
    """There is nothing the reference cannot do."""
    return None
