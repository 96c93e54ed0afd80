"""From a model of any kind and its data to a `Problem`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np

from chainrule._errors import ChainruleError, InvalidParameterError, ShapeError, TargetError
from chainrule.derivation.models.problem import Problem, dense, relative
from chainrule.network.dropout import Masks, dropout_masks
from chainrule.network.network import Network
from chainrule.network.parameters import Parameters
from chainrule.network.types import Array


def problem_of(
    model: Any,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    dropout_step: int | None = 0,
    masks: Sequence[Any] | None = None,
    loss: str | None = None,
) -> Problem:
    """The problem of a model on data, as the model's own library would take them.

    Parameters
    ----------
    model : Network, estimator, TableModel, or a model of scikit-learn, PyTorch or Keras
    X, y : array-like
        Rows are examples; for a `Network` columns are. For a `TableModel` X is the table and y None.
    sample_weight : array-like of shape (m,), optional
    dropout_step : int or None, default 0
        The training step whose dropout masks are frozen; None switches dropout off.
    masks : list of ndarray or None, optional
        The dropout factors of A[0] to A[L-1] instead, None where nothing is dropped.
    loss : str, optional
        For a model that carries none: one of PyTorch or Keras. By default its last activation decides.

    Raises
    ------
    ShapeError, TargetError
        If the data do not fit the model.
    InvalidParameterError
        If the model is of a kind that is not known here.
    """
    problem, seed = as_problem(model, X, y, sample_weight, loss)
    if not problem.m:
        raise ShapeError("at least one example is needed, got none.")
    return replace(
        problem, masks=_masks(problem, seed, dropout_step) if masks is None else _given_masks(problem, masks)
    )


def _masks(problem: Problem, seed: int, step: int | None) -> Masks | None:
    """Draw the factors that training would draw for these examples at a step."""
    if step is not None and (not isinstance(step, int | np.integer) or step < 0):
        raise InvalidParameterError(f"dropout_step must be a step of training from 0 on, or None, got {step!r}.")
    architecture = problem.architecture
    if step is None or not architecture.drops:
        return None
    keys, dtype = np.arange(problem.m, dtype=np.uint64), np.dtype(np.float64)
    return dropout_masks(architecture.dropout, architecture.widths, keys, seed=seed, step=int(step), dtype=dtype)


def _given_masks(problem: Problem, masks: Sequence[Any]) -> Masks:
    widths, m = problem.architecture.widths, problem.m
    given = [None if mask is None else dense(mask) for mask in masks]
    shapes = [(n, m) for n in widths[:-1]]
    fits = len(given) == len(shapes) and all(
        mask is None or mask.shape == shape for mask, shape in zip(given, shapes, strict=True)
    )
    if not fits:
        got = [None if mask is None else mask.shape for mask in given]
        raise ShapeError(
            f"masks must be one array or None for each of A[0] to A[L-1], of the shapes {shapes}; got {got}."
        )
    return given


@singledispatch
def as_problem(model: Any, X: Any, y: Any, sample_weight: Any, loss: str | None = None) -> tuple[Problem, int]:
    """The problem without dropout, and the seed of its draws; one implementation for each kind of model."""
    if hasattr(model, "to_dataset"):
        _refuse_loss(loss, model)
        return _of_estimator(model, X, y, sample_weight)
    if hasattr(model, "encoder") and hasattr(model, "target"):
        _refuse_loss(loss, model)
        return _of_table_model(model, X, y, sample_weight)
    of_library = _of_another_library(model)
    if of_library is not None:
        return of_library(model, X, y, sample_weight, loss), 0
    raise InvalidParameterError(
        f"model must be a Network, a fitted estimator or a TableModel of chainrule, or a fitted MLP of scikit-learn, a "
        f"PyTorch Sequential or a Keras Sequential of dense layers; got {type(model).__name__}."
    )


def _of_another_library(model: Any) -> Callable[[Any, Any, Any, Any, str | None], Problem] | None:
    """What makes the problem of a model, by the library of its class, so that none is imported before it is used."""
    for kind in type(model).__mro__:
        library = kind.__module__.partition(".")[0]
        if library == "sklearn":
            from chainrule.derivation.models.scikit_learn import problem_of_sklearn

            return problem_of_sklearn
        if library == "torch":
            from chainrule.derivation.models.pytorch import problem_of_torch

            return problem_of_torch
        if library == "keras":
            from chainrule.derivation.models.keras import problem_of_keras

            return problem_of_keras
    return None


def _refuse_loss(loss: str | None, model: Any) -> None:
    if loss is not None:
        raise InvalidParameterError(f"loss is for models that carry none; this {type(model).__name__} has its own.")


@as_problem.register
def _(model: Network, X: Any, y: Any, sample_weight: Any, loss: str | None = None) -> tuple[Problem, int]:
    _refuse_loss(loss, model)
    parameters = model.parameters
    X = columns("X", X, model.architecture.n_columns)
    Y = columns("y", y, parameters.widths[-1])
    if X.shape[1] != Y.shape[1]:
        raise ShapeError(f"X and y must have as many columns (examples), got {X.shape[1]} and {Y.shape[1]}.")
    model.architecture.loss.check_target(Y)
    weights = relative(sample_weight, X.shape[1])
    return Problem(model.architecture, as_float64(parameters), X, Y, weights), model.seed


def _of_estimator(model: Any, X: Any, y: Any, sample_weight: Any) -> tuple[Problem, int]:
    table = model.to_dataset(X, y, sample_weight)
    network = model.network_
    return (
        Problem(
            network.architecture,
            as_float64(network.parameters),
            dense(table.X).T,
            np.asarray(table.Y, np.float64).T,
            relative(table.weights, len(table.Y)),
        ),
        network.seed or 0,
    )


def _of_table_model(model: Any, table: Any, y: Any, sample_weight: Any) -> tuple[Problem, int]:
    if y is not None:
        raise TargetError("a TableModel finds its target in the table: give y as None.")
    table = model.read(table)
    rows = np.flatnonzero(~model.target.missing(table))
    X, Y = dense(model.encoder.transform(table, rows)), dense(model.target.to_network(model.target.encode(table, rows)))
    weights = relative(sample_weight, len(X))
    return Problem(model.architecture, as_float64(model.parameters), X.T, Y.T, weights), int(
        model.training.get("seed", 0)
    )


def columns(name: str, values: Any, n: int) -> Array:
    """Check that an array has n rows, one column per example, and only finite numbers."""
    values = dense(values)
    if values.ndim != 2 or values.shape[0] != n:
        raise ShapeError(
            f"{name} must have {n} rows and one column per example, since a Network is in textbook orientation; "
            f"got shape {values.shape}."
        )
    if not np.isfinite(values).all():
        raise ChainruleError(f"{name} must be finite; it has NaN or infinity.")
    return values


def some_examples(problem: Problem, examples: Array) -> Problem:
    """The problem on some of its examples."""
    return replace(
        problem,
        X=problem.X[:, examples],
        Y=problem.Y[:, examples],
        weights=None if problem.weights is None else relative(problem.weights[examples], len(examples)),
        masks=problem.masks and [None if mask is None else mask[:, examples] for mask in problem.masks],
    )


def as_float64(parameters: Parameters) -> Parameters:
    """The parameters in float64, in which differences can be taken."""
    return replace(parameters, theta=parameters.theta.astype(np.float64))
