"""What the user's own functions are held to: they do not write into their arguments, and keep the shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule._errors import ShapeError
from chainrule.network.types import Array


def name_of(custom: Any) -> str:
    """What something of the user's own is called."""
    name: str = getattr(custom, "__name__", type(custom).__name__)
    return name


def read_only(values: Any) -> Array:
    """The same numbers, but not for writing."""
    view = np.asarray(values).view()
    view.flags.writeable = False
    return view


def of_shape(values: Any, shape: tuple[int, ...], name: str) -> Array:
    """Raise ShapeError unless an array has the shape it must have."""
    array = np.asarray(values)
    if array.shape != shape:
        raise ShapeError(f"{name} must return an array of shape {shape}, got {array.shape}.")
    return array
