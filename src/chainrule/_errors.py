"""Every error and warning the package raises on purpose: what must hold, what came, what to do.

All of the errors are `ChainruleError`, and also the built-in type scikit-learn and users expect.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import FrameType
from typing import Any


class ChainruleError(Exception):
    """The root of the family: catch this one to catch them all."""


class InvalidParameterError(ChainruleError, ValueError, TypeError):
    """A parameter has a value or a type it must not have."""


class ShapeError(ChainruleError, ValueError):
    """Two arrays do not fit together."""


class TargetError(ChainruleError, ValueError):
    """The target is not what the loss or the task needs."""


class DivergenceError(ChainruleError, ValueError):
    """A loss or a gradient stopped being finite: `tensor` of layer `layer` at step `step`."""

    def __init__(self, message: str, *, step: int = 0, tensor: str = "", layer: int = 0) -> None:
        super().__init__(message)
        self.step, self.tensor, self.layer = step, tensor, layer


class TableError(ChainruleError, ValueError):
    """A table cannot be read, or lacks what is asked of it."""


class ModelFileError(ChainruleError, ValueError):
    """A model file is damaged, foreign, or of a format this version does not know."""


class CheckpointError(ChainruleError, ValueError):
    """A checkpoint belongs to another training, or cannot be written or read."""


class ClusterError(ChainruleError, RuntimeError):
    """A training on several machines cannot go on: too few of them live, or they do not agree."""


class SearchRecordError(ChainruleError, ValueError):
    """The record of a search belongs to another search, or cannot be read or written."""


class WorkerError(ChainruleError, RuntimeError):
    """A fit ended the process it ran in, again and again."""


class ChainruleWarning(UserWarning):
    """Something the caller should know; the result is still what it says it is."""


def warn(message: str, category: type[Warning] = ChainruleWarning) -> None:
    """Warn at the line that called the package, however deep in it the reason is found.

    scikit-learn counts as the package: it stands between a method and the one it wraps.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _package(frame) in ("chainrule", "sklearn"):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def nearest(word: str, valid: Iterable[str]) -> str:
    """Return the hint for a mistyped word: the nearest valid one, or all of them.

    Examples
    --------
    >>> nearest("sigmod", ["sigmoid", "tanh"])
    "Did you mean 'sigmoid'?"
    >>> nearest("swoosh", ["sigmoid", "tanh"])
    "Valid are: 'sigmoid', 'tanh'."
    """
    names = list(valid)
    close = get_close_matches(str(word), names, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return "Valid are: " + ", ".join(repr(name) for name in names) + "."


def check_known(what: str, given: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise InvalidParameterError for a keyword that `what` does not take, naming the nearest one it does.

    Examples
    --------
    >>> check_known("loss 'huber'", ["delta"], ["delta"])
    """
    names = list(allowed)
    for name in given:
        if name not in names:
            hint = nearest(name, names) if names else "It has no parameters."
            raise InvalidParameterError(f"{what} has no parameter {name!r}. {hint}")


def check_keywords(what: str, given: Mapping[str, Any], function: Callable[..., Any], *, behind: int = 0) -> None:
    """Raise InvalidParameterError for a keyword that a function does not take behind its first parameters.

    Examples
    --------
    >>> check_keywords("a power", {"y": 2.0}, lambda x, y: x**y, behind=1)
    """
    if given:  # or it would not be worth asking the function
        fixed = getattr(function, "keywords", {})  # of a partial one
        names = list(inspect.signature(function).parameters)[behind:]
        check_known(what, given, [name for name in names if name not in fixed])
