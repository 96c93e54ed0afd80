"""Optimisers as state and a pure update of the parameter vector θ (row 11): θ := θ - move.

Every optimiser names its slots, vectors like θ that start at 0, and turns (slots, gradient d, learning rate, step
number t = 1, 2, ...) into a `Move`. The `gain` is the move per unit of a constant gradient, coordinate by coordinate.
The proximal step of an L1 penalty is scaled by it, so that training converges to the minimum of the penalised cost.

Letters: v velocity or second moment, m first moment, m_hat and v_hat their unbiased versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from chainrule._errors import InvalidParameterError, check_keywords, nearest
from chainrule.network.types import Array

Slots = tuple[Array, ...]


class Move(NamedTuple):
    """An update: the new slots, the step to subtract from θ, and its gain."""

    slots: Slots
    move: Array
    gain: Array | float


class Optimizer(Protocol):
    """The protocol of an optimiser."""

    name: ClassVar[str]
    slot_names: ClassVar[tuple[str, ...]]

    def update(self, slots: Slots, d: Array, rate: float, t: int) -> Move:
        """Turn a gradient into a move."""
        ...


@dataclass(frozen=True)
class GradientDescent:
    """θ := θ - α d, as in the source; on mini-batches it is stochastic gradient descent."""

    name: ClassVar[str] = "sgd"
    slot_names: ClassVar[tuple[str, ...]] = ()

    def update(self, slots: Slots, d: Array, rate: float, t: int) -> Move:
        """Move by α d."""
        return Move((), rate * d, rate)


@dataclass(frozen=True)
class Momentum:
    """v := μ v + d, θ := θ - α v (Polyak, 1964)."""

    momentum: float = 0.9
    name: ClassVar[str] = "momentum"
    slot_names: ClassVar[tuple[str, ...]] = ("v",)

    def update(self, slots: Slots, d: Array, rate: float, t: int) -> Move:
        """Move by α v."""
        v = self.momentum * slots[0] + d
        return Move((v,), rate * v, rate / (1 - self.momentum))


@dataclass(frozen=True)
class Nesterov:
    """v := μ v + d, θ := θ - α (d + μ v) (Sutskever et al., 2013)."""

    momentum: float = 0.9
    name: ClassVar[str] = "nesterov"
    slot_names: ClassVar[tuple[str, ...]] = ("v",)

    def update(self, slots: Slots, d: Array, rate: float, t: int) -> Move:
        """Move by α (d + μ v), looking ahead along v."""
        v = self.momentum * slots[0] + d
        return Move((v,), rate * (d + self.momentum * v), rate / (1 - self.momentum))


@dataclass(frozen=True)
class RMSprop:
    """v := ρ v + (1 - ρ) d², θ := θ - α d / (√v + ε) (Tieleman and Hinton, 2012)."""

    rho: float = 0.99
    epsilon: float = 1e-8
    name: ClassVar[str] = "rmsprop"
    slot_names: ClassVar[tuple[str, ...]] = ("v",)

    def update(self, slots: Slots, d: Array, rate: float, t: int) -> Move:
        """Move by α d / (√v + ε)."""
        v = self.rho * slots[0] + (1 - self.rho) * d * d
        gain = rate / (np.sqrt(v) + self.epsilon)
        return Move((v,), gain * d, gain)


@dataclass(frozen=True)
class Adagrad:
    """v := v + d², θ := θ - α d / (√v + ε) (Duchi et al., 2011)."""

    epsilon: float = 1e-10
    name: ClassVar[str] = "adagrad"
    slot_names: ClassVar[tuple[str, ...]] = ("v",)

    def update(self, slots: Slots, d: Array, rate: float, t: int) -> Move:
        """Move by α d / (√v + ε)."""
        v = slots[0] + d * d
        gain = rate / (np.sqrt(v) + self.epsilon)
        return Move((v,), gain * d, gain)


@dataclass(frozen=True)
class Adam:
    """m, v: moving means of d and d²; θ := θ - α m_hat / (√v_hat + ε) (Kingma and Ba, 2015)."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    name: ClassVar[str] = "adam"
    slot_names: ClassVar[tuple[str, ...]] = ("m", "v")

    def update(self, slots: Slots, d: Array, rate: float, t: int) -> Move:
        """Move by α m_hat / (√v_hat + ε)."""
        m = self.beta_1 * slots[0] + (1 - self.beta_1) * d
        v = self.beta_2 * slots[1] + (1 - self.beta_2) * d * d
        m_hat = m / (1 - self.beta_1**t)
        v_hat = v / (1 - self.beta_2**t)
        gain = rate / (np.sqrt(v_hat) + self.epsilon)
        return Move((m, v), gain * m_hat, gain)


@dataclass(frozen=True)
class NAdam:
    """Adam with Nesterov's look-ahead; μ_t = β1 (1 - 0.96^(t ψ) / 2) with ψ = 0.004 (Dozat, 2016)."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    name: ClassVar[str] = "nadam"
    slot_names: ClassVar[tuple[str, ...]] = ("m", "v")

    def update(self, slots: Slots, d: Array, rate: float, t: int) -> Move:
        """Move by α m_hat / (√v_hat + ε), m_hat = μ_{t+1} m / (1 - Π_{i≤t+1} μ_i) + (1 - μ_t) d / (1 - Π_{i≤t} μ_i)."""
        mu, mu_products = mu_and_products(self.beta_1, t)
        m = self.beta_1 * slots[0] + (1 - self.beta_1) * d
        v = self.beta_2 * slots[1] + (1 - self.beta_2) * d * d
        v_hat = v / (1 - self.beta_2**t)
        ahead = float(mu[t] / (1 - mu_products[t]))
        now = float((1 - mu[t - 1]) / (1 - mu_products[t - 1]))
        m_hat = ahead * m + now * d
        gain = rate / (np.sqrt(v_hat) + self.epsilon)
        return Move((m, v), gain * m_hat, gain)


def mu_and_products(beta_1: float, t: int) -> tuple[Array, Array]:
    """μ_1 to at least μ_{t+1}, and their running products."""
    return _mu_and_products(beta_1, 1 << (t + 1).bit_length())


@lru_cache
def _mu_and_products(beta_1: float, size: int) -> tuple[Array, Array]:
    mu = beta_1 * (1 - 0.5 * 0.96 ** (0.004 * np.arange(1, size + 1)))
    return mu, np.cumprod(mu)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    kind.name: kind for kind in (GradientDescent, Momentum, Nesterov, RMSprop, Adagrad, Adam, NAdam)
}


def initial_slots(optimizer: Optimizer, theta: Array) -> Slots:
    """Zeros like θ for every slot."""
    return tuple(np.zeros_like(theta) for _ in optimizer.slot_names)


def optimizer_named(name: str, **hyperparameters: float) -> Optimizer:
    """Build an optimiser by name.

    Raises
    ------
    InvalidParameterError
        If the name or a hyperparameter is unknown; names the nearest valid one.

    Examples
    --------
    >>> optimizer_named("adam", beta_1=0.8)
    Adam(beta_1=0.8, beta_2=0.999, epsilon=1e-08)
    """
    if name not in OPTIMIZERS:
        raise InvalidParameterError(f"optimizer={name!r} is not known. {nearest(name, OPTIMIZERS)}")
    check_keywords(f"optimizer {name!r}", hyperparameters, OPTIMIZERS[name])
    return OPTIMIZERS[name](**hyperparameters)
