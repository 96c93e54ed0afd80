"""A[l] = g(Z[l]): each activation with its derivative beside it (row 4 of the source; row 9 uses g').

Derivatives are functions of Z alone, as in the source. Values and derivatives hold over z in [-1e4, 1e4] without
overflow or underflow. At a kink: relu'(0) = 0, leaky_relu'(0) = negative_slope, hard_tanh'(-1) = hard_tanh'(1) = 0.

The source's table prints relu's derivative as "z if z > 0, 0 otherwise". That is relu itself; the derivative is
1 if z > 0, else 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeGuard

import numpy as np

from chainrule._errors import InvalidParameterError, check_keywords, nearest
from chainrule.network.types import Array


def identity(Z: Array) -> Array:
    """g(z) = z."""
    return Z


def identity_prime(Z: Array) -> Array:
    """g'(z) = 1."""
    return np.ones_like(Z)


def exp_minus(Z: Array) -> Array:
    """e^-z for z >= 0, held at the smallest normal number where it would underflow."""
    return np.exp(-np.minimum(Z, -np.log(np.finfo(Z.dtype).tiny) - 1))


def sigmoid(Z: Array) -> Array:
    """g(z) = 1 / (1 + e^-z), or e^z / (1 + e^z) where e^-z could overflow."""
    e = exp_minus(np.abs(Z))
    return np.where(Z >= 0, 1, e) / (1 + e)


def sigmoid_prime(Z: Array) -> Array:
    """g'(z) = g(z) (1 - g(z)), where 1 - g(z) = g(-z) stays exact as g(z) rounds to 1."""
    return sigmoid(Z) * sigmoid(-Z)


def tanh(Z: Array) -> Array:
    """g(z) = tanh z."""
    return np.tanh(Z)


def tanh_prime(Z: Array) -> Array:
    """g'(z) = 1 - g(z)^2."""
    A = np.tanh(Z)
    return (1 - A) * (1 + A)


def relu(Z: Array) -> Array:
    """g(z) = max(z, 0)."""
    return np.maximum(Z, 0)


def relu_prime(Z: Array) -> Array:
    """g'(z) = 1 if z > 0, else 0."""
    return (Z > 0).astype(Z.dtype)


def leaky_relu(Z: Array, negative_slope: float = 0.01) -> Array:
    """g(z) = z if z > 0, else slope z."""
    return np.where(Z > 0, Z, negative_slope * Z)


def leaky_relu_prime(Z: Array, negative_slope: float = 0.01) -> Array:
    """g'(z) = 1 if z > 0, else slope."""
    return np.where(Z > 0, 1, negative_slope).astype(Z.dtype)


def elu(Z: Array, alpha: float = 1.0) -> Array:
    """g(z) = z if z > 0, else alpha (e^z - 1)."""
    return np.where(Z > 0, Z, alpha * np.expm1(np.clip(Z, -100, 0)))


def elu_prime(Z: Array, alpha: float = 1.0) -> Array:
    """g'(z) = 1 if z > 0, else alpha e^z."""
    return np.where(Z > 0, 1, alpha * exp_minus(np.maximum(-Z, 0)))


# The fixed point of mean 0 and variance 1 (Klambauer et al., "Self-normalizing neural networks", 2017).
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


def selu(Z: Array) -> Array:
    """g(z) = scale elu(z, alpha), with the two constants that keep mean 0 and variance 1."""
    return _SELU_SCALE * elu(Z, _SELU_ALPHA)


def selu_prime(Z: Array) -> Array:
    """g'(z) = scale elu'(z, alpha)."""
    return _SELU_SCALE * elu_prime(Z, _SELU_ALPHA)


def _normal_cdf(Z: Array) -> Array:
    from scipy.special import ndtr  # the error function is not NumPy's; SciPy's is imported by gelu alone

    lowest = 1 - np.sqrt(-2 * np.log(np.finfo(Z.dtype).tiny))
    cdf: Array = ndtr(np.maximum(Z, lowest))
    return cdf


def _normal_density(Z: Array) -> Array:
    z = np.maximum(np.abs(Z), 1e-15)  # so that the square of a tiny z does not underflow
    return exp_minus(z * z / 2) / np.sqrt(2 * np.pi, dtype=Z.dtype)


def gelu(Z: Array) -> Array:
    """g(z) = z Phi(z), with the exact normal distribution function (Hendrycks and Gimpel, 2016)."""
    return Z * _normal_cdf(Z)


def gelu_prime(Z: Array) -> Array:
    """g'(z) = Phi(z) + z phi(z)."""
    return _normal_cdf(Z) + Z * _normal_density(Z)


def silu(Z: Array) -> Array:
    """g(z) = z sigmoid(z)."""
    return Z * sigmoid(Z)


def silu_prime(Z: Array) -> Array:
    """g'(z) = sigmoid(z) (1 + z (1 - sigmoid(z)))."""
    return sigmoid(Z) * (1 + Z * sigmoid(-Z))


def softplus(Z: Array) -> Array:
    """g(z) = log(1 + e^z) = max(z, 0) + log(1 + e^-|z|)."""
    return np.maximum(Z, 0) + np.log1p(exp_minus(np.abs(Z)))


def softplus_prime(Z: Array) -> Array:
    """g'(z) = sigmoid(z)."""
    return sigmoid(Z)


def mish(Z: Array) -> Array:
    """g(z) = z tanh(softplus(z)) (Misra, 2019)."""
    return Z * np.tanh(softplus(Z))


def mish_prime(Z: Array) -> Array:
    """g'(z) = t + z sigmoid(z) (1 - t^2), with t = tanh(softplus(z))."""
    t = np.tanh(softplus(Z))
    return t + Z * sigmoid(Z) * ((1 - t) * (1 + t))


def hard_tanh(Z: Array) -> Array:
    """g(z) = z, held between -1 and 1."""
    return np.clip(Z, -1, 1)


def hard_tanh_prime(Z: Array) -> Array:
    """g'(z) = 1 if -1 < z < 1, else 0."""
    return (np.abs(Z) < 1).astype(Z.dtype)


def exponential(Z: Array) -> Array:
    """g(z) = e^z, the output of the losses with a log link; infinite where it overflows."""
    with np.errstate(over="ignore"):
        return np.exp(np.maximum(Z, np.log(np.finfo(Z.dtype).tiny) + 1))


def exponential_prime(Z: Array) -> Array:
    """g'(z) = e^z."""
    return exponential(Z)


def softmax(Z: Array) -> Array:
    """g(z)_k = e^(z_k) / sum_j e^(z_j), per column: the output of categorical cross-entropy.

    Its derivative is a matrix per example and appears only inside the named output pairs of `losses`.
    """
    E = exp_minus(-below_top(Z))
    total: Array = E.sum(axis=0)
    return E / total


def below_top(Z: Array) -> Array:
    """z_k - max_j z_j, per column, where infinity minus itself is 0."""
    top = Z.max(axis=0)
    return np.subtract(Z, top, where=top != Z, out=np.zeros_like(Z))


Function = Callable[..., Array]

ACTIVATIONS: Mapping[str, tuple[Function, Function]] = {
    "identity": (identity, identity_prime),
    "sigmoid": (sigmoid, sigmoid_prime),
    "tanh": (tanh, tanh_prime),
    "relu": (relu, relu_prime),
    "leaky_relu": (leaky_relu, leaky_relu_prime),
    "elu": (elu, elu_prime),
    "selu": (selu, selu_prime),
    "gelu": (gelu, gelu_prime),
    "silu": (silu, silu_prime),
    "softplus": (softplus, softplus_prime),
    "mish": (mish, mish_prime),
    "hard_tanh": (hard_tanh, hard_tanh_prime),
    "exponential": (exponential, exponential_prime),
}
ALIASES = {"logistic": "sigmoid", "swish": "silu", "linear": "identity"}
COUPLED = ("softmax", "ascending")  # each output depends on all z of its example: no element-wise derivative
OUTPUT_ONLY = (*COUPLED, "exponential")
FORMULA = "formula"  # the name of every activation that is given as text


@dataclass(frozen=True)
class Activation:
    """An activation g, its derivative g' (element-wise), and the name and parameters they go by."""

    name: str
    g: Function
    g_prime: Function
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_custom(self) -> bool:
        """Whether it is the user's: neither one of this package's, nor an output that only losses use."""
        return self.name not in (*ACTIVATIONS, *OUTPUT_ONLY)

    @property
    def label(self) -> str:
        """What it is called in messages: its name, or the formula it is."""
        return str(self.parameters["g"]) if self.name == FORMULA else self.name

    @property
    def spec(self) -> str | tuple[str, dict[str, Any]]:
        """What `activation` turns back into this object, unless it is made of the user's own functions."""
        return (self.name, dict(self.parameters)) if self.parameters else self.name


def named_activation(name: str, parameters: Mapping[str, Any] | None = None) -> Activation:
    """Look an activation up in the table, with its parameters.

    Raises
    ------
    InvalidParameterError
        If the name or a parameter is unknown; names the nearest valid one.

    Examples
    --------
    >>> named_activation("leaky_relu", {"negative_slope": 0.2}).g(np.array([-1.0, 1.0])).tolist()
    [-0.2, 1.0]
    """
    name = ALIASES.get(name, name)
    if name not in ACTIVATIONS:
        valid = [known for known in (*ACTIVATIONS, *ALIASES) if known not in OUTPUT_ONLY]
        words = "is not known" if name.isidentifier() else "is neither a known name nor a formula in z"
        raise InvalidParameterError(f"activation={name!r} {words}. {nearest(name, valid)}")
    g, g_prime = ACTIVATIONS[name]
    parameters = dict(parameters or {})
    check_keywords(f"activation {name!r}", parameters, g, behind=1)
    return Activation(name, partial(g, **parameters), partial(g_prime, **parameters), parameters)


def is_parametrised(spec: Any) -> TypeGuard[tuple[str, Mapping[str, Any]]]:
    """Whether it is a pair of a name and parameters."""
    pair = isinstance(spec, tuple | list) and len(spec) == 2
    return pair and isinstance(spec[0], str) and isinstance(spec[1], Mapping)
