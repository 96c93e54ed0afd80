"""One evaluation of a search: fit a candidate on one split and score it, with scikit-learn's own function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone
from sklearn.model_selection._validation import _fit_and_score
from sklearn.utils import resample

Outcome = dict[str, Any]  # test_scores, train_scores, fit_time, score_time and fit_error, as scikit-learn gives them


@dataclass(frozen=True)
class Evaluations:
    """The data that all evaluations of a search share.

    Attributes
    ----------
    estimator : estimator
    X, y : array-like
    splits : list of (ndarray, ndarray)
        The rows to train and to test on.
    fit_and_score : dict
        Further arguments of scikit-learn's `_fit_and_score`.
    seed : int, optional
        Of the draw of rows, where only a share of a split is used.
    """

    estimator: Any
    X: Any
    y: Any
    splits: list[tuple[Any, Any]]
    fit_and_score: dict[str, Any]
    seed: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """One candidate on one split, or on a share of the split's rows."""

    iteration: int
    candidate: int
    split: int
    parameters: Mapping[str, Any]
    share: float | None = None

    @property
    def place(self) -> tuple[int, int, int]:
        """Iteration, candidate and split, which identify it within its search."""
        return self.iteration, self.candidate, self.split

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{{{shown}}}, split {self.split}"


def evaluate(shared: Evaluations, task: Evaluation) -> Outcome:
    """Fit and score one candidate on one split."""
    train, test = shared.splits[task.split]
    if task.share is not None:  # a share of 1 also reorders the rows, as in scikit-learn's successive halving
        train, test = (
            resample(rows, replace=False, random_state=shared.seed, n_samples=int(task.share * len(rows)))
            for rows in (train, test)
        )
    outcome: Outcome = _fit_and_score(
        clone(shared.estimator),
        shared.X,
        shared.y,
        train=train,
        test=test,
        parameters=task.parameters,
        verbose=0,
        return_times=True,
        **shared.fit_and_score,
    )
    return outcome
