"""The figures of a test on rows that come in pieces: sums now, figures at the end."""

from __future__ import annotations

import numpy as np

from chainrule.network.types import Array
from chainrule.table.encoding.moments import Moments

_DROPPED_BITS = 11  # of a float32's 23 bits of precision: scores that differ by less than 1 in 4096 count as tied
_BINS = (int(np.float32(1.0).view(np.uint32)) >> _DROPPED_BITS) + 1


class ClassificationSums:
    """What `classification_figures` says, without holding the rows.

    The ROC AUC is that of scores rounded to 12 binary digits: those that differ by less than 1 in 4096 count as tied.

    Examples
    --------
    >>> sums = ClassificationSums()
    >>> sums.add(np.array([0, 1]), np.array([[0.8, 0.2], [0.4, 0.6]]))
    >>> sums.add(np.array([1]), np.array([[0.7, 0.3]]))
    >>> {name: round(value, 3) for name, value in sums.figures().items()}
    {'accuracy': 0.667, 'log_loss': 0.646, 'roc_auc': 1.0}
    """

    def __init__(self) -> None:
        self.rows = self.right = 0
        self.log_loss = 0.0
        self.scores: Array | None = None  # of each class, how many rows have a score of each bin

    def add(self, codes: Array, probabilities: Array) -> None:
        """Take in rows: true classes (m,) and probabilities (m, K)."""
        given = probabilities[np.arange(len(codes)), codes].astype(np.float64)
        self.rows += len(codes)
        self.right += int(np.count_nonzero(probabilities.argmax(axis=1) == codes))
        with np.errstate(divide="ignore"):
            self.log_loss -= float(np.log(given).sum())
        if probabilities.shape[1] == 2:
            self._count(codes, probabilities[:, 1])

    def figures(self) -> dict[str, float]:
        """Return the figures of all rows so far."""
        figures = {"accuracy": self.right / self.rows, "log_loss": self.log_loss / self.rows}
        return figures if self.scores is None else figures | {"roc_auc": _auc(*self.scores)}

    def _count(self, codes: Array, scores: Array) -> None:
        bins = np.ascontiguousarray(scores, np.float32).view(np.uint32) >> np.uint32(_DROPPED_BITS)
        counts = [np.bincount(bins[codes == label], minlength=_BINS) for label in (0, 1)]
        self.scores = np.array(counts) if self.scores is None else self.scores + counts


def _auc(zeros: Array, ones: Array) -> float:
    """The share of pairs, one row of each class, in which that of class 1 has the higher score; ties count half."""
    below = np.cumsum(zeros) - zeros / 2
    pairs = float(zeros.sum()) * float(ones.sum())
    return float(below @ ones) / pairs if pairs else float("nan")


class RegressionSums:
    """What `regression_figures` says, without holding the rows.

    Examples
    --------
    >>> sums = RegressionSums()
    >>> sums.add(np.array([[1.0]]), np.array([[1.0]]))
    >>> sums.add(np.array([[3.0]]), np.array([[2.0]]))
    >>> sums.figures()
    {'rmse': 0.7071067811865476, 'mae': 0.5, 'r2': 0.5}
    """

    def __init__(self) -> None:
        self.squares: Array | float = 0.0
        self.sizes: Array | float = 0.0
        self.targets: list[Moments] = []

    def add(self, y: Array, predicted: Array) -> None:
        """Take in rows: numbers and their predictions, both (m, k)."""
        error = predicted.astype(np.float64) - y
        self.squares = self.squares + np.square(error).sum(axis=0)
        self.sizes = self.sizes + np.abs(error).sum(axis=0)
        found = [Moments.of(column) for column in y.T]
        self.targets = [a + b for a, b in zip(self.targets or [Moments()] * len(found), found, strict=True)]

    def figures(self) -> dict[str, float]:
        """Return the figures of all rows so far."""
        square, spread = np.asarray(self.squares), np.array([target.squares for target in self.targets])
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = np.where(spread > 0, 1 - square / spread, np.where(square > 0, -np.inf, 1.0))
        rows = self.targets[0].count
        return {
            "rmse": float(np.mean(np.sqrt(square / rows))),
            "mae": float(np.mean(self.sizes / rows)),
            "r2": float(np.mean(r2)),
        }


def sums_of(task: str) -> ClassificationSums | RegressionSums:
    """Return the empty sums for a task."""
    return ClassificationSums() if task == "classification" else RegressionSums()
