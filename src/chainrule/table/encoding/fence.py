"""What of a column lies absurdly far out, such as a slip of 1e200 among numbers around 1, and how it is drawn in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule._errors import warn
from chainrule.network.types import Array

_TAIL = 0.01  # of the weight at each end, or a single row: what may be a slip
_ABSURD = 1e4  # widths of the middle: ordinary long tails, such as those of incomes, end long before


@dataclass(frozen=True)
class Fence:
    """The ends of the middle of a column, and how far beyond them a number may lie to count for the scale.

    Mean and deviation of all numbers would be those of the slips alone, and the others would all be the same to the
    network. A column that has nothing beyond the fence is scaled as if there were none.

    Parameters
    ----------
    low, high : float
        The ends of the middle 98 percent.
    reach : float
        0 if the middle is a single number.
    """

    low: float
    high: float
    reach: float

    @classmethod
    def around(cls, x: Array, weights: Array, row: float = 1.0) -> Fence:
        """Return the fence of distinct ascending values, given how much each weighs, and how much a single row.

        Examples
        --------
        >>> fence = Fence.around(np.array([1.0, 2.0, 3.0, 4.0, 1e200]), np.ones(5))
        >>> fence.low, fence.high, fence.holds(1.0, 4.0), fence.holds(1.0, 1e200)
        (2.0, 4.0, True, False)
        """
        low, high = _middle(x, weights, row)
        if low == high and len(x) > 1:  # most are the same, such as 0: the middle of the others counts, too
            others = x != low
            more = _middle(x[others], weights[others], row)
            if more[0] <= more[1]:
                low, high = min(low, more[0]), max(high, more[1])
        with np.errstate(over="ignore"):  # an infinite reach holds everything
            return cls(low, high, float(_ABSURD * max(np.float64(high) - low, 0.0)))

    def holds(self, least: float, greatest: float) -> bool:
        """Say whether a column with these ends has nothing absurd."""
        return not self.reach or (self.low - self.reach <= least and greatest <= self.high + self.reach)

    def drawn_in(self, x: Array) -> Array:
        """Return the values with those beyond the fence replaced by the nearest end of the middle."""
        inner = np.where(x > self.high + self.reach, self.high, x)
        return np.where(x < self.low - self.reach, self.low, inner)

    def warn(self, name: str, least: float, greatest: float) -> None:
        """Say that the scale of a column with these ends is that of the values within the fence."""
        beyond = [f"{end:g}" for end in (least, greatest) if not self.holds(end, end)]
        warn(
            f"Column {name!r} has numbers as far out as {' and '.join(beyond)}, while nearly all lie from "
            f"{self.low:g} to {self.high:g}. They do not count for its scale; mend them if they are slips."
        )


def _middle(x: Array, weights: Array, row: float) -> tuple[float, float]:
    """Return the least and the greatest value without 1 percent of the weight, or a single row, at each end.

    The least is above the greatest if there are too few rows.
    """
    tail = max(_TAIL * weights.sum(), row) * (1 + 1e-12)  # tolerates rounding in sums of fractional weights
    last = len(x) - 1
    low = x[min(int(np.searchsorted(np.cumsum(weights), tail)), last)]
    high = x[last - min(int(np.searchsorted(np.cumsum(weights[::-1]), tail)), last)]
    return float(low), float(high)
