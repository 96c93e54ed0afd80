"""Where a network's functions have corners: between two sides of one, a difference quotient is no derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.network.activations import Activation
from chainrule.network.architecture import Architecture
from chainrule.network.losses import Loss
from chainrule.network.types import Array
from chainrule.slopes.breaks import kinks_and_jumps
from chainrule.slopes.custom_functions import as_columns
from chainrule.slopes.scalar_function import ScalarFunction


@dataclass(frozen=True)
class Kinks:
    """Where a function of one number has corners, at which its slope jumps, and bends, at which its curvature does."""

    corners: tuple[float, ...] = ()
    bends: tuple[float, ...] = ()


def activation_kinks(g: Activation) -> Kinks:
    """The corners and bends of an activation.

    Examples
    --------
    >>> from chainrule.network.custom.any_activation import activation
    >>> activation_kinks(activation("hard_tanh")), activation_kinks(activation("elu"))
    (Kinks(corners=(-1.0, 1.0), bends=()), Kinks(corners=(), bends=(0.0,)))
    """
    if g.is_custom:
        return _found(g.g)
    if g.name in ("relu", "leaky_relu", "selu"):
        return Kinks(corners=(0.0,))
    if g.name == "elu":
        return Kinks(bends=(0.0,)) if g.parameters.get("alpha", 1.0) == 1 else Kinks(corners=(0.0,))
    return Kinks(corners=(-1.0, 1.0)) if g.name == "hard_tanh" else Kinks()


@lru_cache(maxsize=32)  # asked in every difference
def _found(g: Callable[[Array], Array]) -> Kinks:
    """The corners of a function of the user's own; where its curvature jumps cannot be told."""
    corners, jumps = kinks_and_jumps(ScalarFunction("g", as_columns(g)))
    return Kinks(corners=(*(z for z, _, _ in corners), *jumps))


def loss_kinks(loss: Loss) -> Kinks:
    """The corners and bends of a loss, in what `loss_argument` says."""
    if loss.name == "huber":
        delta = loss.parameters.get("delta", 1.0)
        return Kinks(bends=(-delta, delta))
    return Kinks(corners=(0.0,)) if loss.name in ("absolute_error", "quantile", "quantiles", "hinge") else Kinks()


def loss_argument(loss: Loss, Z: Array, Y: Array) -> Array:
    """The error A - Y; of the hinge, how far beyond the margin an example is."""
    return (2 * Y - 1) * Z - 1 if loss.name == "hinge" else loss.output.g(Z) - Y


def sides(architecture: Architecture, l: int, Z: Sequence[Array], Y: Array) -> tuple[Array, Array]:
    """On which side of every corner, and of every bend, a pass from layer l on is; one column per example.

    Parameters
    ----------
    architecture : Architecture
    l : int
    Z : sequence of ndarray
        Z[l] to Z[L].
    Y : ndarray of shape (n[L], m)
    """
    loss, behind = architecture.loss, activation_kinks(architecture.loss.output)
    seen: list[tuple[Array, Kinks]] = [
        (z, activation_kinks(g)) for z, g in zip(Z[:-1], architecture.g[l:-1], strict=True)
    ]
    seen += [(Z[-1], behind), (loss_argument(loss, Z[-1], Y), loss_kinks(loss))]
    corners = [_signs(z, at) for z, kinks in seen for at in kinks.corners]
    bends = [_signs(z, at) for z, kinks in seen for at in kinks.bends]
    return _stacked(corners, Y), _stacked(bends, Y)


def _signs(Z: Array, at: float) -> Any:
    return np.sign(Z - at).astype(np.int8)


def _stacked(rows: list[Any], Y: Array) -> Array:
    return np.concatenate(rows) if rows else np.empty((0, Y.shape[1]), np.int8)
