"""Losses for classification: cross-entropy, focal loss and hinge, computed from logits without clipping.

Targets are 0 or 1: one row for two classes or for each label, one-hot columns for more classes.
"""

from __future__ import annotations

import numpy as np

from chainrule.network.activations import Activation, below_top, exp_minus, identity_prime, sigmoid, softmax
from chainrule.network.losses.base import times
from chainrule.network.types import Array

# Softmax has no element-wise derivative, and the losses below do not need one.
SOFTMAX = Activation("softmax", softmax, identity_prime)


def is_probability(Y: Array) -> Array:
    """Tell which targets lie between 0 and 1."""
    return (Y >= 0) & (Y <= 1)


def binary_cross_entropy(Z: Array, Y: Array, label_smoothing: float = 0.0) -> Array:
    """-[y log a + (1 - y) log(1 - a)] with a = sigmoid(z), which is log(1 + e^z) - y z."""
    Y = (1 - label_smoothing) * Y + label_smoothing / 2
    return times((Z > 0) - Y, Z) + np.log1p(exp_minus(np.abs(Z)))


def binary_cross_entropy_dZ(Z: Array, Y: Array, label_smoothing: float = 0.0) -> Array:
    """Return dZ = A - Y, since dL/da = (a - y) / (a (1 - a)) and g'(z) = a (1 - a)."""
    Y = (1 - label_smoothing) * Y + label_smoothing / 2
    return sigmoid(Z) - Y


def log_softmax(Z: Array) -> Array:
    """Return log a_k = z_k - log sum_j e^(z_j) of every column."""
    below = below_top(Z)
    total: Array = np.log(exp_minus(-below).sum(axis=0))
    return below - total


def categorical_cross_entropy(Z: Array, Y: Array, label_smoothing: float = 0.0) -> Array:
    """-y_k log a_k with a = softmax(z); the terms of an example add up to its loss."""
    Y = (1 - label_smoothing) * Y + label_smoothing / len(Y)
    return times(-Y, log_softmax(Z))


def categorical_cross_entropy_dZ(Z: Array, Y: Array, label_smoothing: float = 0.0) -> Array:
    """Return dZ = A - Y, since the targets of an example add up to 1."""
    Y = (1 - label_smoothing) * Y + label_smoothing / len(Y)
    return softmax(Z) - Y


def hinge(Z: Array, Y: Array) -> Array:
    """max(0, 1 - s z) with s = 2 y - 1 in {-1, 1}."""
    return np.maximum(0, 1 - (2 * Y - 1) * Z)


def hinge_dZ(Z: Array, Y: Array) -> Array:
    """-s if s z < 1, else 0."""
    s = 2 * Y - 1
    return np.where(s * Z < 1, -s, 0).astype(Z.dtype)


def _focal_weight(p: Array, log_p: Array, gamma: float) -> tuple[Array, Array]:
    """(1 - p)^gamma, and p d/dp of -(1 - p)^gamma log p."""
    q = 1 - p
    weight = q**gamma
    p_log_p = p * np.maximum(log_p, -1e4)  # p log p vanishes as p does
    steepness = gamma * np.where(q > 0, q, 1) ** (gamma - 1) * p_log_p if gamma else 0.0
    return weight, steepness - weight


def binary_focal(Z: Array, Y: Array, gamma: float = 2.0) -> Array:
    """-(1 - p)^gamma log p, with p the probability given to the true class (Lin et al., 2017)."""
    S = (2 * Y - 1) * Z
    log_p = -np.log1p(exp_minus(np.abs(S))) + np.minimum(S, 0)
    weight, _ = _focal_weight(sigmoid(S), log_p, gamma)
    return -weight * log_p


def binary_focal_dZ(Z: Array, Y: Array, gamma: float = 2.0) -> Array:
    """Return s (1 - p) [p dL/dp], since dp/dz = s p (1 - p); gamma = 0 gives A - Y again."""
    s = 2 * Y - 1
    S = s * Z
    log_p = -np.log1p(exp_minus(np.abs(S))) + np.minimum(S, 0)
    _, p_dL_dp = _focal_weight(sigmoid(S), log_p, gamma)
    return s * sigmoid(-S) * p_dL_dp


def categorical_focal(Z: Array, Y: Array, gamma: float = 2.0) -> Array:
    """-y_k (1 - p_k)^gamma log p_k with p = softmax(z)."""
    log_p = log_softmax(Z)
    weight, _ = _focal_weight(softmax(Z), log_p, gamma)
    return times(-Y * weight, log_p)


def categorical_focal_dZ(Z: Array, Y: Array, gamma: float = 2.0) -> Array:
    """sum_k y_k [p_k dL/dp_k] (delta_jk - p_j), since dp_k/dz_j = p_k (delta_jk - p_j)."""
    p = softmax(Z)
    _, p_dL_dp = _focal_weight(p, log_softmax(Z), gamma)
    c = Y * p_dL_dp
    total: Array = c.sum(axis=0)
    return c - p * total
