"""Warn of inputs and targets whose units keep the solver from learning."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule._errors import DivergenceError, warn
from chainrule.fit.dataset import Dataset
from chainrule.fit.parameters import Settings
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.losses import Loss
from chainrule.network.training.initial_bias import base_rate
from chainrule.network.training.input_scale import moments_of
from chainrule.network.types import Array
from chainrule.outofcore.rows import DivisibleRows

_NUMBERS = ("identity", "ascending")  # outputs in units of the target
_LOOKED_AT = 4096  # rows inspected
_LARGE, _SMALL = 300.0, 0.01  # sizes at which usual weights give an input far too much effect, or none
_FAR = 5.0  # most distance of an input from 0, in widths of its range
_TINY = 0.01  # a smaller loss of the best constant prediction means a target in small units
_OF_THE_LOSS = 0.3  # largest `tol` relative to that loss
_UNSEEN = 1e-3  # relative to the loss of another output: with one learning rate for all, less is not learned
_VANISHING = 1e-146  # deviations whose squares lose digits, or are 0


def warn_of_unscaled(settings: Settings, loss: Loss, dataset: Dataset, judged: bool) -> None:
    """Warn, after a training, of inputs and of a target whose units are unsuitable.

    L-BFGS has a relative stopping criterion and accepts inputs in any units; but a penalty depends on the units of the
    inputs.
    """
    X, Y, weights = _some(dataset.examples)
    if loss.output.name in _NUMBERS:
        _warn_of_vanishing(Y)
    if settings.solver == "lbfgs" and not (settings.hidden and settings.alpha):
        return
    _warn_of_inputs(X, dataset.embeddings)
    if settings.solver != "lbfgs" and loss.output.name == "identity" and not loss.sums_outputs:
        _warn_of_outputs(loss, Y, weights)
    if settings.solver != "lbfgs" and math.isfinite(settings.n_iter_no_change) and not judged:
        _warn_of_tol(settings.tol, loss, Y, weights)


def blamed_on_target(error: DivergenceError, loss: Loss, dataset: Dataset) -> DivergenceError:
    """Return the error that training raised, with a message about the target if it alone makes the loss infinite."""
    if loss.output.name not in _NUMBERS:
        return error
    Y, _ = dataset.targets
    with np.errstate(all="ignore"):
        Z = base_rate(loss, Y.mean(axis=1))[:, None]
        finite = np.isfinite(loss.per_example(np.broadcast_to(Z, Y.shape), Y).sum())
    if finite:
        return error
    words = (
        f"Solver produced non-finite parameter weights: y holds numbers as large as {np.abs(Y).max():.3g}, and the "
        "loss of them is no number. Scale y."
    )
    return DivergenceError(words, step=error.step, tensor=error.tensor, layer=error.layer)


def _some(examples: Examples | DivisibleRows) -> tuple[Any, Array, Array | None]:
    """Return some of the rows, evenly spaced if the table is in memory."""
    if not isinstance(examples, Examples):
        examples = examples.read(0, min(examples.m, _LOOKED_AT)).examples
    places = np.unique(np.linspace(0, examples.m - 1, min(examples.m, _LOOKED_AT)).astype(np.intp))
    return examples.batch(places, np.dtype(np.float64))


def _warn_of_inputs(X: Any, embeddings: tuple[Embedding, ...]) -> None:
    """Warn of the column with the worst scale."""
    with np.errstate(all="ignore"):
        count, mean, squares, low, high = moments_of(X, np.ones(X.shape[1]))
        deviation, largest = np.sqrt(squares / count), np.maximum(np.abs(low), np.abs(high))
        factors = [
            np.hypot(mean, deviation) / _LARGE,
            np.where(largest > 0, _SMALL / largest, 0),
            np.where(high > low, np.abs(mean) / (high - low) / _FAR, 0),
        ]
        factor = np.nan_to_num(np.max(factors, axis=0), posinf=0)
    factor[[embedding.column for embedding in embeddings]] = 0
    worst = int(np.argmax(factor))
    if factor[worst] > 1:
        warn(
            f"column {worst} of X has the mean {mean[worst]:.3g} and the deviation {deviation[worst]:.3g}. A network "
            "learns slowly or not at all from inputs that are not near 0 and about 1 in size: scale X (in an MLP with "
            "scale=True)."
        )


def _warn_of_vanishing(Y: Array) -> None:
    """Warn of an output that varies by so little that the squares round to 0."""
    with np.errstate(over="ignore"):
        spread = np.ptp(Y, axis=1)
    lost = np.flatnonzero((spread > 0) & (spread < _VANISHING))
    if lost.size:
        warn(
            f"{_column(lost[0], Y)} varies by {spread[lost[0]]:.2g} only, and squares of that round to 0: what was "
            "learned of it is nothing, or inexact. Scale y."
        )


def _warn_of_outputs(loss: Loss, Y: Array, weights: Array | None) -> None:
    """Warn of an output whose share of the loss is too small to be learned together with the others."""
    with np.errstate(all="ignore"):
        Z = base_rate(loss, np.average(Y, axis=1, weights=weights))[:, None]
        constant = np.average(loss.value(np.broadcast_to(Z, Y.shape), Y), axis=1, weights=weights)
        varies = np.ptp(Y, axis=1) > 0
    least, largest = int(np.argmin(np.where(varies, constant, np.inf))), int(np.argmax(constant))
    if varies[least] and constant[least] < _UNSEEN * constant[largest]:
        scaled = "" if "delta" in loss.parameters else " (an MLPRegressor does with standardize_target=True)"
        warn(
            f"{_column(least, Y)} is hardly learned: the loss of the best constant answer is {constant[least]:.2g} for "
            f"it, and {constant[largest]:.2g} for column {largest}. Bring the columns of y to one size{scaled}, or fit "
            "them apart."
        )


def _column(output: int, Y: Array) -> str:
    return "y" if len(Y) == 1 else f"column {output} of y"


def _warn_of_tol(tol: float, loss: Loss, Y: Array, weights: Array | None) -> None:
    """Warn if `tol` is large relative to the loss because the target is in small units."""
    with np.errstate(all="ignore"):
        Z = base_rate(loss, np.average(Y, axis=1, weights=weights))[:, None]
        constant = float(np.average(loss.per_example(np.broadcast_to(Z, Y.shape), Y), weights=weights))
    if (Y[:, :1] != Y).any() and 0 < constant < min(tol / _OF_THE_LOSS, _TINY):
        advice = "Scale y (an MLPRegressor does with standardize_target=True), or lower tol."
        if "delta" in loss.parameters:
            advice = "Give delta, which is in the units of y, about the size of y's deviation, or lower tol."
        warn(
            f"tol={tol:g} is large beside {constant:.2g}, the loss of the best constant answer: training may have "
            f"ended before it had learned anything. {advice}"
        )
