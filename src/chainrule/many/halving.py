"""Successive halving: many candidates with little, the better ones with more, the best with everything."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log
from typing import Any

import numpy as np

from chainrule.network.types import Array


def amounts(n_candidates: int, factor: float, least: int, most: int, exhaust: bool) -> list[int]:
    """Return how much of the resource each round gives a candidate.

    Parameters
    ----------
    n_candidates : int
        Of the first round; each later one has a `factor`-th of those before it.
    factor : float
        Above 1.
    least, most : int
        What a candidate gets at least in the first round and at most in the last.
    exhaust : bool
        Begin with as much as lets the last round use all.

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
    """Return the better `factor`-th of the candidates, the best one last; those without a score go first.

    Examples
    --------
    >>> survivors(np.array([0.2, np.nan, 0.9, 0.4]), ["a", "b", "c", "d"], 2)
    ['d', 'c']
    """
    order = np.roll(np.argsort(scores), np.count_nonzero(np.isnan(scores)))
    return [candidates[number] for number in order[-ceil(len(candidates) / factor) :]]
