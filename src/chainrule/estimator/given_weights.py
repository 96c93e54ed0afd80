"""Weights and biases to start from that the user gives, shaped as `coefs_` and `intercepts_` show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.network.parameters import Parameters
from chainrule.network.types import Array


def with_given(parameters: Parameters, coef_init: Any, intercept_init: Any) -> Parameters:
    """Put the given weights and biases in the place of those drawn; None leaves them.

    Raises
    ------
    ShapeError
        If there is not one array for each layer, or one does not fit; names the layer.
    InvalidParameterError
        If a number is not finite.
    """
    if coef_init is None and intercept_init is None:
        return parameters
    moved = replace(parameters, theta=parameters.theta.copy())
    W, b = moved.W[1:], moved.b[1:]
    if coef_init is not None:
        for weights, coef in zip(W, _fitting("coef_init", coef_init, [w.T.shape for w in W]), strict=True):
            weights[:] = coef.T
    if intercept_init is not None:
        shapes = [bias.shape[:1] for bias in b]
        for bias, intercept in zip(b, _fitting("intercept_init", intercept_init, shapes), strict=True):
            bias[:, 0] = intercept
    return moved


def _fitting(name: str, given: Any, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    if not isinstance(given, list | tuple) or len(given) != len(shapes):
        many = f"{len(given)} of them" if isinstance(given, list | tuple) else type(given).__name__
        raise ShapeError(f"{name} must be a list of one array for each of the {len(shapes)} layers, got {many}.")
    arrays = []
    for layer, (values, shape) in enumerate(zip(given, shapes, strict=True), start=1):
        try:
            array = np.asarray(values, np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidParameterError(f"{name} of layer {layer} must be numbers: {error}.") from error
        if array.shape != shape:
            raise ShapeError(f"{name} of layer {layer} must have shape {shape}, got {array.shape}.")
        if not np.isfinite(array).all():
            raise InvalidParameterError(f"{name} of layer {layer} must be finite numbers.")
        arrays.append(array)
    return arrays
