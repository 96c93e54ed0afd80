"""Who judges the validation rows while training: the loss, accuracy or R², or the user's scorer."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import _safe_indexing

from chainrule._errors import InvalidParameterError, nearest
from chainrule.estimator.fitting import Fitted, Score
from chainrule.estimator.training_set import TrainingSet
from chainrule.network.examples import Examples
from chainrule.network.history import History
from chainrule.network.parameters import Parameters
from chainrule.network.segment import State
from chainrule.network.training import Training, all_logits
from chainrule.network.types import Array


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
    scoring : str, callable or None
        A scorer's name, a callable (estimator, X, y), or None for the estimator's own `score`.
    X, y, sample_weight
        The validation rows as the user gave them.
    """

    estimator: Any
    scoring: Any
    X: Any
    y: Any
    sample_weight: Array | None

    def __call__(self, training: Training, parameters: Parameters) -> float:
        """Score the parameters that training has reached."""
        probe = copy(self.estimator)
        probe._fitted = Fitted(training.architecture, State(parameters, ()), History(), "", 0)
        weights = {} if self.sample_weight is None else {"sample_weight": self.sample_weight}
        return float(check_scoring(probe, self.scoring)(probe, self.X, self.y, **weights))


def require_scoring(scoring: Any) -> None:
    """Raise InvalidParameterError unless it is "loss", None, a callable or the name of a scorer."""
    if scoring == "loss" or scoring is None or callable(scoring):
        return
    if scoring not in get_scorer_names():
        hint = nearest(scoring, ["loss", *get_scorer_names()]) if isinstance(scoring, str) else ""
        raise InvalidParameterError(
            f"The 'scoring' parameter must be 'loss', None, a callable or a scorer's name. Got {scoring!r} instead. "
            f"{hint}"
        )


def validation_score(estimator: Any, validation: TrainingSet, X: Any, y: Any, sample_weight: Any) -> Score:
    """Return what scores the validation rows while the estimator trains.

    Parameters
    ----------
    estimator : estimator
        Its parameter `scoring` decides; with "loss" accuracy or R² are recorded, which decide nothing.
    validation : TrainingSet
    X, y, sample_weight
        The table the validation rows are part of, as the user gave it.
    """
    if estimator.scoring == "loss":
        return LogitScore(estimator._validation_score, validation.examples)
    rows = validation.counted
    if rows is not None:
        X, y = _safe_indexing(X, rows), _safe_indexing(y, rows)
        sample_weight = None if sample_weight is None else np.asarray(sample_weight)[rows]
    return EstimatorScore(estimator, estimator.scoring, X, y, sample_weight)
