"""Initial weights, drawn in float64 and then cast, so that float32 and float64 start from the same draws.

A scheme fixes the variance of the weights from the fans, p = n[l-1] inputs and n = n[l] units:
glorot 2 / (p + n) (Glorot and Bengio, 2010), he 2 / p (He et al., 2015), lecun 1 / p (LeCun et al., 1998).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from chainrule._errors import InvalidParameterError, check_keywords, nearest
from chainrule.network.activations import is_parametrised
from chainrule.network.custom.checks import of_shape
from chainrule.network.draws import generator
from chainrule.network.types import Array

Draw = np.random.Generator
CustomInitializer: TypeAlias = Callable[[tuple[int, int], Draw], Array]
InitializerSpec: TypeAlias = str | tuple[str, Mapping[str, float]] | CustomInitializer

VARIANCES = {
    "glorot": lambda p, n: 2 / (p + n),
    "he": lambda p, n: 2 / p,
    "lecun": lambda p, n: 1 / p,
}


def scaled_normal(draw: Draw, n: int, p: int, *, scheme: str) -> Array:
    """Normal, with the variance of a scheme."""
    return np.sqrt(VARIANCES[scheme](max(p, 1), n)) * draw.standard_normal((n, p))


def scaled_uniform(draw: Draw, n: int, p: int, *, scheme: str) -> Array:
    """Uniform on [-limit, limit], whose variance is limit^2 / 3."""
    limit = np.sqrt(3) * np.sqrt(VARIANCES[scheme](max(p, 1), n))
    return draw.uniform(-limit, limit, (n, p))


def orthogonal(draw: Draw, n: int, p: int, *, gain: float = 1.0) -> Array:
    """Orthonormal rows or columns, uniformly distributed (Saxe et al., 2014), times gain."""
    Q, R = np.linalg.qr(draw.standard_normal((max(n, p), min(n, p))))
    Q = Q * np.where(np.diag(R) < 0, -1, 1)  # without the signs of R the draw is not uniform
    return gain * (Q if n >= p else Q.T)


def random_normal(draw: Draw, n: int, p: int, *, mean: float = 0.0, stddev: float = 0.05) -> Array:
    """Normal."""
    return draw.normal(mean, stddev, (n, p))


def random_uniform(draw: Draw, n: int, p: int, *, minval: float = -0.05, maxval: float = 0.05) -> Array:
    """Uniform between two limits."""
    return draw.uniform(minval, maxval, (n, p))


def truncated_normal(draw: Draw, n: int, p: int, *, mean: float = 0.0, stddev: float = 0.05) -> Array:
    """Normal, drawn again beyond 2 stddev from the mean; the resulting deviation is 0.88 stddev."""
    values = draw.standard_normal((n, p))
    while (far := np.abs(values) > 2).any():
        values[far] = draw.standard_normal(np.count_nonzero(far))
    return mean + stddev * values


def constant(draw: Draw, n: int, p: int, *, value: float = 0.0) -> Array:
    """The same value everywhere."""
    return np.full((n, p), float(value))


INITIALIZERS: Mapping[str, Callable[..., Array]] = {
    **{f"{scheme}_uniform": partial(scaled_uniform, scheme=scheme) for scheme in VARIANCES},
    **{f"{scheme}_normal": partial(scaled_normal, scheme=scheme) for scheme in VARIANCES},
    "orthogonal": orthogonal,
    "random_normal": random_normal,
    "random_uniform": random_uniform,
    "truncated_normal": truncated_normal,
    "constant": constant,
    "ones": partial(constant, value=1.0),
    "zeros": partial(constant, value=0.0),
}


def initial_weights(initializer: InitializerSpec, n: int, p: int, *, activation: str, seed: int, layer: int) -> Array:
    """Draw W[l] of shape (n, p).

    Parameters
    ----------
    initializer : str, (str, dict) or callable
        One of `INITIALIZERS`, alone or in a pair with its parameters; "auto": lecun_normal for selu, else
        glorot_uniform; or a function of (n, p) and a NumPy generator.
    n, p : int
        Units of this layer and of the previous one.
    activation : str
        Name of the layer's activation, for "auto".
    seed, layer : int
        The draw is a pure function of both.

    Raises
    ------
    InvalidParameterError
        If the name or a parameter is unknown, or a number is not finite.
    ShapeError
        If a function returns another shape.

    Examples
    --------
    >>> W = initial_weights("he_normal", 200, 300, activation="relu", seed=0, layer=1)
    >>> W.shape, bool(abs(W.var() * 300 / 2 - 1) < 0.02)
    ((200, 300), True)
    >>> initial_weights(("constant", {"value": 0.5}), 1, 2, activation="relu", seed=0, layer=1).tolist()
    [[0.5, 0.5]]
    """
    draw = generator(seed, "initial weights", layer)
    if callable(initializer):
        W = of_shape(np.asarray(initializer((n, p), draw), np.float64), (n, p), "an initializer")
    else:
        name, parameters = check_initializer(_suited_to(activation) if initializer == "auto" else initializer)
        W = INITIALIZERS[name](draw, n, p, **parameters)
    if not np.isfinite(W).all():
        raise InvalidParameterError(f"an initializer must draw finite numbers; for layer shape ({n}, {p}) it did not.")
    return W


def check_initializer(spec: Any) -> tuple[str, Mapping[str, float]]:
    """Split a name, or a pair of a name and parameters; raise InvalidParameterError if one of them is unknown."""
    name, parameters = spec if is_parametrised(spec) else (spec, {})
    if not isinstance(name, str) or name not in INITIALIZERS:
        raise InvalidParameterError(f"initializer {name!r} is not known. {nearest(name, INITIALIZERS)}")
    check_keywords(f"initializer {name!r}", parameters, INITIALIZERS[name], behind=3)
    for key, value in parameters.items():
        if not (isinstance(value, Real) and np.isfinite(float(value))) or (key == "stddev" and value < 0):
            raise InvalidParameterError(
                f"{key} of the initializer {name!r} must be a finite number, a stddev at least 0; got {value!r}."
            )
    if parameters.get("minval", -0.05) > parameters.get("maxval", 0.05):
        raise InvalidParameterError(f"minval must not be above maxval, 0.05 by default; got {dict(parameters)}.")
    return name, parameters


def _suited_to(activation: str) -> str:
    return "lecun_normal" if activation == "selu" else "glorot_uniform"
