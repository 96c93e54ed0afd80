"""How good a model is on a table: its figures, and what its intervals and its threshold do there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from chainrule.metrics import ByClass, Figures, running_figures
from chainrule.metrics.conformal import RunningCoverage
from chainrule.network.types import Array
from chainrule.tabular.findings.finding import Finding


@dataclass(frozen=True)
class Evaluation:
    """The figures of a model on a table, with notes.

    Attributes
    ----------
    source : str
    figures : dict of str to float or None
        As `chainrule.metrics.classification_figures` and `regression_figures` have them; None is undefined. With a
        threshold, those of its decisions.
    by_class : ByClass or None
        The figures of each class, in the order of `target.classes`, and the confusion matrix.
    rows, without_target : int
        The number of rows that count, and of those that lack a target value.
    notes : tuple of str
    findings : tuple of Finding
        How the table differs from the one that the model was trained on, the worst first.
    zero_rows : int
        The number of rows of weight 0, which do not count.
    weight : str, optional
        The column of weights that was used.
    covered : tuple of float
        The share of these rows inside the intervals, for each target.
    decisions : dict of str to float or None
        With a threshold, the `accuracy`, and `precision`, `recall` and `f1` of the second class.
    """

    source: str
    figures: Figures
    by_class: ByClass | None
    rows: int
    without_target: int
    notes: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    zero_rows: int = 0
    weight: str | None = None
    covered: tuple[float, ...] = ()
    decisions: Figures = field(default_factory=dict)


class RunningEvaluation:
    """Figures, coverage and decisions of rows that come in batches."""

    def __init__(self, task: str, threshold: float | None = None) -> None:
        self._figures, self._coverage = running_figures(task, threshold), RunningCoverage()
        self._decides = threshold is not None

    def add(self, y: Array, answers: Array, ends: Sequence[Array] = (), weights: Array | None = None) -> None:
        """Add rows: true values, answers, the ends of their intervals, if any, and weights."""
        self._figures.add(y, answers, weights)
        if ends:
            self._coverage.add(y, ends[0], ends[1], weights)

    @property
    def covered(self) -> tuple[float, ...]:
        """The share of rows inside their intervals; none without intervals."""
        return self._coverage.shares()

    def figures(self) -> Figures:
        """Return the figures of all rows so far."""
        return self._figures.figures()

    def by_class(self) -> ByClass | None:
        """Return the figures of each class; None for numbers."""
        return self._figures.by_class()

    def decisions(self) -> Figures:
        """Return the accuracy, and how well the second class is found; nothing without a threshold."""
        by_class = self.by_class()
        if not self._decides or by_class is None:
            return {}
        columns = {"precision": by_class.precision, "recall": by_class.recall, "f1": by_class.f1}
        of_second = {name: float(values[1]) for name, values in columns.items()}
        return {
            "accuracy": self.figures()["accuracy"],
            **{name: None if math.isnan(value) else value for name, value in of_second.items()},
        }
