"""Call an estimator's callbacks from the hooks of a training."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from chainrule.estimator.callbacks.context import Context, read_only
from chainrule.fit.callback_protocol import name_of, says_stop
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.network.training.hooks import Progress
from chainrule.network.training.setup import Training

_WITHIN_AN_EPOCH = ("on_epoch_begin", "on_batch_end")


class Callbacks:
    """The callbacks of one training of an estimator, which continues from `earlier`."""

    def __init__(
        self,
        estimator: Any,
        with_network: Callable[[TrainedNetwork], Any],
        callbacks: Sequence[Any],
        earlier: TrainedNetwork | None,
    ) -> None:
        self.estimator, self.with_network, self.callbacks, self.earlier = estimator, with_network, callbacks, earlier
        self._last: Progress | None = None  # stays None where another rank is the root

    def attach(self, training: Training, rows: int) -> Training:
        """Return the training with hooks that call the callbacks; `rows` is the number of rows of an epoch."""
        if not self.callbacks:
            return training
        self._training, self._rows = training, rows
        return replace(
            training,
            on_begin=partial(self._tell, "on_fit_begin"),
            on_epoch_begin=partial(self._tell, "on_epoch_begin"),
            on_segment=partial(self._tell, "on_batch_end"),
            on_epoch=partial(self._tell, "on_epoch_end"),
            every_step=any(getattr(callback, "every_batch", False) for callback in self.callbacks),
        )

    def end(self, network: TrainedNetwork) -> None:
        """Call `on_fit_end` after the estimator is fitted."""
        if self._last is not None:
            self._call("on_fit_end", replace(self._last, state=network.state), lambda: self.estimator)

    def _tell(self, hook: str, progress: Progress) -> None:
        self._last = progress
        self._call(hook, progress, partial(self._snapshot, progress))

    def _call(self, hook: str, progress: Progress, fitted: Callable[[], Any]) -> None:
        ctx = Context(self.estimator, progress.epoch + (hook in _WITHIN_AN_EPOCH), progress, fitted)
        for callback in self.callbacks:
            if hasattr(callback, hook) and says_stop(getattr(callback, hook)(ctx)) and hook != "on_fit_begin":
                progress.control.stop(f"{name_of(callback)} stopped training in epoch {ctx.epoch}")

    def _snapshot(self, progress: Progress) -> Any:
        """Return a copy of the estimator as it would be if training ended here."""
        training, history = self._training, copy.deepcopy(progress.history)
        training.measure_final(progress.state, history)
        state = replace(progress.state, parameters=read_only(progress.state.parameters))
        return self.with_network(TrainedNetwork.of(training, state, history, self._rows, self.earlier))
