"""The penalty on the weights, alpha (l1_ratio Σ|W| + (1 - l1_ratio) / 2 Σ W²), apart from the data's loss.

Biases are never penalised. The L2 part is smooth and joins the gradient. The L1 part has a kink at 0 and is applied
as a proximal step after the update, which takes weights to exactly 0 (soft thresholding; Parikh and Boyd,
"Proximal algorithms", 2014, section 6.5.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.types import Array


@dataclass(frozen=True)
class Penalty:
    """Elastic net: `alpha` is the strength, `l1_ratio` the share of L1."""

    alpha: float = 0.0
    l1_ratio: float = 0.0

    def __post_init__(self) -> None:
        if not (self.alpha >= 0 and 0 <= self.l1_ratio <= 1):
            raise InvalidParameterError(
                f"alpha must be at least 0 and l1_ratio between 0 and 1, got {self.alpha!r} and {self.l1_ratio!r}."
            )

    @property
    def l1(self) -> float:
        """The factor of Σ|W|."""
        return self.alpha * self.l1_ratio

    @property
    def l2(self) -> float:
        """The factor of Σ W² / 2."""
        return self.alpha * (1 - self.l1_ratio)

    def value(self, W: Sequence[Array]) -> float:
        """The penalty of W[1] to W[L].

        Examples
        --------
        >>> Penalty(alpha=0.5, l1_ratio=0.5).value([np.array([[3.0, -4.0]])])
        4.875
        """
        l1 = self.l1 * sum(float(np.abs(w).sum(dtype=np.float64)) for w in W) if self.l1 else 0.0
        l2 = self.l2 / 2 * sum(float(np.vdot(w, w)) for w in W) if self.l2 else 0.0
        return l1 + l2

    def smooth_gradient(self, W: Array) -> Array:
        """The derivative of the L2 part: alpha (1 - l1_ratio) W."""
        return self.l2 * W


def soft_threshold(W: Array, threshold: Array | float) -> Array:
    """Move every weight towards 0 by the threshold, and to 0 if it would cross it.

    Examples
    --------
    >>> soft_threshold(np.array([-3.0, 0.5, 2.0]), 1.0).tolist()
    [-2.0, 0.0, 1.0]
    """
    return np.sign(W) * np.maximum(np.abs(W) - threshold, 0)
