"""Who judges the validation rows while training: the loss, accuracy or R², or the user's scorer."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import _safe_indexing

from chainrule._errors import InvalidParameterError, nearest
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.fit_network import Fitted, Score
from chainrule.network.examples import Examples
from chainrule.network.parameters import Parameters
from chainrule.network.training.history import History
from chainrule.network.training.segment import State
from chainrule.network.training.setup import Training, all_logits
from chainrule.network.types import Array
from chainrule.outofcore.stored_matrix import StoredRows


@dataclass(frozen=True)
class LogitScore:
    """A score of Z[L], targets and weights, which needs no further look at the table."""

    score: Callable[[Array, Array, Array | None], float]
    examples: Examples

    def __call__(self, training: Training, parameters: Parameters) -> float:
        """Score the parameters that training has reached."""
        _, Y, weights = self.examples.batch(slice(None), np.dtype(np.float64))
        Z = all_logits(training.architecture, parameters, self.examples, training.feed.runner)
        return self.score(Z, Y, weights)


@dataclass(frozen=True)
class EstimatorScore:
    """A scikit-learn scorer of a copy of the estimator that has the weights of the moment.

    Attributes
    ----------
    estimator : estimator
    scorer : callable
        Of (estimator, X, y), and sample_weight where there is one.
    X, y, sample_weight
        The validation rows as the user gave them.
    """

    estimator: Any
    scorer: Callable[..., Any]
    X: Any
    y: Any
    sample_weight: Array | None

    def __call__(self, training: Training, parameters: Parameters) -> float:
        """Score the parameters that training has reached."""
        probe = copy(self.estimator)
        probe._fitted = Fitted(training.architecture, State(parameters, ()), History(), "", 0)
        weights = {} if self.sample_weight is None else {"sample_weight": self.sample_weight}
        return float(self.scorer(probe, self.X, self.y, **weights))


def require_scoring(scoring: Any) -> None:
    """Raise InvalidParameterError unless it is "loss", None, a callable or the name of a scorer."""
    if scoring == "loss" or scoring is None or callable(scoring):
        return
    if scoring not in _scorer_names():
        hint = nearest(scoring, ["loss", *_scorer_names()]) if isinstance(scoring, str) else ""
        raise InvalidParameterError(
            f"The 'scoring' parameter must be 'loss', None, a callable or a scorer's name. Got {scoring!r} instead. "
            f"{hint}"
        )


@cache
def _scorer_names() -> tuple[str, ...]:
    """The names, which scikit-learn would sort anew for every call of partial_fit."""
    return tuple(get_scorer_names())


def validation_score(estimator: Any, validation: TrainingSet, X: Any, y: Any, sample_weight: Any) -> Score | None:
    """Return what scores the validation rows while the estimator trains.

    Parameters
    ----------
    estimator : estimator
        Its parameter `scoring` decides; with "loss" accuracy or R² are recorded, which decide nothing.
    validation : TrainingSet
    X, y, sample_weight
        The table the validation rows are part of, as the user gave it.
    """
    examples = validation.examples
    if isinstance(examples, StoredRows):
        if estimator.scoring != "loss":
            raise InvalidParameterError(
                f"scoring={estimator.scoring!r} judges rows in memory, and X is on disk: leave it at 'loss', or give "
                "X_val and y_val as arrays."
            )
        return None
    if estimator.scoring == "loss":
        return LogitScore(estimator._validation_score, examples)
    rows = validation.counted
    if rows is not None:
        X, y = _safe_indexing(X, rows), _safe_indexing(y, rows)
        sample_weight = None if sample_weight is None else np.asarray(sample_weight)[rows]
    scorer = check_scoring(estimator, estimator.scoring)  # of None the estimator's own `score`
    return EstimatorScore(estimator, scorer, X, y, sample_weight)
