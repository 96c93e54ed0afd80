"""What the hooks of a callback are handed: where training is, to look at, and its learning rate, to set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.parameters import Parameters
from chainrule.network.training.history import History
from chainrule.network.training.hooks import Progress
from chainrule.network.types import Array


@dataclass(frozen=True)
class RecordSoFar(Mapping[str, tuple[float, ...]]):
    """A history to read: one tuple per quantity, one entry per epoch."""

    _history: History

    def __getitem__(self, name: str) -> tuple[float, ...]:
        return tuple(self._history[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._history)

    def __len__(self) -> int:
        return len(self._history)

    def last(self) -> dict[str, float]:
        """What the last epoch measured."""
        return {name: values[-1] for name, values in self._history.items()}


@dataclass(frozen=True)
class Context:
    """Where training is: the argument `ctx` of every hook.

    Attributes
    ----------
    estimator : estimator
        The one that is being fitted. Until `on_fit_end` it has not changed as a whole: columns and classes may be new
        beside the weights of before. `fitted_estimator` is what predicts.
    epoch : int
        Counted from 1: the epoch that is going on or has just ended; before the first one 0.
    """

    estimator: Any
    epoch: int
    _progress: Progress = field(repr=False)
    _fitted: Callable[[], Any] = field(repr=False)

    @property
    def max_epochs(self) -> int:
        """The epoch at which training ends at the latest."""
        return self._progress.max_epochs

    @property
    def examples_done(self) -> int:
        """How many training examples this epoch has visited."""
        return self._progress.examples_done

    @property
    def examples(self) -> int:
        """How many training examples an epoch visits."""
        return self._progress.examples

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step, or where an epoch begins, of the next; 1 for "lbfgs"."""
        return self._progress.learning_rate

    @property
    def loss(self) -> float:
        """The data's mean loss while the weights were changing: since the last `on_batch_end`, or over the epoch."""
        return self._progress.loss

    @property
    def history(self) -> RecordSoFar:
        """What every epoch of this training has measured, under the names of `history_`; a mapping to read only."""
        return RecordSoFar(self._progress.history)

    @property
    def coefs(self) -> list[Array]:
        """The current weights, as `coefs_`: read-only arrays (n[l-1], n[l]) that later steps leave as they are."""
        return [W.T for W in read_only(self._progress.state.parameters).W[1:]]

    @property
    def intercepts(self) -> list[Array]:
        """The current biases, as `intercepts_`: read-only arrays (n[l],)."""
        return [b[:, 0] for b in read_only(self._progress.state.parameters).b[1:]]

    def fitted_estimator(self) -> Any:
        """Return a fitted copy of the estimator with the current weights: it predicts, and can be saved.

        As if training had ended here, except that it has no reason to stop. Its `history_.final` is measured, which
        costs a forward pass over the training examples.
        """
        return self._fitted()

    def set_learning_rate(self, rate: float | None) -> None:
        """Set the learning rate of all steps to come; None goes back to the schedule's.

        Raises
        ------
        InvalidParameterError
            If it is not a positive number, or the solver has no learning rate.
        """
        if self.estimator.solver == "lbfgs":
            raise InvalidParameterError("solver='lbfgs' has no learning rate to set: choose 'adam' or 'sgd'.")
        if rate is not None and not _is_positive(rate):
            raise InvalidParameterError(f"the learning rate must be a positive number or None, got {rate!r}.")
        self._progress.control.learning_rate = None if rate is None else float(rate)


def _is_positive(rate: Any) -> bool:
    return isinstance(rate, Real) and rate is not True and 0 < float(rate) < np.inf


def read_only(parameters: Parameters) -> Parameters:
    """The same parameters, which can only be read: training goes on from them."""
    theta = parameters.theta.view()
    theta.flags.writeable = False
    return replace(parameters, theta=theta)
