"""`LearningRateFinder`: a short training with increasing learning rates, to choose one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from chainrule._errors import ChainruleError, InvalidParameterError, warn

if TYPE_CHECKING:
    from chainrule.estimator.callbacks.context import Context

SMOOTHING = 0.98  # factor of the moving average of the loss


@dataclass
class LearningRateFinder:
    """Raise the learning rate exponentially from step to step, and suggest a tenth of the one with the lowest loss.

    The range test of L. N. Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), with rates that grow
    exponentially and a bias-corrected moving average of the loss. The loss is lowest shortly before training diverges,
    hence a tenth of that rate. The sweep stops the training, and its model is not meant to be used: fit a new one with
    `learning_rate_init=finder.suggestion_`. The estimator should not stop early (`n_iter_no_change=float("inf")`), and
    `max_iter` epochs must have at least as many steps as the sweep.

    Parameters
    ----------
    min_lr, max_lr : float, default=1e-7, 10.0
        The first and the last learning rate.
    num_training : int, default=100
        Number of steps of the sweep.
    early_stop_threshold : float, default=4.0
        End the sweep when the smoothed loss exceeds its minimum by this factor.

    Attributes
    ----------
    learning_rates_, losses_ : list of float
        The learning rate and the smoothed loss of every step.

    Raises
    ------
    InvalidParameterError
        If the rates are not positive and increasing, the steps are fewer than 2, the threshold is not above 1, or the
        solver has no learning rate.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from chainrule import MLPClassifier
    >>> finder = LearningRateFinder()
    >>> trial = MLPClassifier(random_state=0, batch_size=32, n_iter_no_change=float("inf"), callbacks=finder)
    >>> print(trial.fit(*load_iris(return_X_y=True)).stop_reason_)
    callback
    >>> 1e-4 < finder.suggestion_ < 1e-1
    True
    """

    min_lr: float = 1e-7
    max_lr: float = 10.0
    num_training: int = 100
    early_stop_threshold: float = 4.0
    learning_rates_: list[float] = field(default_factory=list, init=False, repr=False, compare=False)
    losses_: list[float] = field(default_factory=list, init=False, repr=False, compare=False)
    _average: float = field(default=0.0, init=False, repr=False, compare=False)

    every_batch = True

    def on_fit_begin(self, ctx: Context) -> None:
        """Begin with the lowest rate."""
        if not (0 < self.min_lr < self.max_lr < np.inf and self.num_training >= 2 and self.early_stop_threshold > 1):
            raise InvalidParameterError(
                f"{self} must have 0 < min_lr < max_lr, num_training of at least 2 and early_stop_threshold above 1."
            )
        self.learning_rates_, self.losses_, self._average = [], [], 0.0
        ctx.set_learning_rate(self.min_lr)

    def on_batch_end(self, ctx: Context) -> bool:
        """Record a step, and raise the rate for the next one."""
        self._average = SMOOTHING * self._average + (1 - SMOOTHING) * ctx.loss
        self.learning_rates_.append(ctx.learning_rate)
        self.losses_.append(self._average / (1 - SMOOTHING ** (len(self.losses_) + 1)))
        steps = len(self.losses_)
        ctx.set_learning_rate(self.min_lr * (self.max_lr / self.min_lr) ** (steps / (self.num_training - 1)))
        return steps >= self.num_training or self._blown_up

    def on_fit_end(self, ctx: Context) -> None:
        """Warn if training ended before the sweep."""
        steps = len(self.losses_)
        if steps < self.num_training and not self._blown_up:
            warn(
                f"The sweep of learning rates ended after {steps} of {self.num_training} steps, with the training. "
                "Raise max_iter, set n_iter_no_change=float('inf'), or lower num_training.",
            )

    @property
    def _blown_up(self) -> bool:
        return bool(self.losses_) and self.losses_[-1] > self.early_stop_threshold * min(self.losses_)

    @property
    def suggestion_(self) -> float:
        """A tenth of the learning rate at which the smoothed loss was lowest.

        Raises
        ------
        ChainruleError
            If no sweep was made, or the loss never fell.
        """
        if not self.losses_:
            raise ChainruleError("there is no suggestion before the sweep: fit an estimator with this callback.")
        lowest = self.losses_.index(min(self.losses_))
        if lowest == 0:
            raise ChainruleError("the loss fell at no learning rate of the sweep: choose a lower min_lr.")
        return self.learning_rates_[lowest] / 10
