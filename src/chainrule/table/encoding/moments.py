"""Count, mean and squared deviations of numbers, added up over batches of a column."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chainrule.network.types import Array

_BLOCK = 4096  # numbers added up together: at most 32 KB of a column wait for the next batch


@dataclass(frozen=True)
class Moments:
    """Moments of numbers, from which mean and standard deviation are computed.

    Adding batches loses no precision far from zero: the squares are always those of differences from the mean
    (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979).

    Parameters
    ----------
    count, mean : float
    squares : float
        The sum of the squared differences from the mean.
    low, high : float
        The smallest and the largest number.

    Examples
    --------
    >>> both = Moments.of(np.array([1.0, 2.0])) + Moments.of(np.array([6.0]))
    >>> both.mean, both.squares, both.low, both.high
    (3.0, 14.0, 1.0, 6.0)
    """

    count: float = 0.0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, x: Array, counts: Array | None = None) -> Moments:
        """Compute the moments of numbers, each of which counts once or as often as `counts` says."""
        if not len(x):
            return cls()
        with np.errstate(over="ignore", invalid="ignore"):  # the caller checks whether the result is finite
            mean = float(np.average(x, weights=counts))
            squares = np.square(x - mean)
            total = float(squares.sum() if counts is None else squares @ counts)
        return cls(float(len(x) if counts is None else counts.sum()), mean, total, float(x.min()), float(x.max()))

    @classmethod
    def repeated(cls, x: float, count: float) -> Moments:
        """Return the moments of a number repeated `count` times."""
        return cls(count, x, 0.0, x, x) if count else cls()

    def __add__(self, other: Moments) -> Moments:
        if not self.count or not other.count:
            return self if self.count else other
        count, apart = self.count + other.count, other.mean - self.mean
        return Moments(
            count,
            self.mean + apart * other.count / count,
            self.squares + other.squares + apart * apart * self.count * other.count / count,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    @property
    def deviation(self) -> float:
        """The standard deviation, or 1 if all numbers are the same."""
        return math.sqrt(self.squares / self.count) if self.low < self.high and self.squares else 1.0


class RunningMoments:
    """The moments of numbers that come in batches, the same to the last bit wherever the batches are cut.

    The numbers are added up in blocks of equal size; the rest of a batch waits for the next one.

    Examples
    --------
    >>> running = RunningMoments()
    >>> running.add(np.array([1.0, 2.0]))
    >>> running.add(np.array([6.0]))
    >>> running.total() == Moments.of(np.array([1.0, 2.0, 6.0]))
    True
    """

    def __init__(self) -> None:
        self._whole, self._waiting = Moments(), np.empty(0)
        self._counts: Array | None = None  # how often each waiting number counts; None for once

    def add(self, x: Array, counts: Array | None = None) -> None:
        """Add numbers, in order; each counts once, or as often as `counts` says, in all calls or in none."""
        if counts is not None:
            counts = counts if self._counts is None else np.concatenate([self._counts, counts])
        x = np.concatenate([self._waiting, x]) if len(self._waiting) else x
        whole = len(x) // _BLOCK * _BLOCK
        for start in range(0, whole, _BLOCK):
            block = slice(start, start + _BLOCK)
            self._whole += Moments.of(x[block], None if counts is None else counts[block])
        self._waiting = x[whole:].astype(np.float64)  # a view would keep the batch in memory
        self._counts = None if counts is None else counts[whole:].copy()

    def total(self) -> Moments:
        """Return the moments of all numbers so far."""
        return self._whole + Moments.of(self._waiting, self._counts)
