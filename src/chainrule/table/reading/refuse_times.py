"""Refuse dates and durations where numbers are needed: without a unit they are not numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Any

import numpy as np

from chainrule._errors import TableError
from chainrule.network.types import Array

_DATES, _DURATIONS = (date, time, np.datetime64), (timedelta, np.timedelta64)  # pandas' types are subclasses


def refuse_times(X: Any) -> None:
    """Raise TableError if an array or a data frame holds dates, times of day or durations.

    NumPy converts a duration to its number of units, whatever they are, and a missing one to -2⁶³.

    Examples
    --------
    >>> refuse_times(np.array([[1, 2]], "timedelta64[D]"))
    Traceback (most recent call last):
        ...
    chainrule._errors.TableError: Column 'x0' holds durations: make numbers of them first, such as the days elapsed.
    """
    for name, values in _suspects(X):
        refuse_durations(str(name), values)
        refuse_dates(str(name), values)


def refuse_durations(name: str, values: Array) -> None:
    """Raise TableError if a column holds durations."""
    if values.dtype.kind == "m" or _holds(values, _DURATIONS):
        raise TableError(f"Column {name!r} holds durations: make numbers of them first, such as the days elapsed.")


def refuse_dates(name: str, values: Array) -> None:
    """Raise TableError if a column holds dates or times of day."""
    if values.dtype.kind == "M" or _holds(values, _DATES):
        raise TableError(f"Column {name!r} holds dates: make numbers of them first, such as the year or days elapsed.")


def _holds(values: Array, types: tuple[type, ...]) -> bool:
    """Say whether one of the objects is of these types; NaT does not count, it is a missing value."""
    objects = values.tolist() if values.dtype.kind == "O" else []
    return any(isinstance(value, types) and value == value for value in objects)


def _suspects(X: Any) -> Iterator[tuple[str, Array]]:
    """Yield name and values of the columns of times, and of objects, which may be times."""
    if isinstance(X, np.ndarray | list | tuple) or hasattr(X, "nnz"):
        yield from _suspects_of_array(X)
        return
    import narwhals as nw  # not needed for arrays
    from narwhals.exceptions import DuplicateError

    try:
        frame = nw.from_native(X, eager_only=True, pass_through=True)
    except DuplicateError:  # scikit-learn takes one name twice
        frame = X
    if not isinstance(frame, nw.DataFrame):
        yield from _suspects_of_array(X)
        return
    for each in frame.iter_columns():
        if each.dtype.is_temporal() or str(each.dtype) in ("Object", "Time", "Unknown"):
            yield each.name, np.asarray(each.to_numpy())


def _suspects_of_array(X: Any) -> Iterator[tuple[str, Array]]:
    if not isinstance(X, np.ndarray) and (isinstance(X, list | tuple) or hasattr(X, "__array__")):
        try:
            X = np.asarray(X)
        except TypeError:  # numbers and times have no common type
            X = np.array(X, object)
        except ValueError:  # rows of several lengths, reported later
            return
    if isinstance(X, np.ndarray) and X.dtype.kind in "mMO":
        columns = X.T if X.ndim == 2 else [X.ravel()]
        yield from ((f"x{place}", column) for place, column in enumerate(columns))
