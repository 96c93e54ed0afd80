"""Read the user's gradients: lists by layer, of any number type, with checked shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.derivation.judge.agreement import DOUBLE, SINGLE, Key
from chainrule.derivation.tracing.trace import Trace
from chainrule.network.types import Array

Arrays = Sequence[Any] | None

_TOO_COARSE = ("float16", "float8")  # also matches bfloat16, in the type names of NumPy, PyTorch and JAX
_REASONS = {
    "dW": "the shape of W[{l}]: a row for each unit of layer {l}, a column for each of layer {p}",
    "db": "the shape of b[{l}]: one number for each unit, summed over the examples (axis=1), not over the units",
    "dZ": "the shape of Z[{l}]: a row for each unit, a column for each example",
    "dA": "the shape of A[{l}]: a row for each unit, a column for each example",
}


def given_gradients(trace: Trace, tensors: Mapping[str, Arrays]) -> dict[Key, Array]:
    """Name each array by its tensor and layer, in float64.

    Raises
    ------
    ShapeError
        If a list has no entry for a layer, or an array has a shape that no mistake explains.
    InvalidParameterError
        If an array is too coarse to tell right from wrong.
    """
    given = {}
    for name, arrays in tensors.items():
        for l, array in _by_layer(trace, name, arrays):
            if array is not None:
                given[name, l] = _checked(trace, name, l, array)
    return given


def precisions(trace: Trace, tensors: Mapping[str, Arrays]) -> dict[Key, float]:
    """Return the relative precision of each array: that of float32, or else of float64."""
    return {
        (name, l): SINGLE if np.asarray(array).dtype == np.float32 else DOUBLE
        for name, arrays in tensors.items()
        for l, array in _by_layer(trace, name, arrays)
        if array is not None
    }


def _by_layer(trace: Trace, name: str, arrays: Arrays) -> list[tuple[int, Any]]:
    """Pair arrays with layers: L arrays are layers 1 to L, L + 1 are layers 0 to L, L - 1 dA are the hidden layers."""
    if arrays is None:
        return []
    if not isinstance(arrays, list | tuple):
        raise ShapeError(
            f"{name} must be a list of arrays, one for each of the layers 1 to {trace.L}; got {type(arrays).__name__}."
        )
    L, count = trace.L, len(arrays)
    if count == L + 1:
        return [(l, array) for l, array in enumerate(arrays) if l > 0]
    if count == L or (name == "dA" and count == L - 1):
        return list(enumerate(arrays, start=1))
    raise ShapeError(
        f"{name} must be a list of one array for each of the layers 1 to {L} (None for one that is not to be judged), "
        f"got {count}."
    )


def _checked(trace: Trace, name: str, l: int, array: Any) -> Array:
    dtype = str(getattr(array, "dtype", ""))
    if any(coarse in dtype for coarse in _TOO_COARSE):
        raise InvalidParameterError(
            f"{name}[{l}] is {dtype}, whose two or three digits hide what is wrong: compute the gradients in float64 "
            "or float32, and give those."
        )
    try:
        if np.iscomplexobj(array):
            raise TypeError("it has complex numbers")
        values = np.asarray(array, np.float64)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"{name}[{l}] must be an array of numbers, got {type(array).__name__}: {error}.") from None
    right = getattr(trace, name)[l].shape
    if name == "db" and values.ndim == 1:
        values = values[:, None]
    if values.shape == right or values.shape in _shapes_of_mistakes(trace, name, l):
        return values
    reason = _REASONS[name].format(l=l, p=l - 1)
    raise ShapeError(f"{name}[{l}] must be {right}, {reason}; got {np.shape(array)}.")


def _shapes_of_mistakes(trace: Trace, name: str, l: int) -> set[tuple[int, ...]]:
    """Return the shapes of a transposed gradient, and of one with another layer's activations."""
    n, p = getattr(trace, name)[l].shape
    others = {(n, width) for width in trace.widths} if name == "dW" else set()
    return {(p, n), *others, *((width, n) for _, width in others)} if name in ("dW", "db") else set()
