"""Learning-rate schedules: the rate of a step as a function of its number.

"adaptive" and "plateau" are constant here; the training loop multiplies them by a factor that depends on the loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule._errors import InvalidParameterError, nearest
from chainrule.network.types import Array

SCHEDULES = ("constant", "invscaling", "adaptive", "cosine", "one_cycle", "plateau")

ADAPTIVE_CUT = 0.2  # as in scikit-learn, after `n_iter_no_change` epochs without improvement
PLATEAU_CUT = 0.1  # as in PyTorch and Keras
PLATEAU_PATIENCE = 10  # at most so many epochs without improvement before a cut; as in PyTorch and Keras
SMALLEST_RATE = 1e-6  # "adaptive" stops training below it, as in scikit-learn

_ONE_CYCLE_START = 1 / 25  # PyTorch's OneCycleLR: start at 1/25, peak after 30 %, end at 1/25 of 1/10,000
_ONE_CYCLE_END = _ONE_CYCLE_START / 1e4
_ONE_CYCLE_PEAK = 0.3


@dataclass(frozen=True)
class Schedule:
    """A learning-rate schedule.

    Attributes
    ----------
    name : str
        - "constant": the initial rate.
        - "invscaling": initial / (1 + examples seen before this epoch)^power_t, as in scikit-learn.
        - "adaptive": divided by 5 when the patience has run out; training stops below 1e-6.
        - "plateau": divided by 10 after half the patience, at most 10 epochs, without improvement of the loss.
        - "cosine": half a cosine from the initial rate to 0 over the planned steps (Loshchilov and Hutter, 2017).
        - "one_cycle": up to the initial rate over the first 30 % of the planned steps, then down (Smith, 2018).
    initial : float
    steps_per_epoch, total_steps, m : int
        Steps of an epoch, total number of planned steps, and examples of an epoch.
    power_t : float
        The exponent of "invscaling".
    warmup_steps : int
        The rate grows linearly over this many first steps, with every schedule.
    """

    name: str
    initial: float
    steps_per_epoch: int
    total_steps: int
    m: int
    power_t: float = 0.5
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        if self.name not in SCHEDULES:
            raise InvalidParameterError(f"learning_rate={self.name!r} is not known. {nearest(self.name, SCHEDULES)}")

    def rates(self, first: int, last: int) -> Array:
        """Return the rates of the steps first, first + 1, ..., last - 1, counted from 0.

        Examples
        --------
        >>> Schedule("cosine", 1.0, steps_per_epoch=2, total_steps=4, m=8).rates(0, 4).round(3).tolist()
        [1.0, 0.854, 0.5, 0.146]
        """
        steps = np.arange(first, last)
        rates = self.initial * self._factors(steps)
        if self.warmup_steps:
            rates = rates * np.minimum(1, (steps + 1) / self.warmup_steps)
        return rates

    def _factors(self, steps: Array) -> Array:
        if self.name == "invscaling":
            return (1.0 + steps // self.steps_per_epoch * self.m) ** -self.power_t
        if self.name not in ("cosine", "one_cycle"):
            return np.ones(len(steps))
        done = np.minimum(steps / max(self.total_steps, 1), 1)
        if self.name == "cosine":
            return _cosine(1, 0, done)
        up = _cosine(_ONE_CYCLE_START, 1, done / _ONE_CYCLE_PEAK)
        down = _cosine(1, _ONE_CYCLE_END, (done - _ONE_CYCLE_PEAK) / (1 - _ONE_CYCLE_PEAK))
        return np.where(done < _ONE_CYCLE_PEAK, up, down)


def _cosine(start: float, end: float, done: Array) -> Array:
    """Go from start to end along half a cosine as `done` goes from 0 to 1."""
    return end + (start - end) * (1 + np.cos(np.pi * done)) / 2
