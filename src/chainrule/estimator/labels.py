"""The labels of a classification target: the classes, encoding as columns of Y, and decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from chainrule._errors import TargetError
from chainrule.estimator.target_values import check_one_kind, present, warn_of_column
from chainrule.network.types import Array


@dataclass(frozen=True, eq=False)
class Labels:
    """The sorted classes of a target, or the column numbers of a multilabel target; and the target's dtype.

    Examples
    --------
    >>> labels = Labels.of(np.array(["b", "a", "b"]))
    >>> Y, codes = labels.encode(np.array(["a", "b"]))
    >>> Y.tolist(), codes.tolist(), labels.decode(np.array([[-1.0], [2.0]])).tolist()
    ([[False], [True]], [0, 1], ['a', 'b'])
    """

    classes: Array
    multilabel: bool
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, y: Array, classes: Any = None) -> Self:
        """Learn the given classes, or those that occur."""
        if y.ndim == 2:
            return cls(np.arange(y.shape[1]), True, y.dtype)
        return cls(_distinct(y if classes is None else present(classes, "classes")), False, y.dtype)

    @property
    def n_outputs(self) -> int:
        """The number of outputs a network needs; two classes share one."""
        return len(self.classes) if self.multilabel or len(self.classes) > 2 else 1

    def check_classes(self, classes: Any) -> None:
        """Raise TargetError if other classes are given."""
        if classes is not None and not np.array_equal(np.unique(classes), self.classes):
            raise TargetError(f"classes must stay {self.classes.tolist()}, got {np.unique(classes).tolist()}.")

    def encode(self, y: Array, *, known: bool = False) -> tuple[Array, Array | None]:
        """Return Y of shape (m, n[L]) and the class codes, if any; raise TargetError for unknown labels."""
        if self.multilabel:
            if y.ndim != 2 or y.shape[1] != len(self.classes):
                raise TargetError(f"y must have {len(self.classes)} label columns as before, got shape {y.shape}.")
            return y.astype(bool), None
        are_known = known or (np.isin(y, self.classes) if y.ndim == 1 else np.zeros(1, bool))
        if not np.all(are_known):
            strange = np.unique(y[~are_known])[:5].tolist() if y.ndim == 1 else "several columns"
            raise TargetError(
                f"y has labels that are not among the classes {self.classes.tolist()}: {strange}. "
                "Pass all classes at the first call of partial_fit, or fit anew."
            )
        codes = (y == self.classes[1]).astype(np.intp) if len(self.classes) == 2 else np.searchsorted(self.classes, y)
        if len(self.classes) <= 2:
            return (codes == 1)[:, None], codes
        return codes[:, None] == np.arange(len(self.classes)), codes

    def decode(self, margins: Array) -> Array:
        """Return the labels of rows: the second of two classes, or a label, where above 0; else the largest margin."""
        if self.multilabel:
            return (margins > 0).astype(self.dtype)
        if len(self.classes) == 1:
            return self.classes[np.zeros(len(margins), np.intp)]
        return self.classes[(margins[:, 0] > 0).astype(np.intp) if margins.shape[1] == 1 else margins.argmax(axis=1)]

    def accuracy(self, margins: Array, Y: Array, weights: Array | None) -> float:
        """Return the share of correct columns of margins (n[L], m); for multilabel targets, every label counts."""
        if len(margins) == 1 or self.multilabel:
            right = ((margins > 0) == (Y > 0.5)).all(axis=0)
        else:
            right = margins.argmax(axis=0) == Y.argmax(axis=0)
        return float(np.average(right, weights=weights))


def checked_labels(y: Array) -> Array:
    """Return labels as a vector, or multilabel indicators; warn of doubtful labels as scikit-learn does."""
    check_one_kind(y)
    whole = y.ndim == 1 and y.size > 0 and y.dtype.kind in "biu"
    # For few whole numbers scikit-learn's check never warns or raises, but takes longer than an epoch.
    if not (whole and int(y.max()) - int(y.min()) < y.size // 2):
        check_classification_targets(y)
    warn_of_column(y)
    if y.ndim == 2 and y.shape[1] == 1:
        return y.ravel()
    if y.ndim == 2 and not (type_of_target(y).startswith("multilabel") and np.isin(y, (0, 1)).all()):
        raise TargetError(
            "y must be one column of labels, or an indicator matrix of 0 and 1 with one column per label."
        )
    return y


def _distinct(labels: Array) -> Array:
    """Return the sorted labels that occur; if there are two numbers, the minimum and maximum, which is faster."""
    if labels.dtype.kind in "biuf" and labels.size:
        ends = np.array([labels.min(), labels.max()])
        if ((labels == ends[0]) | (labels == ends[1])).all():
            return np.unique(ends)
    return np.unique(labels)
