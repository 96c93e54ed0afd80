"""A regression target in units of its own deviation, so that one learning rate suits dollars as well as shares."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, TargetError
from chainrule.estimator.regressor import AbstractRegressor
from chainrule.fit.dataset import TrainingSet
from chainrule.network.losses import Loss, loss
from chainrule.network.types import Array
from chainrule.table.encoding.statistics import mean_and_deviation, merged
from chainrule.table.target import Target

# Losses that stay what they are, up to a factor, when prediction and target are divided by the same number.
_HOMOGENEOUS = ("squared_error", "absolute_error", "huber", "quantile", "pinball")
_LINEAR = ("identity", "ascending")  # outputs that may be anywhere; several quantiles stay in order in any units
_BAD = 10.0  # a deviation above this or below its inverse, or a mean of more deviations than this, hinders training


@dataclass(eq=False, repr=False)
class AbstractStandardizingRegressor(AbstractRegressor):
    """A regressor that may train on (y - centre) / scale; its predictions are in the units of y."""

    _: KW_ONLY
    standardize_target: bool | str = "auto"

    def _outputs(self, inputs: Any) -> Array:
        A = super()._outputs(inputs)
        return A if self._target is None else self._target.to_units(A)

    def _measure(self, training: TrainingSet) -> None:
        super()._measure(training)
        rows = slice(None) if training.counted is None else training.counted
        weights = None if training.weights is None else training.weights[rows]
        self._target = self._measured_target(training.Y[rows], weights)

    def _measured_target(self, Y: Array, weights: Array | None) -> Target | None:
        """Centre and scale of each output, or None where the target is to stay as it is."""
        auto = isinstance(self.standardize_target, str)
        if not (self.loss in _HOMOGENEOUS if auto else self.standardize_target):
            return None
        if super()._make_loss().output.name not in _LINEAR:
            raise InvalidParameterError(
                f"standardize_target=True needs a loss on the identity; {self.loss!r} predicts e^z, of which a "
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
        if self.loss == "huber":  # errors of all outputs are held against the one delta
            scale = (float(np.sqrt(np.mean(np.square(scale)))),) * len(scale)
        names = tuple(f"y{output}" for output in range(len(scale)))
        return Target(names, "regression", "standardize_target", centre=centre, scale=scale)

    def _make_loss(self) -> Loss:
        if self.loss == "huber" and self._target is not None:
            return loss("huber", delta=self.delta / self._target.scale[0])
        return super()._make_loss()


def _is_badly_scaled(mean: float, deviation: float) -> bool:
    return not 1 / _BAD <= deviation <= _BAD or abs(mean) > _BAD * deviation
