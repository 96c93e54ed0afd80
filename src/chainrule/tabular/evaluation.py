"""How good a model is on a table: its figures, and what its intervals and its threshold do there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chainrule.metrics import running_figures
from chainrule.metrics.conformal import RunningCoverage
from chainrule.network.types import Array
from chainrule.tabular.thresholds import Decisions


@dataclass(frozen=True)
class Evaluation:
    """The figures of a model on a table, with notes.

    Attributes
    ----------
    source : str
    figures : dict of str to float
    rows, without_target : int
        The number of rows that count, and of those that lack a target value.
    notes : tuple of str
    zero_rows : int
        The number of rows of weight 0, which do not count.
    weight : str, optional
        The column of weights that was used.
    covered : tuple of float
        The share of these rows inside the intervals, for each target.
    decisions : dict of str to float
        With a threshold, the `accuracy`, `precision`, `recall` and `f1` of the decisions.
    """

    source: str
    figures: dict[str, float]
    rows: int
    without_target: int
    notes: tuple[str, ...]
    zero_rows: int = 0
    weight: str | None = None
    covered: tuple[float, ...] = ()
    decisions: dict[str, float] = field(default_factory=dict)


class RunningEvaluation:
    """Figures, coverage and decisions of rows that come in batches."""

    def __init__(self, task: str, threshold: float | None = None) -> None:
        self._figures, self._coverage = running_figures(task), RunningCoverage()
        self._decisions = None if threshold is None else Decisions(threshold)

    def add(self, y: Array, answers: Array, ends: Sequence[Array] = (), weights: Array | None = None) -> None:
        """Add rows: true values, answers, the ends of their intervals, if any, and weights."""
        self._figures.add(y, answers, weights)
        if ends:
            self._coverage.add(y, ends[0], ends[1], weights)
        if self._decisions is not None:
            self._decisions.add(y, answers, weights)

    @property
    def decisions(self) -> dict[str, float]:
        """The figures of the decisions by the threshold; none without one."""
        return {} if self._decisions is None else self._decisions.figures()

    @property
    def covered(self) -> tuple[float, ...]:
        """The share of rows inside their intervals; none without intervals."""
        return self._coverage.shares()

    def figures(self) -> dict[str, float]:
        """Return the figures of all rows so far; the accuracy is that of the decisions."""
        found = self._figures.figures()
        return found | {name: value for name, value in self.decisions.items() if name in found}
