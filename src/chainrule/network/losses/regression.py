"""Losses for numbers: r = z - y is the error; the counts' losses have a log link, A = e^z, and are 0 at A = Y."""

from __future__ import annotations

import numpy as np

from chainrule.network.activations import exponential
from chainrule.network.losses.base import times
from chainrule.network.types import Array


def is_not_negative(Y: Array) -> Array:
    """Tell which targets are finite and at least 0."""
    return np.isfinite(Y) & (Y >= 0)


def is_positive(Y: Array) -> Array:
    """Tell which targets are finite and above 0."""
    return np.isfinite(Y) & (Y > 0)


def squared_error(Z: Array, Y: Array) -> Array:
    """r^2 / 2."""
    return (Z - Y) ** 2 / 2


def squared_error_dZ(Z: Array, Y: Array) -> Array:
    """DZ = A - Y."""
    return Z - Y


def absolute_error(Z: Array, Y: Array) -> Array:
    """|r|."""
    return np.abs(Z - Y)


def absolute_error_dZ(Z: Array, Y: Array) -> Array:
    """The sign of r, 0 at r = 0."""
    return np.sign(Z - Y)


def huber(Z: Array, Y: Array, delta: float = 1.0) -> Array:
    """r^2 / 2 if |r| <= delta, else delta (|r| - delta / 2)."""
    r = np.abs(Z - Y)
    inner = np.minimum(r, delta)
    return inner * (r - inner / 2)


def huber_dZ(Z: Array, Y: Array, delta: float = 1.0) -> Array:
    """r, held between -delta and delta."""
    return np.clip(Z - Y, -delta, delta)


def log_cosh(Z: Array, Y: Array) -> Array:
    """Log cosh r = |r| + log(1 + e^(-2 |r|)) - log 2."""
    r = np.abs(Z - Y)
    with np.errstate(under="ignore"):
        return r + np.log1p(np.exp(-2 * r)) - np.log(2).astype(r.dtype)


def log_cosh_dZ(Z: Array, Y: Array) -> Array:
    """Tanh r."""
    return np.tanh(Z - Y)


def pinball(Z: Array, Y: Array, quantile: float | Array = 0.5) -> Array:
    """Q (y - z) if y > z, else (1 - q) (z - y); its best constant is the q-quantile."""
    r = Z - Y
    return np.maximum((1 - quantile) * r, -quantile * r)


def pinball_dZ(Z: Array, Y: Array, quantile: float | Array = 0.5) -> Array:
    """1 - q if z > y, -q if z < y, 0 at the kink."""
    r = Z - Y
    return np.where(r > 0, 1 - quantile, -quantile * (r < 0)).astype(r.dtype)


def _log(Y: Array) -> Array:
    """Log y, and 0 at y = 0, where it is always multiplied by y."""
    return np.log(np.where(Y > 0, Y, 1))


_DECIDED = 1e4  # e^z is infinite long before; there it decides a sum, and a term in z must not be infinite too


def poisson(Z: Array, Y: Array) -> Array:
    """Half the Poisson deviance: y log(y / a) - y + a."""
    return Y * (_log(Y) - 1) - times(Y, np.minimum(Z, _DECIDED)) + exponential(Z)


def poisson_dZ(Z: Array, Y: Array) -> Array:
    """DZ = A - Y."""
    return exponential(Z) - Y


def gamma(Z: Array, Y: Array) -> Array:
    """Half the gamma deviance: log(a / y) + y / a - 1."""
    return np.maximum(Z, -_DECIDED) - _log(Y) + Y * exponential(-Z) - 1


def gamma_dZ(Z: Array, Y: Array) -> Array:
    """1 - y / a."""
    return 1 - Y * exponential(-Z)


def tweedie(Z: Array, Y: Array, power: float = 1.5) -> Array:
    """Half the Tweedie deviance for a variance of a^power; power 1 is Poisson, 2 is gamma."""
    if power == 1:
        return poisson(Z, Y)
    if power == 2:
        return gamma(Z, Y)
    p, q = 1 - power, 2 - power
    return Y**q / (p * q) - times(Y, exponential(p * Z)) / p + _finite(exponential(q * Z)) / q


def tweedie_dZ(Z: Array, Y: Array, power: float = 1.5) -> Array:
    """a^(2 - power) - y a^(1 - power)."""
    if power == 1:
        return poisson_dZ(Z, Y)
    if power == 2:
        return gamma_dZ(Z, Y)
    return _finite(exponential((2 - power) * Z)) - times(Y, exponential((1 - power) * Z))


def _finite(A: Array) -> Array:
    """A, held at the largest number: for power > 2 both terms overflow as z falls, and the other one decides."""
    return np.minimum(A, np.finfo(A.dtype).max)
