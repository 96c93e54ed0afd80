"""Check that a target has a value in every row; the message names the first row that has none."""

from __future__ import annotations

import math
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import DataConversionWarning

from chainrule._errors import TargetError, warn
from chainrule.network.types import Array
from chainrule.table.reading.from_frame import is_missing


def present(y: Any, what: str = "y") -> Any:
    """Return values as an array of their own type; whole numbers stay whole, whatever the container.

    Parameters
    ----------
    y : array-like, sparse matrix or None
        A sparse matrix and None are returned as they are.
    what : str
        The name in messages.

    Raises
    ------
    TargetError
        If None, NaN, NaT, pandas' NA or infinity is among the values.

    Examples
    --------
    >>> present(np.array(["2024-02-29", "NaT"], "datetime64[D]"))
    Traceback (most recent call last):
        ...
    chainrule._errors.TargetError: Input y contains NaN: row 1, counted from 0, has NaT, no value. Leave such rows out.
    """
    if y is None or issparse(y):
        return y
    values = np.asarray(y)
    missing = _missing(values)
    if missing.any():
        raise _refused(what, "NaN", values, missing, ", no value")
    infinite = _infinite(values)
    if infinite.any():
        raise _refused(what, f"infinity or a value too large for {values.dtype!r}", values, infinite, "")
    return _numbers(values) if hasattr(y, "columns") else values


def warn_of_column(y: Array) -> None:
    """Warn of a target in the form of a column, as scikit-learn does."""
    if y.ndim == 2 and y.shape[1] == 1:
        warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,), "
            "for example using ravel().",
            DataConversionWarning,
        )


def check_one_kind(y: Any) -> None:
    """Raise TargetError if labels mix texts and other values, which cannot be sorted."""
    labels = y.ravel().tolist() if isinstance(y, np.ndarray) and y.dtype.kind == "O" else []
    row = next((row for row, label in enumerate(labels) if isinstance(label, str) is not isinstance(labels[0], str)), 0)
    if row:
        raise TargetError(
            f"labels must be all texts or all numbers: y begins with {labels[0]!r}, but row {row:,}, counted from 0, "
            f"has {labels[row]!r}. Make texts of all of them, as by str."
        )


def _numbers(values: Array) -> Array:
    """Convert objects that are all numbers, as from a frame whose columns have several types, to numbers."""
    plain = values.dtype.kind == "O" and all(isinstance(value, Real) for value in values.flat)
    return np.array(values.tolist()) if plain else values


def _infinite(values: Array) -> Array:
    if values.dtype.kind == "f":
        return np.isinf(values)
    if values.dtype.kind != "O":
        return np.zeros(1, bool)
    found = [isinstance(value, float | Decimal) and math.isinf(value) for value in values.flat]
    return np.reshape(found, values.shape)


def _missing(values: Array) -> Array:
    if values.dtype.kind in "fmM":
        return np.asarray(values != values)
    if values.dtype.kind != "O" or not values.ndim:
        return np.zeros(1, bool)
    return np.reshape([is_missing(value) for value in values.ravel()], values.shape)


def _refused(what: str, holds: str, values: Array, where: Array, also: str) -> TargetError:
    row = int(np.argwhere(where)[0, 0])
    value = values[where].tolist()[0] if values.dtype.kind == "O" else values[where][0]
    return TargetError(
        f"Input {what} contains {holds}: row {row:,}, counted from 0, has {value}{also}. Leave such rows out."
    )
