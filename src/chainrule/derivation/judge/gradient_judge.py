"""`check_gradients`: check gradients written by hand, and name the mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.derivation.judge.agreement import Given, Key
from chainrule.derivation.judge.comparison import check_finite, coarser, compared, nearly, not_finite
from chainrule.derivation.judge.given_gradients import Arrays, given_gradients, precisions
from chainrule.derivation.judge.laboratory import closest
from chainrule.derivation.judge.mistakes import KINDS
from chainrule.derivation.judge.search import Explanation, Search
from chainrule.derivation.judge.verdict import GradientVerdict, Mistake, verdict_rows
from chainrule.derivation.models.as_problem import problem_of
from chainrule.derivation.tracing.trace import Trace, check_learning_rate, trace_of

_MOST_MISTAKES = 2
_AS_SINGLE = " up to the rounding of float32"


def check_gradients(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    dW: Arrays = None,
    db: Arrays = None,
    dZ: Arrays = None,
    dA: Arrays = None,
    dE: Arrays = None,
    sample_weight: Any = None,
    learning_rate: float | None = None,
    dropout_step: int | None = 0,
    masks: Sequence[Any] | None = None,
) -> GradientVerdict:
    """Check gradients of a network, and say what is wrong with them.

    An array is right if no entry is off by more than 1e-8 of the largest entry of its tensor. This is far more than
    rounding in float64, and allows careful finite differences of the cost. Errors of small entries are also relative to
    the largest: a factor of 1 + 1e-4 is detected in an entry of at least 1e-4 of the largest. Only if sums cancel to
    less than a millionth of their terms, the error is relative to that millionth.

    A float32 array is right if it is off by no more than rounding explains, and never by more than 5e-5. How far
    rounding moves each tensor is measured on this network and these examples. If it moves a tensor further (units are
    saturated, sums cancel), and the array is off by more than 5e-5, the verdict is `undecided`. float64 arrays that
    hold float32 numbers do not count as float32. Coarser arrays are refused.

    At a corner, such as a ReLU at z = 0, the slopes on both sides and their mean are right. Both sides are also right
    for every z that rounding or underflow may move across a corner. For up to 16 such z every combination of sides is
    tried; for more, only some, so that a right gradient may be called wrong: try other weights or examples.

    Parameters
    ----------
    model : Network, fitted estimator or TableModel, or a model of scikit-learn, PyTorch or Keras
    X, y : array-like
        The examples, as for `trace`.
    dW, db : list of array-like, optional
        ∂J/∂W[l] of shape (n[l], n[l-1]) and ∂J/∂b[l] of shape (n[l], 1), for the layers 1 to L, penalty included.
        A missing one may be None. A list of L + 1 with None first, as in a `Trace`, is also accepted.
    dZ, dA : list of array-like, optional
        The derivatives of each example's loss, of shape (n[l], m), without the factor 1/m.
    dE : None
        Not checked: no mistakes are known for embeddings. `gradcheck` compares their gradients with finite differences.
    sample_weight, dropout_step
        As for `trace`.
    learning_rate : float, optional
        The learning rate with which weights may have been updated too early; by default it is found from the numbers.
    masks : list of ndarray, optional
        The dropout factors that were used, one for each of A[0] to A[L-1] (None if nothing was dropped); by default
        they are drawn.

    Returns
    -------
    GradientVerdict
        `.ok` if every array is right, `.undecided`, `.mistakes` (`.id`, `.tensor`, `.explanation`, `.residual`) and
        `.rows`, one for each array; print it. If there is NaN or infinity, the first one is named, and no mistakes are
        searched.

    Raises
    ------
    ShapeError
        If an array has a shape that no known mistake gives; the message says which was expected and why.
    InvalidParameterError
        If no array is given, or dE, or an array in half precision; if learning_rate is not a finite number.
    ChainruleError
        If the network's own gradient is not finite.

    Examples
    --------
    >>> from chainrule import Dense, Network, check_gradients, trace
    >>> net = Network([Dense(3, "tanh"), Dense(1, "sigmoid")], n_inputs=2, seed=1)
    >>> X, Y = np.array([[0.0, 1, 0, 1], [0, 0, 1, 1]]), np.array([[0.0, 1, 1, 0]])
    >>> right = trace(net, X, Y)
    >>> check_gradients(net, X, Y, dW=right.dW, db=right.db).ok
    True
    >>> summed = [4 * d for d in right.dW[1:]]
    >>> [mistake.id for mistake in check_gradients(net, X, Y, dW=summed).mistakes]
    ['times_m']
    """
    if dE is not None:
        raise InvalidParameterError("dE is not judged, only dW, db, dZ and dA: check embeddings with gradcheck.")
    if learning_rate is not None:
        check_learning_rate(learning_rate)
    problem = problem_of(model, X, y, sample_weight=sample_weight, dropout_step=dropout_step, masks=masks)
    trace = trace_of(replace(problem, gradient=None))
    tensors = {"dW": dW, "db": db, "dZ": dZ, "dA": dA}
    given = given_gradients(trace, tensors)
    if not given:
        raise InvalidParameterError("give at least one of dW, db, dZ, dA to be judged, one array per layer 1 to L.")
    return judge(trace, given, precisions(trace, tensors), learning_rate)


@np.errstate(over="ignore", invalid="ignore")  # values that overflow explain nothing
def judge(
    trace: Trace, given: Given, precision: Mapping[Key, float], learning_rate: float | None = None
) -> GradientVerdict:
    """Check arrays by name and layer, each with a known precision.

    A wrong float64 array may have been computed in float32. It is still wrong; but mistakes are searched a second time,
    up to the rounding of float32.
    """
    check_finite(trace, given)
    if not all(np.isfinite(array).all() for array in given.values()):
        return not_finite(trace, given, precision)
    verdict, agreements = compared(trace, given, precision)
    if verdict.ok or verdict.undecided:
        return verdict
    named = _named([Search(agreement, given, learning_rate) for agreement in agreements])
    if named is not None:
        return named
    note = nearly(agreements[0], given)
    if not note:
        named = _named([Search(agreement, given, learning_rate) for agreement in coarser(agreements)], _AS_SINGLE)
    return named if named is not None else replace(verdict, closest=closest(trace, given), note=note)


def _named(searches: list[Search], note: str = "") -> GradientVerdict | None:
    """Return the verdict with the fewest mistakes, or None if none explain the arrays."""
    for n in range(1, _MOST_MISTAKES + 1):
        for search in searches:
            explanations = _explanations(search, n)
            if explanations:
                return GradientVerdict(False, _mistakes(search.trace, explanations), verdict_rows(search), note=note)
    return None


def _explanations(search: Search, n: int) -> list[Explanation]:
    """Return all explanations with n mistakes; there are several if the network cannot tell them apart."""
    sets = (frozenset(ids) for ids in combinations(KINDS, n))
    return [explanation for ids in sets if (explanation := search.explain(ids)) is not None]


def _mistakes(trace: Trace, explanations: list[Explanation]) -> tuple[Mistake, ...]:
    """Return one entry for each mistake; those that are not in all explanations are alternatives to each other."""
    certain = frozenset.intersection(*(explanation.ids for explanation in explanations))
    places: dict[str, list[str]] = {}
    for explanation in explanations:
        for id_, tensor in explanation.places:
            if tensor not in places.setdefault(id_, []):
                places[id_].append(tensor)
    doubtful = tuple(id_ for id_ in places if id_ not in certain)
    residual = min(explanation.residual for explanation in explanations)
    rate = next((e.rate for e in explanations if e.rate is not None), None)
    return tuple(
        Mistake(
            id_,
            tensors[0],
            tuple(tensors),
            _words(trace, id_, rate),
            residual,
            () if id_ in certain else tuple(other for other in doubtful if other != id_),
        )
        for id_, tensors in places.items()
    )


def _words(trace: Trace, id_: str, rate: float | None) -> str:
    kind = KINDS[id_]
    known = f" (with learning rate {rate:.4g})" if id_ == "updated_weights" and rate is not None else ""
    known = f" (m = {trace.problem.m})" if id_ in ("times_m", "divided_twice_by_m") else known
    return f"{kind.what[0].upper()}{kind.what[1:]}{known}. {kind.cure}"
