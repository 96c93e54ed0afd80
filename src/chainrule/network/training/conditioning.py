"""The variables in which L-BFGS works: a change of scale and origin that leaves the cost what it is.

L-BFGS begins with the same curvature in all directions, and takes long where that is far from true: for features of
different scales, or far from 0, and for a small or a large target. It therefore sees u, where

    W[1] = t u / D,  b[1] = β - W[1] c,  W[L] and b[L] in units s of the target,  and J in units of s S.

c and D are the mean and the deviation of the inputs, s is the deviation of the target where the output is a number,
and S is how steep the loss is at the best constant answer: the root mean square of dZ[L]. A gradient of 1 is then one
that is as large as a gradient can be, and the penalty, whose weights are W themselves, is counted into t.

The inputs can stay as they are, sparse ones sparse: dW[1] - db[1] cᵀ is the gradient for those around 0. Only where
dense ones lie so far from 0 that this difference would lose digits are they standardised, and the network with them:
the layer is (W[1] D) x̃ + (b[1] + W[1] c) of x̃ = (x - c) / D.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from chainrule.network.architecture import Architecture
from chainrule.network.examples import Examples
from chainrule.network.parameters import Parameters
from chainrule.network.penalties import Penalty
from chainrule.network.training.feed import Feed
from chainrule.network.training.initial_bias import base_rate
from chainrule.network.training.input_scale import InputScale, is_sparse, merged, moments
from chainrule.network.types import Array

_NUMBERS = ("identity", "ascending")  # outputs in units of the target
_SHARES = ("sigmoid", "softmax")  # outputs that have no unit
_SURE = 1e-6  # a loss so little steep that the constant answer is all there is to say of classes


@dataclass(frozen=True)
class Conditioning:
    """The change of variables, undone to the bit where training begins, and the cost in them.

    Attributes
    ----------
    start : Parameters
        Where training begins.
    centre, scale : ndarray of shape (n[0],)
        c and D of the rows of A[0].
    inputs : InputScale, optional
        Of the table's columns, where they are standardised.
    factor : ndarray of shape (θ,)
        θ = factor u but for b[1].
    unit : float
        What J is divided by.
    free : Architecture
        Without the penalty, which is added in here.
    penalty : Penalty
    """

    start: Parameters
    centre: Array
    scale: Array
    inputs: InputScale | None
    factor: Array
    unit: float
    free: Architecture
    penalty: Penalty

    @classmethod
    def of(cls, feed: Feed, architecture: Architecture, start: Parameters, *, drawn: bool = False) -> Conditioning:
        """Measure examples, wherever they are.

        Where inputs of an unusual size would saturate hidden units, or leave them blind, a freshly `drawn` start is
        taken as that of standardised inputs.
        """
        measured = merged(feed.measured(moments, architecture, start))
        n = architecture.n_columns
        inputs = InputScale.of(measured[:, :n], architecture.embeddings)
        standardised = inputs.is_far and not any(feed.measured(is_sparse, architecture, start))
        s, S = _units(feed, architecture, start, measured[:, n:])
        wide = inputs.widened(architecture.embeddings)
        if drawn and architecture.L > 1:
            start = inputs.unusual(measured[:, :n]).widened(architecture.embeddings).drawn(start)
        factor = replace(start, theta=np.ones(len(start.theta)))
        factor.W[1][:] = 1 / np.sqrt(np.square(wide.scale) + architecture.penalty.l2 * s / S)
        factor.W[-1][:] *= s
        factor.b[-1][:] = s
        free = replace(architecture, penalty=Penalty())
        chosen = inputs if standardised else None
        return cls(start, wide.centre, wide.scale, chosen, factor.theta, s * S, free, architecture.penalty)

    def variables(self, parameters: Parameters) -> Array:
        """Return u of the parameters that training begins with, in float64."""
        return parameters.theta.astype(np.float64) / self.factor

    def parameters(self, u: Array) -> Parameters:
        """Undo `variables`."""
        found, moved = self._of(self.factor * u), self._moved(u)
        found.b[1][:, 0] = self.start.b[1][:, 0] + moved.b[1][:, 0] - (moved.W[1] * self.centre).sum(axis=1)
        return self._in_dtype(found)

    def _standardised(self, u: Array) -> Parameters:
        """The network of standardised inputs: W[1] D and b[1] + W[1] c, which no difference takes digits from."""
        found, moved = self._of(self.factor * u), self._moved(u)
        found.W[1][:] *= self.scale
        found.b[1][:, 0] = self.start.b[1][:, 0] + moved.b[1][:, 0] + (self.start.W[1] * self.centre).sum(axis=1)
        return self._in_dtype(found)

    def _moved(self, u: Array) -> Parameters:
        """How far θ has come, b[1] for inputs around 0; exactly 0 at the beginning."""
        return self._of(self.factor * (u - self.variables(self.start)))

    def _of(self, theta: Array) -> Parameters:
        return replace(self.start, theta=theta)

    def _in_dtype(self, parameters: Parameters) -> Parameters:
        return self._of(parameters.theta.astype(self.start.theta.dtype))

    def cost_and_gradient(self, feed: Feed, u: Array) -> tuple[float, Array]:
        """Evaluate the cost without the L1 penalty, in its unit, and its gradient with respect to u."""
        if self.inputs is None:
            cost, d = feed.cost_and_gradient(self.free, self.parameters(u))
            slope = self._of(d)
            slope.W[1][:] -= slope.b[1] * self.centre
        else:
            cost, d = feed.cost_and_gradient(self.free, self._standardised(u), self.inputs)
            slope = self._of(d)
            slope.W[1][:] *= self.scale
        w = self.start.weights
        W = self.factor[w] * u[w]
        slope.theta[w] += self.penalty.smooth_gradient(W)
        cost += self.penalty.l2 / 2 * float(np.square(W).sum())
        return cost / self.unit, self.factor * slope.theta / self.unit

    @property
    def l1(self) -> Array:
        """The factors of |u| in the L1 penalty, in the unit of the cost."""
        return self.penalty.l1 * self.factor[self.start.weights] / self.unit


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
