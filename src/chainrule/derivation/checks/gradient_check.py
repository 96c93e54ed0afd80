"""`gradcheck`: every gradient of a model against differences of its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule._errors import ChainruleError, InvalidParameterError
from chainrule.derivation.checks.differences import Pass
from chainrule.derivation.checks.directions import Measured, Tensor, examples_within_reach, measured
from chainrule.derivation.checks.gradient_check_result import GradientCheck, Row
from chainrule.derivation.models.as_problem import problem_of, some_examples
from chainrule.derivation.models.problem import Problem
from chainrule.network.types import Array

_SLACK = 4.0  # times the noise that is expected, before a difference counts
_VISIBLE = 5e-5  # an error of so much must show above the noise, or there is nothing to say


def gradcheck(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    dropout_step: int | None = 0,
    loss: str | None = None,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> GradientCheck:
    """Check every gradient of a model against central differences of its cost J.

    The differences are of fourth order, in float64, each with a step that suits its example. Where J has a corner (a
    ReLU at 0, an L1 penalty at w = 0) there is no derivative: such entries are skipped and counted, and so are examples
    of which a Z is exactly there. Of a large network a sample of entries is measured, and random projections, in which
    every entry takes part; of very many examples a sample is taken.

    Parameters
    ----------
    model : Network, fitted estimator or TableModel, or a model of scikit-learn, PyTorch or Keras
        For another library's model the gradient is that library's own.
    X, y : array-like
        The examples: rows, or for a `Network` columns. For a `TableModel` X is a table with its target, y is None.
    sample_weight : array-like of shape (m,), optional
    dropout_step : int or None, default 0
        The training step whose dropout masks are drawn and frozen; None switches dropout off.
    loss : str, optional
        For a model that carries none (PyTorch, Keras); by default its last activation decides.
    tolerance : float, default 1e-6
        The relative error, above what rounding explains, from which a gradient counts as wrong.
    seed : int, default 0
        Decides what is sampled.

    Returns
    -------
    GradientCheck

    Raises
    ------
    InvalidParameterError
        If the model is of an unknown kind, or a parameter out of range.
    ShapeError, TargetError
        If the data do not fit the model.

    Examples
    --------
    >>> from chainrule import Dense, Network, gradcheck
    >>> net = Network([Dense(3, "tanh"), Dense(1, "sigmoid")], n_inputs=2)
    >>> check = gradcheck(net, [[0.0, 1.0, 2.0], [1.0, 1.0, -1.0]], [[1.0, 0.0, 1.0]])
    >>> check.ok, [row.tensor for row in check.rows]
    (True, ['dW[1]', 'dW[2]', 'db[1]', 'db[2]'])
    """
    if isinstance(tolerance, bool) or not (isinstance(tolerance, int | float) and 0 < tolerance < 1):
        raise InvalidParameterError(f"tolerance must be a number above 0 and below 1, got {tolerance!r}.")
    if isinstance(seed, bool) or not (isinstance(seed, int | np.integer) and seed >= 0):
        raise InvalidParameterError(f"seed must be a whole number of at least 0, got {seed!r}.")
    problem = problem_of(model, X, y, sample_weight=sample_weight, dropout_step=dropout_step, loss=loss)
    random, m = np.random.default_rng(seed), problem.m
    smooth = np.flatnonzero(~Pass(problem).at_corner)
    if 0 < len(smooth) < m:
        problem = some_examples(problem, smooth)
    at_kink = m - problem.m
    within_reach = examples_within_reach(problem)
    if problem.m > within_reach:
        problem = some_examples(problem, _drawn(problem, within_reach, random))
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        return GradientCheck(_rows(problem, tolerance, random), problem, m, at_kink)


def _drawn(problem: Problem, count: int, random: np.random.Generator) -> Array:
    """Some of the examples that count."""
    weighted = np.arange(problem.m) if problem.weights is None else np.flatnonzero(problem.weights)
    return np.sort(random.choice(weighted, min(count, len(weighted)), replace=False))


def _rows(problem: Problem, tolerance: float, random: np.random.Generator) -> tuple[Row, ...]:
    stated = replace(problem.parameters, theta=np.asarray(problem.theta_gradient(), np.float64))
    start, layers = Pass(problem), range(1, problem.architecture.L + 1)
    if not np.isfinite(start.losses).all():
        raise ChainruleError(
            "the cost J is not finite here, so there is nothing to compare; look at the model's weights."
        )
    W, b, E = problem.parameters.W, problem.parameters.b, problem.parameters.E
    tensors = [Tensor(f"dW[{l}]", l, W[l], stated.W[l]) for l in layers]
    tensors += [Tensor(f"db[{l}]", l, b[l], stated.b[l]) for l in layers]
    tensors += [Tensor(f"dE[{j}]", 1, E[j], stated.E[j], j) for j in range(len(E))]
    return tuple(_row(tensor, list(measured(start, tensor, random)), tolerance) for tensor in tensors)


def _row(tensor: Tensor, all_: Sequence[Measured], tolerance: float) -> Row:
    seen = [one for one in all_ if not one.at_corner]
    stated, numeric, slack = np.array([(one.stated, one.numeric, one.slack) for one in seen]).reshape(-1, 3).T
    size = np.maximum(np.abs(stated), np.abs(numeric))
    error = np.abs(stated - numeric)
    beyond = ~(error <= tolerance * size + _SLACK * slack) & np.isfinite(numeric + slack)  # a stated NaN is beyond
    scale, power = float(np.linalg.norm(size)), float(numeric @ numeric)
    ratio = float(stated @ numeric) / power if power else float("nan")
    worst = seen[int(np.argmax(np.where(beyond, error, -1)))] if beyond.any() else None
    exact = bool((np.abs(stated - ratio * numeric) <= 1e-5 * size + _SLACK * (1 + abs(ratio)) * slack).all())
    return Row(
        tensor.name,
        float(np.linalg.norm(error)) / scale if scale else 0.0,
        ratio,
        checked=sum(one.entry is not None for one in seen),
        skipped=len(all_) - len(seen),
        entries=tensor.value.size,
        projections=sum(one.entry is None for one in seen),
        verdict=_verdict(beyond, scale, _SLACK * float(np.linalg.norm(slack))),
        worst=(worst.entry, worst.stated, worst.numeric) if worst else None,
        proportional=exact,
    )


def _verdict(beyond: Any, scale: float, noise: float) -> str:
    if not len(beyond):
        return "at a kink"
    if beyond.any():
        return "wrong"
    if not np.isfinite(noise):
        return "overflow"
    return "ok" if scale == 0 or noise <= _VISIBLE * scale else "too small to check"
