"""Standardised inputs, and their mean and deviation, for a solver that uses the whole table at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from chainrule.network.architecture import Architecture
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.parameters import Parameters
from chainrule.network.training.runner import Runner
from chainrule.network.types import Array

_BYTES = 1 << 24  # of standardised inputs at a time
_FAR = 10.0  # the distance of a column's mean from 0, in standard deviations
_USUAL = 0.01, 10.0  # range of a column's largest entry for which drawn weights are used as they are


@dataclass(frozen=True)
class InputScale:
    """Centre c and scale D of each column of a table; 0 and 1 leave a column as it is.

    Attributes
    ----------
    centre, scale : ndarray of shape (n_columns,)
    """

    centre: Array
    scale: Array

    @classmethod
    def of(cls, moments: Array, embeddings: Sequence[Embedding]) -> InputScale:
        """Make a scale from `moments`; a constant column becomes 0, and codes of categories stay as they are."""
        count, mean, squares, low, high = moments
        deviation = np.sqrt(squares / count)
        # A column that overflows stays as it is: training will diverge, and say so.
        usable = np.isfinite(mean) & np.isfinite(deviation)
        usable[[embedding.column for embedding in embeddings]] = False
        differs = usable & (low < high) & (deviation > 0)
        centre = np.where(usable, np.where(low < high, mean, low), 0.0)
        return cls(centre, np.where(differs, deviation, 1.0))

    def widened(self, embeddings: Sequence[Embedding]) -> InputScale:
        """Return the scale of the rows of A[0], in which embeddings replace the codes."""
        columns, entries = [embedding.column for embedding in embeddings], sum(e.size for e in embeddings)
        centre, scale = np.delete(self.centre, columns), np.delete(self.scale, columns)
        return InputScale(np.append(centre, np.zeros(entries)), np.append(scale, np.ones(entries)))

    def unusual(self, moments: Array) -> InputScale:
        """Return a scale that leaves columns of usual size as they are."""
        *_, low, high = moments
        largest = np.maximum(np.abs(low), np.abs(high))
        usual = (_USUAL[0] <= largest) & (largest <= _USUAL[1])
        return InputScale(np.where(usual, 0.0, self.centre), np.where(usual, 1.0, self.scale))

    def drawn(self, parameters: Parameters) -> Parameters:
        """Return drawn parameters as if they were for standardised inputs: W[1] / D and b[1] - W[1] c / D."""
        drawn = replace(parameters, theta=parameters.theta.copy())
        drawn.W[1][:] = drawn.W[1] / self.scale
        drawn.b[1][:, 0] -= (drawn.W[1].astype(np.float64) * self.centre).sum(axis=1)
        return drawn

    @property
    def is_far(self) -> bool:
        """Whether a column lies so far from 0 that products with it lose too many digits."""
        return bool((np.abs(self.centre) > _FAR * self.scale).any())

    def cost_and_gradient(
        self, runner: Runner, architecture: Architecture, parameters: Parameters, examples: Examples
    ) -> tuple[float, Array]:
        """Standardise dense examples in float64, part by part, and add up the runner's costs and gradients."""
        cost, d = 0.0, np.zeros(len(parameters.theta))
        size = max(1, _BYTES // (8 * len(self.centre)))
        for X, Y, weights in examples.chunks(np.dtype(np.float64), size):
            part = Examples((X - self.centre[:, None]) / self.scale[:, None], Y, weights, unit=1.0)
            value, gradient = runner.cost_and_gradient(architecture, parameters, part)
            cost, d = cost + part.m * value, d + part.m * gradient
        return cost / examples.m, d / examples.m


def of_inputs(
    inputs: InputScale | None, runner: Runner, architecture: Architecture, parameters: Parameters, examples: Examples
) -> tuple[float, Array]:
    """Evaluate cost and gradient on inputs as given, or standardised."""
    whole = runner.cost_and_gradient if inputs is None else partial(inputs.cost_and_gradient, runner)
    return whole(architecture, parameters, examples)


def is_sparse(architecture: Architecture, parameters: Parameters, examples: Examples) -> Array:
    """Whether the inputs are sparse; standardising would make them dense."""
    return np.array(hasattr(examples.X, "indptr"))


def moments(architecture: Architecture, parameters: Parameters, examples: Examples) -> Array:
    """Count, mean, sum of squared deviations, minimum and maximum of X and Y by column: (5, n_columns + n[L])."""
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow shows in the result
        return merged([_moments(*chunk) for chunk in examples.chunks(np.dtype(np.float64))])


def merged(parts: Sequence[Array]) -> Array:
    """Combine the moments of several parts (Chan, Golub and LeVeque, 1979).

    Examples
    --------
    >>> few, more = np.array([[1.0], [2], [0], [2], [2]]), np.array([[3.0], [6], [6], [4], [8]])
    >>> merged([few, more]).tolist()
    [[4.0], [5.0], [18.0], [2.0], [8.0]]
    """
    counts, means, squares, low, high = np.stack(parts, axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        count = counts.sum(axis=0)
        mean = (counts * means).sum(axis=0) / count
        spread = (squares + counts * np.square(means - mean)).sum(axis=0)
    return np.stack([count, mean, spread, low.min(axis=0), high.max(axis=0)])


def _moments(X: Any, Y: Array, weights: Array | None) -> Array:
    w = np.ones(Y.shape[1]) if weights is None else weights
    return np.hstack([moments_of(X, w), moments_of(Y, w)])


def moments_of(X: Any, w: Array) -> Array:
    """Count, mean, sum of squared deviations, minimum and maximum of the rows of X, whose columns have weights w."""
    return _sparse_moments(X.tocoo(), w) if hasattr(X, "indptr") else _dense_moments(X, w)


def _dense_moments(X: Array, w: Array) -> Array:
    mean = (X * w).sum(axis=1) / w.sum()
    squares = (w * np.square(X - mean[:, None])).sum(axis=1)
    return np.stack([np.full(len(X), w.sum()), mean, squares, X.min(axis=1), X.max(axis=1)])


def _sparse_moments(X: Any, w: Array) -> Array:
    """The same for a sparse X: of the stored entries and of the zeros, which are not stored."""
    (n, m), count, at = X.shape, w.sum(), w[X.col]
    mean = np.bincount(X.row, at * X.data, n) / count
    zeros = count - np.bincount(X.row, at, n)
    squares = np.bincount(X.row, at * np.square(X.data - mean[X.row]), n) + zeros * np.square(mean)
    low = np.where(np.bincount(X.row, minlength=n) < m, 0.0, np.inf)
    high = np.where(np.isinf(low), -np.inf, low)
    np.minimum.at(low, X.row, X.data)
    np.maximum.at(high, X.row, X.data)
    return np.stack([np.full(n, count), mean, squares, low, high])
