"""The variables in which L-BFGS works: a change of scale and origin that leaves the cost what it is.

L-BFGS begins with the same curvature in all directions, and takes long where that is far from true: for features of
different scales, or far from 0, and for a small or a large target. It therefore sees u, where

    W[1] = t u / D,  b[1] = β - W[1] c,  W[L] and b[L] in units s of the target,  and J in units of s S.

c and D are the mean and the deviation of the inputs, s is the deviation of the target where the output is a number,
and S is how steep the loss is at the best constant answer: the root mean square of dZ[L]. A gradient of 1 is then one
that is as large as a gradient can be, and the penalty, whose weights are W themselves, is counted into t.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from chainrule.network.architecture import Architecture
from chainrule.network.base_rate import base_rate
from chainrule.network.examples import Examples
from chainrule.network.feed import Feed
from chainrule.network.input_scale import InputScale, merged, moments
from chainrule.network.parameters import Parameters
from chainrule.network.penalties import Penalty
from chainrule.network.types import Array

_NUMBERS = ("identity", "ascending")  # outputs in units of the target
_SHARES = ("sigmoid", "softmax")  # outputs that have no unit
_SURE = 1e-6  # a loss so little steep that the constant answer is all there is to say of classes


@dataclass(frozen=True)
class Conditioning:
    """The change of variables, exactly undone, and the cost in them.

    Attributes
    ----------
    inputs : InputScale
        Of the table's columns.
    factor, inner : ndarray of shape (θ,)
        θ = factor u but for b[1]; inner u are the parameters of the network of standardised inputs.
    unit : float
        What J is divided by.
    free : Architecture
        Without the penalty, which is added in here.
    penalty : Penalty
    """

    inputs: InputScale
    factor: Array
    inner: Array
    unit: float
    free: Architecture
    penalty: Penalty

    @classmethod
    def of(cls, feed: Feed, architecture: Architecture, like: Parameters) -> Conditioning:
        """Measure examples, wherever they are."""
        measured = merged(feed.measured(moments, architecture, like))
        n = architecture.n_columns
        inputs = InputScale.of(measured[:, :n], architecture.embeddings)
        s, S = _units(feed, architecture, like, measured[:, n:])
        factor, inner = (replace(like, theta=np.ones(len(like.theta))) for _ in range(2))
        D = inputs.widened(architecture.embeddings).scale
        t = 1 / np.sqrt(np.square(D) + architecture.penalty.l2 * s / S)
        for changed, first in ((factor, t), (inner, t * D)):
            changed.W[1][:] = first
            changed.W[-1][:] *= s
            changed.b[-1][:] = s
        free = replace(architecture, penalty=Penalty())
        return cls(inputs, factor.theta, inner.theta, s * S, free, architecture.penalty)

    def variables(self, parameters: Parameters) -> Array:
        """Return u, in float64."""
        moved = replace(parameters, theta=parameters.theta.astype(np.float64))
        moved.b[1][:, 0] += self._shift(moved)
        return moved.theta / self.factor

    def parameters(self, u: Array, like: Parameters) -> Parameters:
        """Undo `variables`."""
        found = replace(like, theta=u * self.factor)
        found.b[1][:, 0] -= self._shift(found)
        return replace(like, theta=found.theta.astype(like.theta.dtype))

    def _shift(self, parameters: Parameters) -> Array:
        """W[1] c, the same whatever the number of threads."""
        centre = self.inputs.widened(self.free.embeddings).centre
        return (parameters.W[1] * centre).sum(axis=1)

    def cost_and_gradient(self, feed: Feed, u: Array, like: Parameters) -> tuple[float, Array]:
        """Evaluate the cost without the L1 penalty, in its unit, and its gradient with respect to u."""
        parameters = replace(like, theta=(self.inner * u).astype(like.theta.dtype))
        cost, d = feed.cost_and_gradient(self.free, parameters, self.inputs)
        w, d = like.weights, self.inner * d
        W = self.factor[w] * u[w]
        d[w] += self.factor[w] * self.penalty.smooth_gradient(W)
        return (cost + self.penalty.l2 / 2 * float(np.square(W).sum())) / self.unit, d / self.unit

    def l1(self, like: Parameters) -> Array:
        """The factors of |u| in the L1 penalty, in the unit of the cost."""
        return self.penalty.l1 * self.factor[like.weights] / self.unit


def _units(feed: Feed, architecture: Architecture, like: Parameters, target: Array) -> tuple[float, float]:
    """Return s and S; 1 where there is nothing to measure them by."""
    count, mean, squares, *_ = target
    constant = replace(like, theta=np.zeros(len(like.theta)))
    with np.errstate(over="ignore", invalid="ignore"):
        constant.b[-1][:, 0] = base_rate(architecture.loss, mean)
        sums = sum(feed.measured(steepness, architecture, constant))
        s = float(np.sqrt(np.mean(squares / count))) if architecture.loss.output.name in _NUMBERS else 1.0
        S = float(np.sqrt(np.max(sums / count)))
    return _usable(s), _usable(S, _SURE if architecture.loss.output.name in _SHARES else 0.0)


def _usable(unit: float, least: float = 0.0) -> float:
    return unit if np.isfinite(unit) and unit > least else 1.0


def steepness(architecture: Architecture, parameters: Parameters, examples: Examples) -> Array:
    """Σ w dZ[L]² of every output, where b[L] is the answer to every example."""
    Z, loss = parameters.b[-1], architecture.loss
    total = np.zeros(len(Z))
    for _, Y, weights in examples.chunks(np.dtype(np.float64)):
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.square(loss.dZ(np.broadcast_to(Z, Y.shape), Y))
            total += (squares if weights is None else squares * weights).sum(axis=1)
    return total
