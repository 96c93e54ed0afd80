"""Atomic fit: it changes an estimator completely or not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

Method = TypeVar("Method", bound=Callable[..., Any])


def all_or_nothing(method: Method) -> Method:
    """Restore every attribute of the object if the method raises.

    Arrays need no copies: training never writes to those it started with.

    Examples
    --------
    >>> class Model:
    ...     @all_or_nothing
    ...     def fit(self, y):
    ...         self.classes_ = sorted(set(y))
    ...         self.first_ = y[0] / 1
    >>> model = Model()
    >>> model.fit([3, 2])
    >>> model.fit(["b", "a"])
    Traceback (most recent call last):
        ...
    TypeError: unsupported operand type(s) for /: 'str' and 'int'
    >>> model.classes_, model.first_
    ([2, 3], 3.0)
    """

    @wraps(method)
    def whole(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            return method(self, *args, **kwargs)
        except BaseException:  # also Ctrl-C, if it ends more than the training
            self.__dict__ = before
            raise

    return cast(Method, whole)
