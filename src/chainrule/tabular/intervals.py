"""Intervals around the numbers that a table's model predicts, measured on the validation rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.fit.parameters import FRACTION
from chainrule.metrics.conformal import RunningCoverage, least_rows, score_of_rank, widened
from chainrule.network.losses import Loss
from chainrule.network.types import Array
from chainrule.table import Target


@dataclass(frozen=True)
class Intervals:
    """Split-conformal intervals (`metrics/conformal.py`), for each target separately.

    The validation rows also decide when training stops, so that they are not quite like new rows. With many of them the
    difference is small; the share of the test rows inside is a figure of the model.

    Parameters
    ----------
    coverage : float
        The share of new rows that are to be inside.
    margins : tuple of float
        How far an interval reaches to either side of the network's output, in its units: standardised, and for a
        target with a logarithm of the logarithm, where it is a factor.
    """

    coverage: float
    margins: tuple[float, ...]

    @classmethod
    def measured(cls, coverage: float, parts: Iterable[tuple[Array, Array, Array | None]]) -> Self:
        """Measure the margins on rows that come in parts: targets and outputs (m, k) of the network, and weights.

        Examples
        --------
        >>> part = np.array([[1.0], [-3.0], [2.0], [0.5]]), np.zeros((4, 1)), None
        >>> Intervals.measured(0.6, [part]).margins
        (2.0,)
        """
        Y, A, weights = zip(*parts, strict=True)
        scores = np.abs(np.concatenate(Y).astype(np.float64) - np.concatenate(A))
        found = score_of_rank(scores, coverage, None if weights[0] is None else np.concatenate(weights))
        return cls(coverage, tuple(found.tolist()))

    def ends(self, A: Array, target: Target, loss: Loss) -> tuple[Array, Array]:
        """Return the lower and upper ends around outputs of the network, each (m, k), in the units of the table.

        Where the loss takes no negative targets (poisson, gamma, tweedie), no interval begins below 0.
        """
        A = A.astype(np.float64)
        both = widened(A, A, np.array(self.margins))
        if loss.output.name != "identity":
            both = np.maximum(both, 0.0)
        return target.to_units(both[..., 0]), target.to_units(both[..., 1])

    def covered(
        self, parts: Iterable[tuple[Array, Array, Array | None]], target: Target, loss: Loss
    ) -> tuple[float, ...]:
        """Return the share of rows inside, for each target; the parts are those of `measured`."""
        coverage = RunningCoverage()
        for Y, A, weights in parts:
            coverage.add(target.from_network(Y), *self.ends(A, target, loss), weights)
        return coverage.shares()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; `from_dict` restores it."""
        return asdict(self) | {"margins": list(self.margins)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return what `to_dict` wrote."""
        return cls(data["coverage"], tuple(data["margins"]))


def require_validation(share: float) -> None:
    """Raise InvalidParameterError unless rows are held out for validation."""
    if not share:
        raise InvalidParameterError(
            "intervals are measured on the validation rows, and there are none: leave out --validation 0 "
            "(early_stopping=False), or leave out the intervals."
        )


def require_enough(coverage: float, target: Target, m: int) -> None:
    """Raise InvalidParameterError unless m validation rows are enough for the coverage of a numeric target."""
    holds, words = FRACTION
    if not holds(coverage) or coverage == 1:
        raise InvalidParameterError(f"intervals must be {words} for the share to cover, got {coverage!r}.")
    if target.task != "regression":
        raise InvalidParameterError("intervals are for numbers: a target of classes has probabilities. Drop them.")
    if m < least_rows(coverage):
        raise InvalidParameterError(
            f"{m} validation rows are too few for intervals that cover {coverage:g}: at least {least_rows(coverage)} "
            "are needed. Hold more rows out (--validation, validation_fraction), or ask for a lower coverage."
        )
