"""The candidates of a search, and the rounds of successive halving: many with little, the best with everything."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log
from typing import Any

import numpy as np
from sklearn.model_selection import ParameterGrid, ParameterSampler

from chainrule._errors import InvalidParameterError
from chainrule.network.types import Array


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


def amounts(n_candidates: int, factor: float, least: int, most: int, exhaust: bool) -> list[int]:
    """Return how much of the resource a candidate gets in each round.

    Parameters
    ----------
    n_candidates : int
        Of the first round; each later round has a `factor`-th of those before it.
    factor : float
        Above 1.
    least, most : int
        The least of the first round and the most of the last.
    exhaust : bool
        Raise the first amount so far that the last round uses all of the resource.

    References
    ----------
    K. Jamieson and A. Talwalkar (2016), Non-stochastic best arm identification and hyperparameter optimization.

    Examples
    --------
    >>> amounts(9, 3, 1, 90, exhaust=True), amounts(9, 3, 20, 90, exhaust=False)
    ([10, 30, 90], [20, 60])
    """
    required = 1 + floor(log(n_candidates, factor))
    if exhaust:
        least = max(least, int(most // factor ** (required - 1)))
    possible = 1 + floor(log(most // least, factor))
    return [min(int(factor**k * least), most) for k in range(min(possible, required))]


def survivors(scores: Array, candidates: Sequence[Any], factor: float) -> list[Any]:
    """Return the better `factor`-th of the candidates, the best one last; candidates without a score rank lowest.

    Examples
    --------
    >>> survivors(np.array([0.2, np.nan, 0.9, 0.4]), ["a", "b", "c", "d"], 2)
    ['d', 'c']
    """
    order = np.roll(np.argsort(scores), np.count_nonzero(np.isnan(scores)))
    return [candidates[number] for number in order[-ceil(len(candidates) / factor) :]]
