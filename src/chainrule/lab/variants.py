"""Backpropagation with one mistake, for students to find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from chainrule._errors import ChainruleError, InvalidParameterError, nearest
from chainrule.derivation.judge.laboratory import wrong_pass
from chainrule.derivation.judge.mistakes import KINDS, Kind
from chainrule.derivation.models.as_problem import problem_of
from chainrule.derivation.tracing.trace import Trace, trace_of
from chainrule.network.draws import generator
from chainrule.network.propagate import Gradients

VARIANTS: Mapping[str, Kind] = MappingProxyType(KINDS)
"""Every known mistake by id: `.id`, `.what` was done, and its `.cure`."""

_TENSORS = ("dZ", "dA", "dW", "db")
_SAME = 1e-9  # relative to a tensor's largest entry


@dataclass(frozen=True)
class Answer:
    """The mistake that was made, and others that give the same numbers for this network."""

    id: str
    explanation: str
    indistinguishable_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mystery:
    """Gradients with a mistake; printing them does not reveal it.

    Attributes
    ----------
    gradients : Gradients
        `dZ, dA, dW, db`, lists indexed by layer; entries of layer 0 that do not exist are None.
    answer : Answer
    """

    gradients: Gradients
    answer: Answer

    def __repr__(self) -> str:
        return (
            f"Mystery(dZ, dA, dW and db of {len(self.gradients.dW) - 1} layers, with one mistake; .answer tells which)"
        )


def variants(model: Any, X: Any, y: Any = None, *, sample_weight: Any = None) -> tuple[str, ...]:
    """Return the ids of the mistakes that change the gradients of a network on these examples.

    Parameters
    ----------
    model : Network, fitted estimator or TableModel, or a model of scikit-learn, PyTorch or Keras
    X, y, sample_weight : array-like
        The examples, as for `trace`.

    Examples
    --------
    >>> from chainrule import Dense, Network, lab
    >>> net = Network([Dense(1, "sigmoid")], n_inputs=2, seed=1)
    >>> lab.variants(net, [[0.0], [1.0]], [[1.0]])
    ('sign', 'transposed', 'missing_bias', 'wrong_layer_activations', 'accumulated')
    """
    return tuple(_wrong(trace_of(problem_of(model, X, y, sample_weight=sample_weight))))


def wrong_gradients(
    model: Any,
    X: Any,
    y: Any,
    mistake: str,
    *,
    learning_rate: float = 0.1,
    sample_weight: Any = None,
    dropout_step: int | None = 0,
) -> Gradients:
    """Run backpropagation with a mistake, made where it is usually made.

    Parameters
    ----------
    model, X, y, sample_weight, dropout_step
        As for `trace`; for a `TableModel` y is None.
    mistake : str
        A key of `VARIANTS`.
    learning_rate : float, default 0.1
        The learning rate of the early update of "updated_weights".

    Returns
    -------
    Gradients
        `dZ, dA, dW, db`, lists indexed by layer; dW includes the penalty.

    Raises
    ------
    InvalidParameterError
        If the mistake is unknown, or makes no difference in this network (`variants` lists those that do).

    Examples
    --------
    >>> from chainrule import Dense, Network, check_gradients, lab
    >>> net = Network([Dense(3, "tanh"), Dense(1, "sigmoid")], n_inputs=2, seed=1)
    >>> X, Y = np.array([[0.0, 1, 0, 1], [0, 0, 1, 1]]), np.array([[0.0, 1, 1, 0]])
    >>> wrong = lab.wrong_gradients(net, X, Y, "updated_weights")
    >>> [mistake.id for mistake in check_gradients(net, X, Y, dW=wrong.dW, db=wrong.db).mistakes]
    ['updated_weights']
    """
    if mistake not in VARIANTS:
        raise InvalidParameterError(f"mistake={mistake!r} is not known. {nearest(mistake, VARIANTS)}")
    if not np.isfinite(learning_rate):
        raise InvalidParameterError(f"learning_rate must be a finite number, got {learning_rate!r}.")
    trace = trace_of(problem_of(model, X, y, sample_weight=sample_weight, dropout_step=dropout_step))
    made = wrong_pass(trace.problem, mistake, learning_rate)
    if _same(made, trace):
        raise InvalidParameterError(
            f"mistake={mistake!r} makes no difference in this network on these examples; choose one that does: "
            f"{', '.join(_wrong(trace))}."
        )
    return made


def mystery(model: Any, X: Any, y: Any = None, *, seed: int = 0, sample_weight: Any = None) -> Mystery:
    """Run backpropagation with a mistake drawn by the seed among those that make a difference.

    Parameters
    ----------
    model, X, y, sample_weight
        As for `trace`.
    seed : int, default 0

    Returns
    -------
    Mystery
        `.gradients`, and `.answer`, which printing does not show.

    Examples
    --------
    >>> from chainrule import Dense, Network, lab
    >>> net = Network([Dense(3, "tanh"), Dense(1, "sigmoid")], n_inputs=2, seed=1)
    >>> X, Y = np.array([[0.0, 1, 0, 1], [0, 0, 1, 1]]), np.array([[0.0, 1, 1, 0]])
    >>> puzzle = lab.mystery(net, X, Y, seed=3)
    >>> puzzle
    Mystery(dZ, dA, dW and db of 2 layers, with one mistake; .answer tells which)
    >>> puzzle.answer.id
    'updated_weights'
    """
    trace = trace_of(problem_of(model, X, y, sample_weight=sample_weight))
    wrong = _wrong(trace)
    if not wrong:
        raise ChainruleError("no known mistake makes a difference here: every gradient of these examples is 0.")
    id_ = list(wrong)[int(generator(seed, "mystery").integers(len(wrong)))]
    twins = tuple(other for other in wrong if other != id_ and _same(wrong[other], wrong[id_]))
    kind, made = VARIANTS[id_], wrong[id_]
    return Mystery(made, Answer(id_, f"{kind.what}. {kind.cure}", twins))


def _wrong(trace: Trace) -> dict[str, Gradients]:
    """Return the gradients of every mistake that makes a difference."""
    every = {id_: wrong_pass(trace.problem, id_) for id_ in VARIANTS}
    return {id_: made for id_, made in every.items() if not _same(made, trace)}


def _same(one: Gradients | Trace, other: Gradients | Trace) -> bool:
    pairs = ((getattr(one, name)[l], getattr(other, name)[l]) for name in _TENSORS for l in range(1, len(other.dW)))
    return all(a is None or (a.shape == b.shape and _near(a, b)) for a, b in pairs)


def _near(a: Any, b: Any) -> bool:
    return bool(np.max(np.abs(a - b), initial=0.0) <= _SAME * np.max(np.abs(b), initial=0.0))
