"""What a search tries: which parameters, and in how many rounds with how much of the resource."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.utils.validation import _num_samples

from chainrule._errors import InvalidParameterError
from chainrule.many.evaluation import Evaluations
from chainrule.many.halving import amounts


def candidates_of(param_grid: Any, n_iter: int | None, seed: int, resource: str | None) -> list[dict[str, Any]]:
    """Return all combinations of a grid, or `n_iter` random ones.

    Raises
    ------
    InvalidParameterError
        If the resource of halving is among the parameters.

    Examples
    --------
    >>> candidates_of({"alpha": [0.1, 1.0], "max_iter": [50]}, None, 0, None)
    [{'alpha': 0.1, 'max_iter': 50}, {'alpha': 1.0, 'max_iter': 50}]
    """
    drawn = ParameterGrid(param_grid) if n_iter is None else ParameterSampler(param_grid, n_iter, random_state=seed)
    candidates = list(drawn)
    if any(resource in candidate for candidate in candidates):
        raise InvalidParameterError(
            f"{resource} is the resource and cannot be searched over as well: take it out of param_grid."
        )
    return candidates


def plan_of(search: Any, shared: Evaluations, n_candidates: int) -> list[Any]:
    """Return how much of the resource each round gives; without halving a single round, of None.

    Raises
    ------
    InvalidParameterError
        If the least is more than the most.
    """
    if search.resource is None:
        return [None]
    rows, least, most = search.resource == "n_samples", search.min_resources, search.max_resources
    if most == "auto":
        most = _num_samples(shared.X) if rows else search.estimator.get_params()[search.resource]
    if least == "exhaust":  # scikit-learn's smallest: two rows of each class for each split
        classes = len(np.unique(shared.y)) if is_classifier(search.estimator) else 1
        least = 2 * len(shared.splits) * classes if rows else 1
    if least > most:
        raise InvalidParameterError(
            f"halving needs min_resources <= max_resources, got {least!r} and {most!r} of {search.resource!r}."
        )
    return amounts(n_candidates, search.factor, int(least), int(most), search.min_resources == "exhaust")
