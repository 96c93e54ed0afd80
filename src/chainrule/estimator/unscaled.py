"""Inputs and targets whose units keep the solver from learning: what training would not say by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule._errors import warn
from chainrule.estimator.settings import Settings
from chainrule.network.base_rate import base_rate
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.input_scale import moments_of
from chainrule.network.losses import Loss
from chainrule.network.types import Array
from chainrule.scale.stored import StoredRows

_LOOKED_AT = 4096  # rows
_LARGE, _SMALL = 300.0, 0.01  # beyond them weights of the usual size make far too much, or nothing, of an input
_FAR = 5.0  # widths of its range that an input may lie from 0
_TINY = 0.01  # a loss of the best constant answer that only a target in small units has
_OF_THE_LOSS = 0.3  # how large `tol` may be beside it


def warn_of_unscaled(
    settings: Settings, loss: Loss, examples: Examples | StoredRows, embeddings: tuple[Embedding, ...], judged: bool
) -> None:
    """Warn, after a training, of inputs in units in which it comes to little, and of such a target.

    L-BFGS is told in relative terms when to stop, and takes inputs in any units; but a penalty is on the weights of the
    inputs as they are.
    """
    if settings.solver == "lbfgs" and not (settings.hidden and settings.alpha):
        return
    X, Y, weights = _some(examples)
    _warn_of_inputs(X, embeddings)
    if settings.solver != "lbfgs" and math.isfinite(settings.n_iter_no_change) and not judged:
        _warn_of_tol(settings.tol, loss, Y, weights)


def _some(examples: Examples | StoredRows) -> tuple[Any, Array, Array | None]:
    """Return some of the rows, from all parts of a table in memory."""
    if isinstance(examples, StoredRows):
        examples = examples.read(0, min(examples.m, _LOOKED_AT)).examples
    places = np.unique(np.linspace(0, examples.m - 1, min(examples.m, _LOOKED_AT)).astype(np.intp))
    return examples.batch(places, np.dtype(np.float64))


def _warn_of_inputs(X: Any, embeddings: tuple[Embedding, ...]) -> None:
    """Name the column that is worst off."""
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


def _warn_of_tol(tol: float, loss: Loss, Y: Array, weights: Array | None) -> None:
    """Warn of a `tol` that is no small part of what there is to be learned, where not it but the target is to blame."""
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
