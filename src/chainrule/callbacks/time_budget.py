"""`TimeBudget`: stop training after a number of seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chainrule._errors import InvalidParameterError

if TYPE_CHECKING:
    from chainrule.estimator.callbacks.context import Context


@dataclass
class TimeBudget:
    """Stop training after a number of seconds; the best weights so far are kept.

    The clock is read after every epoch, and within epochs about every 0.1 s. Evaluating the final losses takes further
    time.

    Parameters
    ----------
    seconds : float
        Positive.

    Raises
    ------
    InvalidParameterError

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import MLPRegressor
    >>> X = np.arange(40.0).reshape(-1, 1) / 40
    >>> reg = MLPRegressor(max_iter=10**6, n_iter_no_change=np.inf, callbacks=TimeBudget(seconds=0.05))
    >>> print(reg.fit(X, X[:, 0]).history_.stop_sentence)
    TimeBudget(seconds=0.05) stopped training in epoch ...
    """

    seconds: float
    _began: float = field(default=0.0, init=False, repr=False, compare=False)

    def on_fit_begin(self, ctx: Context) -> None:
        """Start the clock."""
        if not self.seconds > 0:
            raise InvalidParameterError(f"seconds must be a positive number, got {self.seconds!r}.")
        self._began = time.perf_counter()

    def on_batch_end(self, ctx: Context) -> bool:
        """Return whether the time is up."""
        return time.perf_counter() - self._began >= self.seconds

    def on_epoch_end(self, ctx: Context) -> bool:
        """Return whether the time is up."""
        return self.on_batch_end(ctx)
