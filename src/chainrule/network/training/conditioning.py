"""A change of variables for L-BFGS: another scale and origin of the weights, with the same cost.

L-BFGS assumes the same curvature in all directions at first. It is slow where that is far from true: for features of
different scales, or far from 0, and for a small or a large target. It therefore works with u, where

    W[1] = t u / D,  b[1] = β - W[1] c,  W[L] and b[L] in units s of the target,  and J in units of s S.

c and D are the mean and the standard deviation of the inputs, s is the standard deviation of a numerical target, and S
is the slope of the loss at the best constant prediction: the root mean square of dZ[L] there. A gradient of 1 is then a
large one. t accounts for the penalty, which is on W itself.

The inputs need not be changed, so sparse ones stay sparse: dW[1] - db[1] cᵀ is the gradient for centred inputs. Only
dense inputs so far from 0 that this difference would lose digits are standardised, and the first layer with them: it is
(W[1] D) x̃ + (b[1] + W[1] c) for x̃ = (x - c) / D.
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
_SURE = 1e-6  # with a slope below it, the constant prediction of the classes is practically right


@dataclass(frozen=True)
class Conditioning:
    """The change of variables, whose inverse gives the start back to the bit, and the cost as a function of u.

    Attributes
    ----------
    start : Parameters
        Where training begins.
    centre, scale : ndarray of shape (n[0],)
        c and D for the rows of A[0].
    inputs : InputScale, optional
        For the columns of the table, if they are standardised.
    factor : ndarray of shape (θ,)
        θ = factor u, except for b[1].
    unit : float
        s S, by which J is divided.
    free : Architecture
        The architecture without its penalty, which is added here.
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
        """Measure the examples, wherever they are, and choose the variables.

        Inputs of an unusual size would saturate hidden units or hardly reach them. If the start is freshly `drawn`, it
        is then taken as a start for standardised inputs.
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
        """Return the parameters for standardised inputs, W[1] D and b[1] + W[1] c, computed without loss of digits."""
        found, moved = self._of(self.factor * u), self._moved(u)
        found.W[1][:] *= self.scale
        found.b[1][:, 0] = self.start.b[1][:, 0] + moved.b[1][:, 0] + (self.start.W[1] * self.centre).sum(axis=1)
        return self._in_dtype(found)

    def _moved(self, u: Array) -> Parameters:
        """Return the change of θ since the start, with b[1] for centred inputs; exactly 0 at the start."""
        return self._of(self.factor * (u - self.variables(self.start)))

    def _of(self, theta: Array) -> Parameters:
        return replace(self.start, theta=theta)

    def _in_dtype(self, parameters: Parameters) -> Parameters:
        return self._of(parameters.theta.astype(self.start.theta.dtype))

    def cost_and_gradient(self, feed: Feed, u: Array) -> tuple[float, Array]:
        """Evaluate the cost without the L1 penalty, divided by `unit`, and its gradient with respect to u."""
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
        """The factors of |u| in the L1 penalty, divided by `unit`."""
        return self.penalty.l1 * self.factor[self.start.weights] / self.unit


def _units(feed: Feed, architecture: Architecture, like: Parameters, target: Array) -> tuple[float, float]:
    """Return s and S, each 1 if it cannot be measured."""
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
    """Σ w dZ[L]² of every output, for the constant prediction Z[L] = b[L]."""
    Z, loss = parameters.b[-1], architecture.loss
    total = np.zeros(len(Z))
    for _, Y, weights in examples.chunks(np.dtype(np.float64)):
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.square(loss.dZ(np.broadcast_to(Z, Y.shape), Y))
            total += (squares if weights is None else squares * weights).sum(axis=1)
    return total
