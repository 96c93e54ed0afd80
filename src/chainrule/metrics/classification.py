"""The figures of class probabilities that come in batches."""

from __future__ import annotations

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.metrics.by_class import MOST_CLASSES, ByClass, whole
from chainrule.metrics.catalogue import Figures
from chainrule.metrics.distributions import Distributions, average_precision, roc_auc
from chainrule.metrics.totals import RunningTotal
from chainrule.metrics.weights import weighed
from chainrule.network.types import Array

CALIBRATION_BINS = 15  # of equal width, from 0 to 1: as in Guo et al., "On calibration of modern neural networks", 2017
_EDGES = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]


class ClassificationFigures:
    """The figures of `classification_figures` for rows that come in batches.

    Of many rows, ROC AUC and average precision are those of rounded scores. They are exact up to a million rows, and up
    to four million rows times classes. Beyond, scores of two classes that differ by less than 1 part in 4096 count as
    tied; of up to 16 classes, by less than 1 part in 1024; of more, by more.

    Parameters
    ----------
    threshold : float, optional
        Predict the second of two classes if its probability is at least this; by default the more probable class.

    Examples
    --------
    >>> running = ClassificationFigures()
    >>> running.add(np.array([0, 1]), np.array([[0.8, 0.2], [0.4, 0.6]]))
    >>> running.add(np.array([1]), np.array([[0.7, 0.3]]))
    >>> figures = running.figures()
    >>> [round(figures[name], 3) for name in ("accuracy", "log_loss", "roc_auc")]
    [0.667, 0.646, 1.0]
    >>> running.by_class().confusion.tolist()
    [[1, 0], [1, 1]]
    """

    def __init__(self, threshold: float | None = None) -> None:
        self._threshold = threshold
        self._sums = RunningTotal(_sums)
        self._pairs = _Pairs(0)
        self._scores = Distributions(1, highest=1.0)

    def add(self, codes: Array, probabilities: Array, weights: Array | None = None) -> None:
        """Add rows: true classes (m,), probabilities (m, K) and weights (m,); a weight of 0 leaves a row out."""
        codes, probabilities, weights = weighed(codes, probabilities, weights)
        if not len(codes):
            return
        K = probabilities.shape[1]
        if not self._pairs.K:
            self._pairs, self._scores = _Pairs(K), Distributions(1 if K == 2 else K, highest=1.0)
        predicted = self._predicted(probabilities)
        self._sums.add(codes, probabilities, predicted, weights)
        self._pairs.add(codes, predicted, weights)
        columns = slice(1, 2) if K == 2 else slice(None)
        self._scores.add(probabilities[:, columns], weights, (codes[:, None] == np.arange(K))[:, columns])

    def _predicted(self, probabilities: Array) -> Array:
        if self._threshold is None:
            return np.asarray(probabilities.argmax(axis=1))
        return (probabilities[:, 1] >= self._threshold).astype(np.intp)

    def by_class(self) -> ByClass:
        """Return the figures of each class, of all rows so far."""
        self._check()
        return self._pairs.by_class()

    def figures(self) -> Figures:
        """Return the figures of all rows so far.

        Raises
        ------
        InvalidParameterError
            If there is no row, or no row of a weight above 0.
        """
        by_class = self.by_class()
        rows, right, log_loss, brier, *bins = self._sums.value().tolist()
        macro = {f"{name}_macro": value for name, value in by_class.macro().items()}
        return {
            "accuracy": right / rows,
            "balanced_accuracy": by_class.balanced_accuracy(),
            **self._of_ranks(by_class),
            "f1_macro": macro.pop("f1_macro"),
            **macro,
            "log_loss": log_loss / rows,
            "brier_score": brier / rows,
            "calibration_error": sum(map(abs, bins)) / rows,
        }

    def _of_ranks(self, by_class: ByClass) -> Figures:
        """Return ROC AUC and average precision: of class 1 of two, else the means over the classes that occur."""
        occurring = np.flatnonzero(by_class.occurs)
        if len(occurring) < 2:
            return {"roc_auc": None, "average_precision": None}
        columns = [0] if self._pairs.K == 2 else occurring.tolist()
        found = [self._scores.of(column)[1] for column in columns]
        return {
            of.__name__: float(np.mean([value for weights in found if (value := of(weights)) is not None]))
            for of in (roc_auc, average_precision)
        }

    def _check(self) -> None:
        if not self._pairs.K:
            raise InvalidParameterError("figures need at least one row with a weight above 0, but none came.")


def _sums(codes: Array, probabilities: Array, predicted: Array, weights: Array) -> Array:
    """Return the sums of weights, right answers, log losses and Brier scores, and the excess confidence of each bin."""
    p = probabilities.astype(np.float64)
    m, K = p.shape
    given = p[np.arange(m), codes]
    right = predicted == codes
    confidence = p[np.arange(m), predicted]
    squares = np.square(p - (codes[:, None] == np.arange(K)))
    brier = squares[:, 1] if K == 2 else squares.sum(axis=1)
    with np.errstate(divide="ignore"):
        log_loss = -np.log(given)
    rows = np.column_stack([np.ones(m), right, log_loss, brier]) * weights[:, None]
    bins = np.searchsorted(_EDGES, confidence)  # a bin has its upper edge, not its lower one
    excess = np.bincount(bins, (confidence - right) * weights, CALIBRATION_BINS)
    return np.concatenate([rows.sum(axis=0), excess])


class _Pairs:
    """How often each class is predicted for rows of each class."""

    def __init__(self, K: int) -> None:
        self.K = K
        self._confusion = np.zeros((K, K)) if K <= MOST_CLASSES else None
        self._counts = np.zeros((4, K))  # right, support, predicted, and rows whatever they weigh

    def add(self, codes: Array, predicted: Array, weights: Array) -> None:
        right = predicted == codes
        np.add.at(self._counts[0], codes[right], weights[right])
        np.add.at(self._counts[1], codes, weights)
        np.add.at(self._counts[2], predicted, weights)
        self._counts[3] += np.bincount(codes, minlength=self.K)
        if self._confusion is not None:
            np.add.at(self._confusion.reshape(-1), codes * self.K + predicted, weights)

    def by_class(self) -> ByClass:
        confusion = None if self._confusion is None else whole(self._confusion)
        right, support, predicted, rows = map(whole, self._counts)
        return ByClass(right, support, predicted, confusion, rows)
