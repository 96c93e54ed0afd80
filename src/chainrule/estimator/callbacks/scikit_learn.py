"""Support scikit-learn's callback protocol (since 1.9): fit is a task, and every epoch a subtask."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar

from chainrule.estimator.callbacks.context import Context

Method = TypeVar("Method", bound=Callable[..., Any])

if find_spec("sklearn.callback") is not None:
    from sklearn.callback import CallbackSupportMixin as CallbackSupportMixin
    from sklearn.callback import with_callbacks as with_callbacks
else:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """A placeholder for the mixin of later versions, which adds `set_callbacks`."""

    def with_callbacks(method: Method) -> Method:
        """Return the method unchanged."""
        return method


class TaskTree:
    """Tells the callbacks of `set_callbacks` when the task fit and its subtasks, the epochs, begin and end.

    A callback that requests a fitted estimator gets one with the current weights.
    """

    def __init__(self, X: Any, y: Any, sample_weight: Any) -> None:
        self.data = {"X": X, "y": y, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}

    def __repr__(self) -> str:
        return "a callback of set_callbacks"

    def on_fit_begin(self, ctx: Context) -> None:
        """Begin the task fit."""
        self.fit = ctx.estimator._init_callback_context(max_subtasks=ctx.estimator.max_iter)
        self.epoch: Any = None
        self.fit.call_on_fit_task_begin(**self._task(ctx))

    def on_epoch_begin(self, ctx: Context) -> None:
        """Begin the task of one epoch."""
        self.epoch = self.fit.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(**self._task(ctx))

    def on_epoch_end(self, ctx: Context) -> bool:
        """End the task of the epoch; return whether a callback stops training."""
        epoch, self.epoch = self.epoch, None
        return bool(epoch.call_on_fit_task_end(**self._task(ctx)))

    def on_fit_end(self, ctx: Context) -> None:
        """End the task fit, and before it an epoch that training did not finish."""
        if self.epoch is not None:
            self.epoch.call_on_fit_task_end(estimator=ctx.estimator)
        self.fit.call_on_fit_task_end(**self._task(ctx))

    def _task(self, ctx: Context) -> dict[str, Any]:
        return {
            "estimator": ctx.estimator,
            **self.data,
            "reconstruction_attributes": lambda: vars(ctx.fitted_estimator()),
        }
