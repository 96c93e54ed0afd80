"""The callback protocol: an object with some of five hooks, or a plain function to call at the end of every epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, nearest

HOOKS = ("on_fit_begin", "on_epoch_begin", "on_batch_end", "on_epoch_end", "on_fit_end")
_SCIKIT_LEARN_HOOKS = {"on_fit_task_begin", "on_fit_task_end"}


@dataclass(frozen=True)
class AtEpochEnd:
    """A plain function as a callback."""

    function: Callable[[Any], Any]

    def on_epoch_end(self, ctx: Any) -> Any:
        """Call the function."""
        return self.function(ctx)

    def __repr__(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)


def may_be_callbacks(value: Any) -> bool:
    """Say whether a value is valid for the parameter `callbacks`: None, a callback or a list of them."""
    entries = [] if value is None else value if isinstance(value, list | tuple) else [value]
    return all(callable(entry) or _methods(entry) for entry in entries)


def listed_callbacks(value: Any) -> list[Any]:
    """Return the parameter `callbacks` as a list of objects with hooks.

    Raises
    ------
    InvalidParameterError
        If an object has no hook, or an unknown one; the message names the nearest.
    """
    if value is None:
        return []
    return [_callback(entry) for entry in (value if isinstance(value, list | tuple) else [value])]


def name_of(callback: Any) -> str:
    """Name a callback: by its repr if its class defines one, else by its class."""
    plain = object.__repr__(callback)  # contains the address, which is of no use in a message
    return type(callback).__name__ if repr(callback) == plain else repr(callback)


def says_stop(answer: Any) -> bool:
    """Say whether a hook's return value stops training: only True does, not any other true value."""
    return isinstance(answer, bool | np.bool_) and bool(answer)


def _methods(callback: Any) -> set[str]:
    return {name for name in dir(callback) if name.startswith("on_") and callable(getattr(callback, name))}


def _callback(entry: Any) -> Any:
    if isinstance(entry, type):
        raise InvalidParameterError(f"a callback must be an object, got the class {entry.__name__}: call it.")
    methods = _methods(entry)
    unknown = sorted(methods.difference(HOOKS, _SCIKIT_LEARN_HOOKS))
    if unknown:
        raise InvalidParameterError(
            f"the callback {name_of(entry)} has a hook {unknown[0]!r}, which nobody calls. {nearest(unknown[0], HOOKS)}"
        )
    if methods.intersection(HOOKS):
        return entry
    if methods:
        raise InvalidParameterError(
            f"the callback {name_of(entry)} follows scikit-learn's protocol: give it to set_callbacks, which "
            "scikit-learn has since 1.9, not to the parameter callbacks."
        )
    if callable(entry):
        return AtEpochEnd(entry)
    raise InvalidParameterError(f"the callback {name_of(entry)} has no hook. {nearest('', HOOKS)}")
