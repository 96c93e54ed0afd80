"""Figures of predictions: accuracy, log loss, ROC AUC, RMSE, MAE and R², of all rows or added up batch by batch."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from chainrule.network.types import Array
from chainrule.table.encoding.moments import Moments

_EXACT = 1 << 20  # rows up to which the ROC AUC is exact
_DROPPED_BITS = 11  # of a float32's 23 bits of precision: scores that differ by less than 1 in 4096 count as tied
_BINS = (int(np.float32(1.0).view(np.uint32)) >> _DROPPED_BITS) + 1


def classification_figures(codes: Array, probabilities: Array) -> dict[str, float]:
    """Compute the figures of class probabilities.

    Parameters
    ----------
    codes : ndarray of shape (m,), int
        The true classes.
    probabilities : ndarray of shape (m, K)

    Returns
    -------
    dict
        `accuracy`, `log_loss` (infinite if a true class has probability 0) and, for two classes, `roc_auc` (NaN if one
        of them does not occur).

    Examples
    --------
    >>> figures = classification_figures(np.array([0, 1, 1]), np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3]]))
    >>> {name: round(value, 3) for name, value in figures.items()}
    {'accuracy': 0.667, 'log_loss': 0.646, 'roc_auc': 1.0}
    """
    running = ClassificationFigures()
    running.add(codes, probabilities)
    return running.figures()


def regression_figures(y: Array, predicted: Array) -> dict[str, float]:
    """Compute the figures of predicted numbers (m, k): `rmse`, `mae` and `r2`, each the mean over the k targets.

    Examples
    --------
    >>> regression_figures(np.array([[1.0], [3.0]]), np.array([[1.0], [2.0]]))
    {'rmse': 0.7071067811865476, 'mae': 0.5, 'r2': 0.5}
    """
    running = RegressionFigures()
    running.add(y, predicted)
    return running.figures()


def roc_auc(codes: Array, scores: Array) -> float:
    """Return the probability that a row of class 1 has a higher score than one of class 0; ties count half.

    Examples
    --------
    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.9]))
    0.875
    """
    return _exact_auc(codes, scores, np.ones(len(codes)))


def _exact_auc(codes: Array, scores: Array, weights: Array) -> float:
    _, place = np.unique(scores, return_inverse=True)
    size = place.max(initial=0) + 1
    zeros, ones = (np.bincount(place[codes == k], weights[codes == k], minlength=size) for k in (0, 1))
    return _auc(zeros, ones)


class RunningFigures(Protocol):
    """Figures of rows that come in batches."""

    def add(self, y: Array, predicted: Array, weights: Array | None = None) -> None:
        """Add rows: true values, predictions and, if rows count differently, the weight of each."""

    def figures(self) -> dict[str, float]:
        """Return the figures of all rows so far."""


class ClassificationFigures:
    """The figures of `classification_figures` for rows that come in batches.

    Beyond a million rows, the scores of the ROC AUC are rounded to 12 binary digits: scores that differ by less than 1
    in 4096 count as tied.

    Examples
    --------
    >>> running = ClassificationFigures()
    >>> running.add(np.array([0, 1]), np.array([[0.8, 0.2], [0.4, 0.6]]))
    >>> running.add(np.array([1]), np.array([[0.7, 0.3]]))
    >>> {name: round(value, 3) for name, value in running.figures().items()}
    {'accuracy': 0.667, 'log_loss': 0.646, 'roc_auc': 1.0}
    """

    def __init__(self) -> None:
        self._rows, self._total, self._right = 0, 0.0, 0.0
        self._log_loss = 0.0
        self._scores: list[tuple[Array, Array, Array]] = []  # codes, scores and weights, while there are few rows
        self._counts: Array | None = None  # for each class, the weight of the rows in each bin of scores

    def add(self, codes: Array, probabilities: Array, weights: Array | None = None) -> None:
        """Add rows: true classes (m,), probabilities (m, K) and, if rows count differently, weights (m,)."""
        given = probabilities[np.arange(len(codes)), codes].astype(np.float64)
        w = np.ones(len(codes)) if weights is None else weights
        self._rows += len(codes)
        self._total += float(w.sum())
        self._right += float(w[probabilities.argmax(axis=1) == codes].sum())
        with np.errstate(divide="ignore"):
            self._log_loss -= float(np.log(given).sum() if weights is None else np.log(given) @ w)
        if probabilities.shape[1] == 2:
            self._scores.append((codes, probabilities[:, 1], w))
            if self._counts is not None or self._rows > _EXACT:
                counted = np.sum([_binned(*scores) for scores in self._scores], axis=0)
                self._counts = counted if self._counts is None else self._counts + counted
                self._scores = []

    def figures(self) -> dict[str, float]:
        """Return the figures of all rows so far."""
        figures = {"accuracy": self._right / self._total, "log_loss": self._log_loss / self._total}
        if self._counts is not None:
            return figures | {"roc_auc": _auc(*self._counts)}
        if self._scores:
            return figures | {"roc_auc": _exact_auc(*map(np.concatenate, zip(*self._scores, strict=True)))}
        return figures


def _binned(codes: Array, scores: Array, weights: Array) -> Array:
    bins = np.ascontiguousarray(scores, np.float32).view(np.uint32) >> np.uint32(_DROPPED_BITS)
    return np.array([np.bincount(bins[codes == k], weights[codes == k], minlength=_BINS) for k in (0, 1)])


def _auc(zeros: Array, ones: Array) -> float:
    """Return the share of pairs of rows, one of each class, in which class 1 scores higher; ties count half."""
    below = np.cumsum(zeros) - zeros / 2
    pairs = float(zeros.sum()) * float(ones.sum())
    return float(below @ ones) / pairs if pairs else float("nan")


class RegressionFigures:
    """The figures of `regression_figures` for rows that come in batches.

    Examples
    --------
    >>> running = RegressionFigures()
    >>> running.add(np.array([[1.0]]), np.array([[1.0]]))
    >>> running.add(np.array([[3.0]]), np.array([[2.0]]))
    >>> running.figures()
    {'rmse': 0.7071067811865476, 'mae': 0.5, 'r2': 0.5}
    """

    def __init__(self) -> None:
        self._squares: Array | float = 0.0
        self._sizes: Array | float = 0.0
        self._targets: list[Moments] = []

    def add(self, y: Array, predicted: Array, weights: Array | None = None) -> None:
        """Add rows: numbers and their predictions, both (m, k), and, if rows count differently, weights (m,)."""
        error = predicted.astype(np.float64) - y
        w = 1.0 if weights is None else weights[:, None]
        self._squares = self._squares + (w * np.square(error)).sum(axis=0)
        self._sizes = self._sizes + (w * np.abs(error)).sum(axis=0)
        found = [Moments.of(column, weights) for column in y.T]
        self._targets = [a + b for a, b in zip(self._targets or [Moments()] * len(found), found, strict=True)]

    def figures(self) -> dict[str, float]:
        """Return the figures of all rows so far."""
        square, spread = np.asarray(self._squares), np.array([target.squares for target in self._targets])
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = np.where(spread > 0, 1 - square / spread, np.where(square > 0, -np.inf, 1.0))
        rows = self._targets[0].count
        return {
            "rmse": float(np.mean(np.sqrt(square / rows))),
            "mae": float(np.mean(self._sizes / rows)),
            "r2": float(np.mean(r2)),
        }


def running_figures(task: str) -> RunningFigures:
    """Return the running figures of a task, without rows yet."""
    return ClassificationFigures() if task == "classification" else RegressionFigures()
