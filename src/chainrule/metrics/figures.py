"""Figures of predictions: of all rows, or added up batch by batch."""

from __future__ import annotations

from typing import Protocol

from chainrule.metrics.by_class import ByClass
from chainrule.metrics.catalogue import Figures
from chainrule.metrics.classification import ClassificationFigures
from chainrule.metrics.regression import RegressionFigures
from chainrule.network.types import Array


def classification_figures(codes: Array, probabilities: Array, weights: Array | None = None) -> Figures:
    """Compute the figures of class probabilities.

    Parameters
    ----------
    codes : ndarray of shape (m,), int
        The true classes.
    probabilities : ndarray of shape (m, K)
    weights : ndarray of shape (m,), optional
        A row of weight k counts as k rows, one of weight 0 does not count.

    Returns
    -------
    dict of str to float or None
        `accuracy`; `balanced_accuracy`, the mean recall of the classes that occur.

        `roc_auc` and `average_precision` (the area under the curve of precision and recall, in steps), of two classes
        those of the second; of more, the means over the classes that occur, each against the rest and each with the
        same weight. None if only one class occurs.

        `precision_macro`, `recall_macro`, `f1_macro`: the means over the classes that occur or are predicted; what is
        undefined counts as 0.

        `log_loss`, infinite if a true class has probability 0. `brier_score`: for two classes the mean of
        (p[1] - y)², from 0 to 1; for more the mean over the rows of the sum over the classes of (p[k] - y[k])², from 0
        to 2.

        `calibration_error`, expected, of the class predicted: in each of 15 bins of equal width, by the probability of
        that class, the difference between its mean and the accuracy; the mean over the bins, weighed by their rows.

    Examples
    --------
    >>> import numpy as np
    >>> figures = classification_figures(np.array([0, 1, 1]), np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3]]))
    >>> {name: round(value, 3) for name, value in figures.items() if name in ("accuracy", "log_loss", "roc_auc")}
    {'accuracy': 0.667, 'roc_auc': 1.0, 'log_loss': 0.646}
    """
    running = ClassificationFigures()
    running.add(codes, probabilities, weights)
    return running.figures()


def regression_figures(y: Array, predicted: Array, weights: Array | None = None) -> Figures:
    """Compute the figures of predicted numbers, both (m, k), each the mean over the k targets.

    Returns
    -------
    dict of str to float
        `rmse`, `mae`, `median_absolute_error`; and `r2`, which for a target that is always the same is 1 or, with any
        error, -inf.

    Examples
    --------
    >>> import numpy as np
    >>> regression_figures(np.array([[1.0], [3.0]]), np.array([[1.0], [2.0]]))
    {'rmse': 0.7071067811865476, 'mae': 0.5, 'r2': 0.5, 'median_absolute_error': 0.5}
    """
    running = RegressionFigures()
    running.add(y, predicted, weights)
    return running.figures()


class RunningFigures(Protocol):
    """Figures of rows that come in batches: the same to the last bit wherever the batches are cut."""

    def add(self, y: Array, predicted: Array, weights: Array | None = None) -> None:
        """Add rows: true values, predictions and weights."""

    def figures(self) -> Figures:
        """Return the figures of all rows so far."""

    def by_class(self) -> ByClass | None:
        """Return the figures of each class; None for numbers."""


def running_figures(task: str, threshold: float | None = None) -> RunningFigures:
    """Return the running figures of a task, without rows yet; a threshold decides between two classes."""
    return ClassificationFigures(threshold) if task == "classification" else RegressionFigures()
