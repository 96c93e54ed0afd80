"""Several quantiles that never cross: A[L] rises from output to output for any Z[L].

With c the middle one of n outputs and s the softplus, s(z) = log(1 + e^z) > 0:

    a_c = z_c;    a_k = a_(k-1) + s(z_k)  for k > c;    a_k = a_(k+1) - s(z_k)  for k < c

So z_c is the middle quantile. Every other z is about the logarithm of a narrow gap, or the width of a wide one. The
loss of an example with target y is L = (1/n) Σ pinball(a_k, y; q_k) (Koenker and Bassett, 1978). Since z_k moves a_k
and all outputs farther from the middle,

    dL/dz_c = Σ_j dL/da_j;    dL/dz_k = s'(z_k) Σ_(j >= k) dL/da_j  for k > c;    -s'(z_k) Σ_(j <= k) dL/da_j  for k < c
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.network.activations import Activation, identity_prime, softplus, softplus_prime
from chainrule.network.losses.regression import pinball, pinball_dZ
from chainrule.network.types import Array


def rise_within_0_and_1(quantiles: Sequence[float]) -> bool:
    """Tell whether there are quantiles, all between 0 and 1, each above the one before."""
    return np.ndim(quantiles) == 1 and len(quantiles) > 0 and bool(np.all(np.diff([0.0, *quantiles, 1.0]) > 0))


def levels(quantiles: Sequence[float] | None, n: int) -> list[float]:
    """The quantile of each of n outputs: those given, or by default n quantiles that divide into equal shares.

    Examples
    --------
    >>> levels(None, 3)
    [0.25, 0.5, 0.75]
    """
    return [k / (n + 1) for k in range(1, n + 1)] if quantiles is None else list(quantiles)


def middle(n: int) -> int:
    """The index c of the middle output; of two in the middle, the lower one."""
    return (n - 1) // 2


def ascending(Z: Array) -> Array:
    """Return A[L], in whose columns values never decrease.

    Examples
    --------
    >>> ascending(np.array([[-50.0], [2.0], [0.0]])).round(3).tolist()
    [[2.0], [2.0], [2.693]]
    """
    n, A, gap = len(Z), Z.copy(), softplus(Z)
    for k in range(middle(n) + 1, n):
        A[k] = A[k - 1] + gap[k]
    for k in range(middle(n) - 1, -1, -1):
        A[k] = A[k + 1] - gap[k]
    return A


def through_ascending(Z: Array, dA: Array) -> Array:
    """Return dZ from dA: the chain rule through `ascending`, whose derivative is a matrix for each example."""
    n, c = len(Z), middle(len(Z))
    total, slope = dA.copy(), softplus_prime(Z)
    for k in range(n - 2, c - 1, -1):
        total[k] += total[k + 1]
    for k in range(1, c + 1):
        total[k] += total[k - 1]
    slope[c] = 1
    slope[:c] = -slope[:c]
    return total * slope


def pinballs(Z: Array, Y: Array, quantiles: Sequence[float] | None = None) -> Array:
    """The pinball loss of each output for its own quantile, with A = ascending(Z)."""
    return pinball(ascending(Z), Y, _column(quantiles, Z))


def pinballs_dA(A: Array, Y: Array, quantiles: Sequence[float] | None = None) -> Array:
    """1 - q_k if a_k > y, -q_k if a_k < y, 0 at the kink."""
    return pinball_dZ(A, Y, _column(quantiles, A))


def pinballs_dZ(Z: Array, Y: Array, quantiles: Sequence[float] | None = None) -> Array:
    """The derivative of the sum of `pinballs` over the outputs."""
    return through_ascending(Z, pinballs_dA(ascending(Z), Y, quantiles))


def _column(quantiles: Sequence[float] | None, Z: Array) -> Any:
    return np.array(levels(quantiles, len(Z)), Z.dtype)[:, None]


# Like softmax it has no element-wise derivative; the pair above never asks for it.
ASCENDING = Activation("ascending", ascending, identity_prime)
