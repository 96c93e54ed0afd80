"""Score the validation rows during training: by the loss, accuracy or R², or the user's scorer."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cache, partial
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import _safe_indexing

from chainrule._errors import InvalidParameterError, nearest
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.fit_network import Score
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.network.examples import Examples
from chainrule.network.parameters import Parameters
from chainrule.network.training.history import History
from chainrule.network.training.segment import State
from chainrule.network.training.setup import Training, all_logits
from chainrule.network.types import Array
from chainrule.outofcore.stored_matrix import StoredRows

OfLogits = Callable[[Array, Array, Array | None], float]


def _of_logits(score: OfLogits, examples: Examples, training: Training, parameters: Parameters) -> float:
    """Compute a score from Z[L], targets and weights, without the table."""
    _, Y, weights = examples.batch(slice(None), np.dtype(np.float64))
    return score(all_logits(training.architecture, parameters, examples, training.feed.runner), Y, weights)


def _of_estimator(
    estimator: Any,
    scorer: Callable[..., Any],
    rows: tuple[Any, Any, Array | None],
    training: Training,
    parameters: Parameters,
) -> float:
    """Call a scikit-learn scorer with a copy of the estimator that has the current weights."""
    probe, (X, y, sample_weight) = copy(estimator), rows
    probe.network_ = TrainedNetwork(training.architecture, State(parameters, ()), History())
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    return float(scorer(probe, X, y, **weights))


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
    """Return the names, cached: scikit-learn would sort them in every call of partial_fit."""
    return tuple(get_scorer_names())


def validation_score(
    estimator: Any, validation: TrainingSet, rows: tuple[Any, Any, Any], of_logits: OfLogits
) -> Score | None:
    """Return the function that scores the validation rows, taken from the user's table `rows`, during training.

    The parameter `scoring` decides; with "loss", accuracy or R² of the logits is recorded, but not used.
    """
    examples, scoring = validation.examples, estimator.scoring
    if isinstance(examples, StoredRows):
        if scoring != "loss":
            raise InvalidParameterError(
                f"scoring={scoring!r} judges rows in memory, and X is on disk: leave it at 'loss', or give "
                "X_val and y_val as arrays."
            )
        return None
    if scoring == "loss":
        return partial(_of_logits, of_logits, examples)
    (X, y, sample_weight), chosen = rows, validation.counted
    if chosen is not None:
        X, y = _safe_indexing(X, chosen), _safe_indexing(y, chosen)
        sample_weight = None if sample_weight is None else np.asarray(sample_weight)[chosen]
    scorer = check_scoring(estimator, scoring)  # None is the estimator's own `score`
    return partial(_of_estimator, estimator, scorer, (X, y, sample_weight))
