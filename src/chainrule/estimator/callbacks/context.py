"""The context passed to a callback's hooks: the state of training, and a setter for the learning rate."""

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
    """A read-only history: one tuple per quantity, with one entry per epoch."""

    _history: History

    def __getitem__(self, name: str) -> tuple[float, ...]:
        return tuple(self._history[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._history)

    def __len__(self) -> int:
        return len(self._history)

    def last(self) -> dict[str, float]:
        """Return the measures of the last epoch."""
        return {name: values[-1] for name, values in self._history.items()}


@dataclass(frozen=True)
class Context:
    """The state of training: the argument `ctx` of every hook.

    Attributes
    ----------
    estimator : estimator
        The estimator that is being fitted. Until `on_fit_end` it is inconsistent: columns and classes may be new while
        the weights are still the old ones. Use `fitted_estimator` to predict.
    epoch : int
        The current epoch, or the one that has just ended, counted from 1; 0 before the first.
    """

    estimator: Any
    epoch: int
    _progress: Progress = field(repr=False)
    _fitted: Callable[[], Any] = field(repr=False)

    @property
    def max_epochs(self) -> int:
        """The maximum number of epochs."""
        return self._progress.max_epochs

    @property
    def examples_done(self) -> int:
        """The number of training examples visited in this epoch so far."""
        return self._progress.examples_done

    @property
    def examples(self) -> int:
        """The number of training examples of an epoch."""
        return self._progress.examples

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step, or at the start of an epoch of the next one; 1 for "lbfgs"."""
        return self._progress.learning_rate

    @property
    def loss(self) -> float:
        """The running mean of the data loss since the last `on_batch_end`, or over the epoch."""
        return self._progress.loss

    @property
    def history(self) -> RecordSoFar:
        """The measures of every epoch of this training, under the names of `history_`; a read-only mapping."""
        return RecordSoFar(self._progress.history)

    @property
    def coefs(self) -> list[Array]:
        """The current weights, like `coefs_`: read-only arrays (n[l-1], n[l]) that later steps do not change."""
        return [W.T for W in read_only(self._progress.state.parameters).W[1:]]

    @property
    def intercepts(self) -> list[Array]:
        """The current biases, like `intercepts_`: read-only arrays (n[l],)."""
        return [b[:, 0] for b in read_only(self._progress.state.parameters).b[1:]]

    def fitted_estimator(self) -> Any:
        """Return a fitted copy of the estimator with the current weights: it predicts, and can be saved.

        It is as if training had ended here, but without a stop reason. Its `history_.final` is measured, which costs a
        forward pass over the training examples.
        """
        return self._fitted()

    def set_learning_rate(self, rate: float | None) -> None:
        """Set the learning rate of all further steps; None returns to the schedule.

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
    """Return a read-only view of the parameters, since training continues from them."""
    theta = parameters.theta.view()
    theta.flags.writeable = False
    return replace(parameters, theta=theta)
