"""Standardise a regression target, so that one learning rate suits targets in any units."""

from __future__ import annotations

import numpy as np

from chainrule._errors import InvalidParameterError, TargetError
from chainrule.network.losses import Loss
from chainrule.network.types import Array
from chainrule.table.encoding.statistics import mean_and_deviation, merged
from chainrule.table.target import Target

# Losses that only change by a factor when prediction and target are divided by the same number.
_HOMOGENEOUS = ("squared_error", "absolute_error", "huber", "quantile", "pinball")
_LINEAR = ("identity", "ascending")  # unbounded outputs; several quantiles stay in order in any units
_BAD = 10.0  # a deviation above this or below its inverse, or a mean of more deviations than this, hinders training


def target_scale(Y: Array, weights: Array | None, standardize: bool | str, name: object, loss: Loss) -> Target | None:
    """Measure centre and scale of each output of Y, (m, n[L]); return None if the target is not standardised.

    `standardize` is the parameter, `name` the parameter `loss`, and `loss` the loss that it means.
    """
    auto = isinstance(standardize, str)
    if not (name in _HOMOGENEOUS if auto else standardize):
        return None
    if loss.output.name not in _LINEAR:
        raise InvalidParameterError(
            f"standardize_target=True needs a loss on the identity; {name!r} predicts e^z, of which a "
            "standardised target is none. Leave it at 'auto'."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        measured = [mean_and_deviation(*merged(column, weights)) for column in Y.astype(np.float64).T]
    if not np.isfinite(measured).all():
        if auto:
            return None
        raise TargetError("y is too large to be standardised: its variance is not finite. Scale it before.")
    if auto and not any(_is_badly_scaled(*statistics) for statistics in measured):
        return None
    centre, scale = zip(*measured, strict=True)
    if name == "huber":  # all outputs share one delta
        scale = (float(np.sqrt(np.mean(np.square(scale)))),) * len(scale)
    names = tuple(f"y{output}" for output in range(len(scale)))
    return Target(names, "regression", "standardize_target", centre=centre, scale=scale)


def _is_badly_scaled(mean: float, deviation: float) -> bool:
    return not 1 / _BAD <= deviation <= _BAD or abs(mean) > _BAD * deviation
