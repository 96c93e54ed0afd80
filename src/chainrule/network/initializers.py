"""Initial weights: drawn in float64 and cast, so that float32 and float64 runs start from the same draws.

A scheme fixes the variance of the weights from the fans, p = n[l-1] inputs and n = n[l] units:
glorot 2 / (p + n) (Glorot and Bengio, 2010), he 2 / p (He et al., 2015), lecun 1 / p (LeCun et al., 1998).
"""

from __future__ import annotations

import numpy as np

from chainrule._errors import InvalidParameterError, nearest
from chainrule.network.draws import generator
from chainrule.network.types import Array

VARIANCES = {
    "glorot": lambda p, n: 2 / (p + n),
    "he": lambda p, n: 2 / p,
    "lecun": lambda p, n: 1 / p,
}
INITIALIZERS = (
    *(f"{scheme}_{law}" for scheme in VARIANCES for law in ("uniform", "normal")),
    "orthogonal",
    "zeros",
)

_RELU_FAMILY = {"relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "mish"}


def initial_weights(initializer: str, n: int, p: int, *, activation: str, seed: int, layer: int) -> Array:
    """Draw W[l] of shape (n, p).

    Parameters
    ----------
    initializer : str
        One of `INITIALIZERS`, or "auto": he_uniform for the relu family, lecun_normal for selu, else glorot_uniform.
    n, p : int
        Units of this layer and of the previous one.
    activation : str
        Name of the layer's activation, for "auto".
    seed, layer : int
        The draw is a pure function of both.

    Raises
    ------
    InvalidParameterError
        If the name is unknown.

    Examples
    --------
    >>> W = initial_weights("he_normal", 200, 300, activation="relu", seed=0, layer=1)
    >>> W.shape, bool(abs(W.var() * 300 / 2 - 1) < 0.02)
    ((200, 300), True)
    """
    if initializer == "auto":
        initializer = _suited_to(activation)
    if initializer not in INITIALIZERS:
        raise InvalidParameterError(f"initializer {initializer!r} is not known. {nearest(initializer, INITIALIZERS)}")
    draw = generator(seed, "initial weights", layer)
    if initializer == "zeros":
        return np.zeros((n, p))
    if initializer == "orthogonal":
        return _orthogonal(draw, n, p)
    scheme, law = initializer.rsplit("_", 1)
    deviation = np.sqrt(VARIANCES[scheme](max(p, 1), n))
    if law == "normal":
        return deviation * draw.standard_normal((n, p))
    limit = np.sqrt(3) * deviation  # a uniform law on [-limit, limit] has variance limit^2 / 3
    return draw.uniform(-limit, limit, (n, p))


def _suited_to(activation: str) -> str:
    if activation in _RELU_FAMILY:
        return "he_uniform"
    return "lecun_normal" if activation == "selu" else "glorot_uniform"


def _orthogonal(draw: np.random.Generator, n: int, p: int) -> Array:
    """Orthonormal rows or columns, uniform over all of them (Saxe et al., 2014)."""
    Q, R = np.linalg.qr(draw.standard_normal((max(n, p), min(n, p))))
    Q = Q * np.where(np.diag(R) < 0, -1, 1)  # without the signs of R the draw is not uniform
    return Q if n >= p else Q.T
