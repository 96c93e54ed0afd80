"""The activations and losses as formulas: what the derivation shows and differentiates, as a user would write it.

A parameter goes by its name in the code. A kink has the value that the network takes there. σ is the sigmoid, Φ and φ
are the normal distribution's function and density, each known to the derivation by name.
"""

from __future__ import annotations

from collections.abc import Mapping

ACTIVATION_FORMULAS: Mapping[str, str] = {
    "identity": "z",
    "sigmoid": "1 / (1 + exp(-z))",
    "tanh": "tanh(z)",
    "relu": "z if z > 0 else 0",
    "leaky_relu": "z if z > 0 else negative_slope * z",
    "elu": "z if z > 0 else alpha * (exp(z) - 1)",
    "selu": "scale * z if z > 0 else scale * alpha * (exp(z) - 1)",
    "gelu": "z * Φ(z)",
    "silu": "z * σ(z)",
    "softplus": "log(1 + exp(z))",
    "mish": "z * tanh(log(1 + exp(z)))",
    "hard_tanh": "z if abs(z) < 1 else 1 if z > 0 else -1",
    "exponential": "exp(z)",
}

# Of one output, in its prediction a and its target y.
LOSS_FORMULAS: Mapping[str, str] = {
    "binary_cross_entropy": "-y * log(a) - (1 - y) * log(1 - a)",
    "categorical_cross_entropy": "-y * log(a)",
    "binary_focal": "-y * (1 - a)**gamma * log(a) - (1 - y) * a**gamma * log(1 - a)",
    "categorical_focal": "-y * (1 - a)**gamma * log(a)",
    "hinge": "1 - y * a if y * a < 1 else 0",
    "squared_error": "(a - y)**2 / 2",
    "absolute_error": "abs(a - y)",
    "huber": "(a - y)**2 / 2 if abs(a - y) <= delta else delta * (abs(a - y) - delta / 2)",
    "log_cosh": "log(cosh(a - y))",
    "quantile": "(1 - quantile) * (a - y) if a > y else quantile * (y - a) if a < y else 0",
    "poisson": "y * log(y / a) - y + a",
    "gamma": "log(a / y) + y / a - 1",
    "tweedie": (
        "y**(2 - power) / ((1 - power) * (2 - power)) - y * a**(1 - power) / (1 - power) + a**(2 - power) / (2 - power)"
    ),
}
