"""A target has a value in every row: what is missing is refused, and its row is named."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from chainrule._errors import TargetError
from chainrule.network.types import Array
from chainrule.table.frame import is_missing


def require_values(y: Any, what: str = "y") -> None:
    """Raise TargetError if None, NaN, NaT, pandas' NA or infinity is among the values.

    Examples
    --------
    >>> require_values(np.array(["2024-02-29", "NaT"], "datetime64[D]"))
    Traceback (most recent call last):
        ...
    chainrule._errors.TargetError: Input y contains NaN: row 1, counted from 0, has NaT, no value. Leave such rows out.
    """
    if y is None or issparse(y):
        return
    values = np.asarray(y)
    missing = _missing(values)
    if missing.any():
        raise _refused(what, "NaN", values, missing, ", no value")
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise _refused(what, f"infinity or a value too large for {values.dtype!r}", values, np.isinf(values), "")


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
