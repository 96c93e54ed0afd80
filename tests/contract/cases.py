"""The tables of the contract tests: one row per activation, loss, optimiser, schedule and initialiser.

Whoever adds one of them adds a row here; `test_tables.py` fails until that is done. The truths are written from the
formulas of the literature in 60-digit decimal arithmetic, or by hand, never from the code under test.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, getcontext
from typing import Any

import numpy as np

from chainrule.network.losses import Loss, loss

getcontext().prec = 60
ONE, TWO = Decimal(1), Decimal(2)


def _sigmoid(z: Decimal) -> Decimal:
    return ONE / (ONE + (-z).exp())


def _tanh(z: Decimal) -> Decimal:
    return ((TWO * z).exp() - 1) / ((TWO * z).exp() + 1)


def _softplus(z: Decimal) -> Decimal:
    return (ONE + z.exp()).ln()


def _elu(z: Decimal, alpha: Decimal = ONE) -> Decimal:
    return z if z > 0 else alpha * (z.exp() - 1)


def _selu(z: Decimal) -> Decimal:
    return Decimal("1.0507009873554804934193349852946") * _elu(z, Decimal("1.6732632423543772848170429916717"))


def _gelu(z: Decimal) -> Decimal:
    """z Phi(z), Phi by its Taylor series 1/2 + phi(0) Σ (-1)^k z^(2k+1) / (2^k k! (2k+1)), fine for |z| < 8."""
    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
    term, total = z, z
    for k in range(1, 250):
        term = -term * z * z / (2 * k)
        total += term / (2 * k + 1)
    return z * (ONE / 2 + total / (TWO * pi).sqrt())


@dataclass(frozen=True)
class ActivationCase:
    """An activation by name, its truth on decimals, and where its derivative jumps (with the value it has there)."""

    name: str
    truth: Callable[[Decimal], Decimal]
    jumps: dict[float, float] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)

    @property
    def spec(self) -> Any:
        return (self.name, self.parameters) if self.parameters else self.name

    def __str__(self) -> str:
        return "-".join([self.name, *map(str, self.parameters.values())])


ACTIVATION_CASES = [
    ActivationCase("identity", lambda z: z),
    ActivationCase("sigmoid", _sigmoid),
    ActivationCase("tanh", _tanh),
    ActivationCase("relu", lambda z: max(z, Decimal(0)), jumps={0.0: 0.0}),
    ActivationCase("leaky_relu", lambda z: z if z > 0 else z / 100, jumps={0.0: 0.01}),
    ActivationCase("leaky_relu", lambda z: z if z > 0 else z / 4, {0.0: 0.25}, {"negative_slope": 0.25}),
    ActivationCase("elu", _elu),
    ActivationCase("elu", lambda z: _elu(z, Decimal("0.5")), {0.0: 0.5}, {"alpha": 0.5}),
    ActivationCase("selu", _selu, jumps={0.0: 1.0507009873554805 * 1.6732632423543772}),
    ActivationCase("gelu", _gelu),
    ActivationCase("silu", lambda z: z * _sigmoid(z)),
    ActivationCase("softplus", _softplus),
    ActivationCase("mish", lambda z: z * _tanh(_softplus(z))),
    ActivationCase("hard_tanh", lambda z: max(-ONE, min(ONE, z)), jumps={-1.0: 0.0, 1.0: 0.0}),
    ActivationCase("exponential", lambda z: z.exp()),
]


@dataclass(frozen=True)
class LossCase:
    """A loss by name and parameters, the kind of its targets, its truth for one output, and where dZ jumps.

    `truth(z, y)` is the loss of one output from the prediction's formula; None for the losses over a distribution.
    `kinks(A, Y)` measures how far every prediction is from a place where the derivative jumps.
    """

    name: str
    target: str  # "real", "label", "one-hot", "count" or "positive"
    truth: Callable[[Decimal, Decimal], Decimal] | None
    parameters: dict[str, float] = field(default_factory=dict)
    kinks: Callable[[Any, Any], Any] | None = None

    @property
    def loss(self) -> Loss:
        return loss(self.name, **self.parameters)

    def targets(self, rng: np.random.Generator, n: int, m: int) -> Any:
        """Draw targets of shape (n, m)."""
        if self.target == "label":
            return rng.integers(0, 2, (n, m)).astype(float)
        if self.target == "one-hot":
            return np.eye(n)[:, rng.integers(0, n, m)]
        if self.target == "count":
            return rng.poisson(2.0, (n, m)).astype(float)
        return rng.gamma(2.0, 1.0, (n, m)) + 0.1 if self.target == "positive" else rng.normal(size=(n, m))

    def __str__(self) -> str:
        return "-".join([self.name, *map(str, self.parameters.values())])


def _cross_entropy(z: Decimal, y: Decimal) -> Decimal:
    a = _sigmoid(z)
    return -(y * a.ln() + (1 - y) * (1 - a).ln())


def _focal(z: Decimal, y: Decimal) -> Decimal:
    p = _sigmoid(z) if y == 1 else 1 - _sigmoid(z)
    return -((1 - p) ** 2) * p.ln()


def _huber(z: Decimal, y: Decimal) -> Decimal:
    r = abs(z - y)
    return r * r / 2 if r <= 1 else r - ONE / 2


def _log_cosh(z: Decimal, y: Decimal) -> Decimal:
    return (((z - y).exp() + (y - z).exp()) / 2).ln()


def _pinball(z: Decimal, y: Decimal) -> Decimal:
    return Decimal("0.9") * (y - z) if y > z else Decimal("0.1") * (z - y)


def _poisson(z: Decimal, y: Decimal) -> Decimal:
    return (y * (y.ln() - z) if y else Decimal(0)) - y + z.exp()


def _gamma(z: Decimal, y: Decimal) -> Decimal:
    return z - y.ln() + y / z.exp() - 1


def _tweedie(p: Decimal) -> Callable[[Decimal, Decimal], Decimal]:
    def truth(z: Decimal, y: Decimal) -> Decimal:
        a = z.exp()
        head = y ** (2 - p) if y else Decimal(0)
        return head / ((1 - p) * (2 - p)) - y * a ** (1 - p) / (1 - p) + a ** (2 - p) / (2 - p)

    return truth


def _error(A: Any, Y: Any) -> Any:
    return np.abs(A - Y)


LOSS_CASES = [
    LossCase("binary_cross_entropy", "label", _cross_entropy),
    LossCase(
        "binary_cross_entropy",
        "label",
        lambda z, y: _cross_entropy(z, y * Decimal("0.8") + Decimal("0.1")),
        {"label_smoothing": 0.2},
    ),
    LossCase("categorical_cross_entropy", "one-hot", None),
    LossCase("categorical_cross_entropy", "one-hot", None, {"label_smoothing": 0.2}),
    LossCase("binary_focal", "label", _focal),
    LossCase("categorical_focal", "one-hot", None),
    LossCase("categorical_focal", "one-hot", None, {"gamma": 0.5}),
    LossCase(
        "hinge",
        "label",
        lambda z, y: max(Decimal(0), 1 - (2 * y - 1) * z),
        kinks=lambda A, Y: np.abs(1 - (2 * Y - 1) * A),
    ),
    LossCase("squared_error", "real", lambda z, y: (z - y) ** 2 / 2),
    LossCase("absolute_error", "real", lambda z, y: abs(z - y), kinks=_error),
    LossCase("huber", "real", _huber),
    LossCase("log_cosh", "real", _log_cosh),
    LossCase("quantile", "real", _pinball, {"quantile": 0.9}, kinks=_error),
    LossCase("poisson", "count", _poisson),
    LossCase("gamma", "positive", _gamma),
    LossCase("tweedie", "count", _tweedie(Decimal("1.5"))),
    LossCase("tweedie", "positive", _tweedie(Decimal(3)), {"power": 3.0}),
    LossCase("quantiles", "real", None, kinks=_error),
]

# Every loss with 1, 2 and 3 outputs, but for a distribution over one class, which is always 1 and costs nothing.
LOSSES_AND_OUTPUTS = [(case, n) for case in LOSS_CASES for n in (1, 2, 3) if (case.target, n) != ("one-hot", 1)]


@dataclass(frozen=True)
class OptimizerCase:
    """An optimiser, its hyperparameters, and the first learning rate (it falls to 0) that suits a small problem."""

    name: str
    rate: float
    parameters: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.name, *map(str, self.parameters.values())])


OPTIMIZER_CASES = [
    OptimizerCase("sgd", 0.3),
    OptimizerCase("momentum", 0.1),
    OptimizerCase("momentum", 0.2, {"momentum": 0.5}),
    OptimizerCase("nesterov", 0.05),
    OptimizerCase("rmsprop", 0.05),
    OptimizerCase("adagrad", 0.5),
    OptimizerCase("adam", 0.05),
    OptimizerCase("nadam", 0.05),
]

# name: {step: rate}, for an initial rate of 0.8, 10 steps an epoch, 100 steps in all, 40 examples, power_t 0.5
SCHEDULE_CASES: dict[str, dict[int, float]] = {
    "constant": {0: 0.8, 57: 0.8, 99: 0.8},
    "adaptive": {0: 0.8, 57: 0.8, 99: 0.8},  # the loop cuts, the schedule itself does not
    "plateau": {0: 0.8, 57: 0.8, 99: 0.8},
    "invscaling": {0: 0.8, 9: 0.8, 10: 0.8 / 41**0.5, 99: 0.8 / 361**0.5},
    "cosine": {0: 0.8, 25: 0.4 + 0.4 * 0.5**0.5, 50: 0.4, 75: 0.4 - 0.4 * 0.5**0.5, 100: 0.0, 300: 0.0},
    "one_cycle": {0: 0.032, 15: 0.416, 30: 0.8, 65: (0.8 + 3.2e-6) / 2, 100: 3.2e-6},
}

# name: variance of a weight for p = 300 inputs and n = 200 units
INITIALIZER_CASES: dict[str, float] = {
    "glorot_uniform": 2 / 500,
    "glorot_normal": 2 / 500,
    "he_uniform": 2 / 300,
    "he_normal": 2 / 300,
    "lecun_uniform": 1 / 300,
    "lecun_normal": 1 / 300,
    "orthogonal": 1 / 300,  # rows of length 1 in 300 dimensions
    "random_normal": 0.05**2,
    "random_uniform": 0.1**2 / 12,
    "truncated_normal": (0.05 * 0.8796256610342398) ** 2,  # what is left of a normal law between -2 and 2
    "constant": 0.0,
    "ones": 0.0,
    "zeros": 0.0,
}
