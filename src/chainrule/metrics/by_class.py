"""How well each class is predicted: precision, recall, F1, support, and the confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.network.types import Array

MOST_CLASSES = 200  # with more classes no confusion matrix is kept
_ROUNDING = 1e-12  # of sums of weights, relative


@dataclass(frozen=True, eq=False)
class ByClass:
    """The figures of each class, from counts of rows (or sums of their weights).

    Parameters
    ----------
    right, support, predicted : ndarray of shape (K,)
        The rows of each class that are predicted right; the rows of it; the rows for which it is predicted.
    confusion : ndarray of shape (K, K), optional
        The rows of each class (row) for which each class is predicted (column); None with more than 200 classes.
    counted : ndarray of shape (K,), optional
        The rows of each class whatever they weigh; by default `support`.

    Examples
    --------
    >>> by_class = ByClass(np.array([1, 0]), np.array([2, 1]), np.array([2, 1]))
    >>> by_class.precision.tolist(), by_class.recall.tolist(), by_class.f1.tolist()
    ([0.5, 0.0], [0.5, 0.0], [0.5, 0.0])
    """

    right: Array
    support: Array
    predicted: Array
    confusion: Array | None = None
    counted: Array | None = None

    def __repr__(self) -> str:
        return f"ByClass({len(self.support):,} classes, {self.rows.sum():,} rows)"

    @property
    def rows(self) -> Array:
        """The number of rows of each class, whatever they weigh."""
        return self.support if self.counted is None else self.counted

    @property
    def precision(self) -> Array:
        """The share of the rows predicted as the class that are of it; NaN if it is never predicted."""
        return _share(self.right, self.predicted)

    @property
    def recall(self) -> Array:
        """The share of the rows of the class that are predicted as it; NaN if there is no row of it."""
        return _share(self.right, self.support)

    @property
    def f1(self) -> Array:
        """The harmonic mean of precision and recall, 0 if no row is right; NaN without a row or a prediction."""
        return _share(2 * self.right, self.support + self.predicted)

    @property
    def occurs(self) -> Array:
        """Whether there are rows of the class: ndarray of shape (K,), bool."""
        return self.support > 0

    @property
    def never_predicted(self) -> Array:
        """The classes, by number, that occur but are never predicted."""
        return np.flatnonzero(self.occurs & (self.predicted == 0))

    def macro(self) -> dict[str, float]:
        """Return the means over the classes of `precision`, `recall` and `f1`, as scikit-learn's `average="macro"`.

        Classes that neither occur nor are predicted do not count; what else is undefined counts as 0.
        """
        counted = self.occurs | (self.predicted > 0)
        means = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {name: float(np.nan_to_num(values[counted]).mean()) for name, values in means.items()}

    def balanced_accuracy(self) -> float:
        """Return the mean recall of the classes that occur."""
        return float(self.recall[self.occurs].mean())

    def records(self, classes: tuple[Any, ...]) -> list[dict[str, Any]]:
        """Return a record for each class, for JSON: its label, precision, recall, f1 and support."""
        columns = (self.precision, self.recall, self.f1, whole(self.support))
        names = ("class", "precision", "recall", "f1", "support")
        return [dict(zip(names, row, strict=True)) for row in zip(classes, *map(_plain, columns), strict=True)]


def _share(part: Array, of: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return part / of


def _plain(values: Array) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def whole(counts: Array) -> Array:
    """Return counts as whole numbers, unless they are sums of weights that are not whole."""
    rounded = counts.round()
    return rounded.astype(np.int64) if np.allclose(rounded, counts, rtol=_ROUNDING, atol=0) else counts
