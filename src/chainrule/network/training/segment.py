"""Training as segments: each a pure function of state, examples and plan, from one step to another.

A segment has no memory and no random state of its own, so training can stop, resume, move to another machine or be
replayed at any step. This module is the reference: a faster engine must return the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule._errors import DivergenceError
from chainrule.network import propagate
from chainrule.network.architecture import Architecture
from chainrule.network.clipping import clip, norm
from chainrule.network.dropout import dropout_masks
from chainrule.network.examples import Examples
from chainrule.network.optimizers import GradientDescent, Optimizer, Slots, initial_slots
from chainrule.network.parameters import Parameters, flatten
from chainrule.network.penalties import soft_threshold
from chainrule.network.types import Array


@dataclass(frozen=True)
class Plan:
    """The settings of a step, besides its examples and its learning rate."""

    optimizer: Optimizer = field(default_factory=GradientDescent)
    batch_size: int = 32
    seed: int = 0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None


@dataclass(frozen=True)
class State:
    """Parameters, optimiser slots, and the numbers of steps and epochs taken."""

    parameters: Parameters
    slots: Slots
    step: int = 0
    epoch: int = 0


@dataclass(frozen=True)
class Totals:
    """Measured during a segment: Σ w L of each step, and the length of the last gradient."""

    losses: tuple[float, ...] = ()
    gradient_norm: float = 0.0


def initial_state(parameters: Parameters, plan: Plan) -> State:
    """Start an optimiser at the given parameters."""
    return State(parameters, initial_slots(plan.optimizer, parameters.theta))


def run_segment(
    architecture: Architecture, plan: Plan, state: State, examples: Examples, order: Array, rates: Array
) -> tuple[State, Totals]:
    """Take one step per learning rate, over consecutive mini-batches of `order`.

    Parameters
    ----------
    architecture : Architecture
    plan : Plan
    state : State
    examples : Examples
    order : ndarray of int
        The places to visit; the last mini-batch may be smaller.
    rates : ndarray of shape (steps,)

    Returns
    -------
    (State, Totals)

    Raises
    ------
    DivergenceError
        At the first step whose loss or gradient is not finite, naming the step and the layer.
    """
    losses, length = [], 0.0
    for i, rate in enumerate(rates):
        places = order[i * plan.batch_size : (i + 1) * plan.batch_size]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # `divergence` reports it
            state, loss, length = _step(architecture, plan, state, examples, places, float(rate))
        losses.append(loss)
    return state, Totals(tuple(losses), length)


def _step(
    architecture: Architecture, plan: Plan, state: State, examples: Examples, places: Array, rate: float
) -> tuple[State, float, float]:
    """Forward, backward, update; returns the new state, Σ w L of the batch and the gradient's length."""
    pass_, loss, gradients = _forward_and_back(architecture, plan, state, examples, places)
    d = flatten(gradients.dW[1:], gradients.db[1:], gradients.dE)
    reached, length = descended(architecture, plan, state, d, loss, rate)
    if reached is None:
        raise divergence(state.step, pass_, gradients)
    return reached, loss, length


def _forward_and_back(
    architecture: Architecture, plan: Plan, state: State, examples: Examples, places: Array | slice
) -> tuple[propagate.Forward, float, propagate.Gradients]:
    """Both passes over the examples at the given places, with dropout, and their Σ w L."""
    parameters = state.parameters
    dtype = parameters.theta.dtype
    X, Y, weights = examples.batch(places, dtype)
    masks = None
    if architecture.drops:
        keys = examples.keys_of(places)
        masks = dropout_masks(
            architecture.dropout, architecture.widths, keys, seed=plan.seed, step=state.step, dtype=dtype
        )
    pass_ = propagate.forward(architecture, parameters, X, masks)
    losses = architecture.loss.per_example(pass_.Z[-1], Y)
    loss = float(np.sum(losses if weights is None else losses * weights, dtype=np.float64))
    return pass_, loss, propagate.backward(architecture, parameters, pass_, Y, weights)


def gradient_sum(architecture: Architecture, plan: Plan, state: State, examples: Examples, out: Array) -> float:
    """Write the gradient of Σ w L, with the dropout of the state's next step, to `out`; return Σ w L.

    The examples are a part of a mini-batch: the sums of all its parts are added, and divided by the number of rows.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # an overflow is seen in the sum of all parts
        _, loss, gradients = _forward_and_back(architecture, plan, state, examples, slice(None))
        np.multiply(flatten(gradients.dW[1:], gradients.db[1:], gradients.dE), examples.m, out=out)
    return loss


def divergence_of(architecture: Architecture, plan: Plan, state: State, examples: Examples) -> DivergenceError:
    """Return the error of the state's next step on these examples: which tensor is not finite."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        pass_, _, gradients = _forward_and_back(architecture, plan, state, examples, slice(None))
    return divergence(state.step, pass_, gradients)


def descended(
    architecture: Architecture, plan: Plan, state: State, d: Array, loss: float, rate: float
) -> tuple[State | None, float]:
    """Take the step of a mini-batch's mean gradient d, which is changed.

    Returns the new state, or None if something is not finite, and the length of the gradient with the penalty's part.
    """
    w = state.parameters.weights
    if architecture.penalty.l2:
        d[w] += architecture.penalty.smooth_gradient(state.parameters.theta[w])
    length = norm(d)
    if not (np.isfinite(loss) and np.isfinite(length)):
        return None, length
    d = clip(d, length, plan.clip_value, plan.clip_norm)
    return updated(architecture, plan, state, d, rate), length


def updated(architecture: Architecture, plan: Plan, state: State, d: Array, rate: float) -> State:
    """θ := θ - move for all layers at once, then weight decay and the L1 step, which apply to weights only."""
    theta, w = state.parameters.theta, state.parameters.weights
    slots, move, gain = plan.optimizer.update(state.slots, d, rate, state.step + 1)
    updated = theta - move
    if plan.weight_decay:
        updated[w] -= rate * plan.weight_decay * theta[w]
    if architecture.penalty.l1:
        threshold = architecture.penalty.l1 * (gain if isinstance(gain, float) else gain[w])
        updated[w] = soft_threshold(updated[w], threshold)
    return replace(state, parameters=replace(state.parameters, theta=updated), slots=slots, step=state.step + 1)


def divergence(step: int, pass_: propagate.Forward, gradients: propagate.Gradients) -> DivergenceError:
    """Return the error that names the first tensor that is not finite: forward through Z, then back through dW."""
    L = len(pass_.Z) - 1
    forward = [("Z", l, pass_.Z[l]) for l in range(1, L + 1)]
    back = [(name, l, part[l]) for l in range(L, 0, -1) for name, part in (("dZ", gradients.dZ), ("dW", gradients.dW))]
    return not_finite(
        step,
        *next(((name, l) for name, l, values in (*forward, *back) if not np.isfinite(values).all()), ("the loss", L)),
    )


def not_finite(step: int, tensor: str, layer: int) -> DivergenceError:
    """Return the error of a tensor that is not finite at step number `step`, counted from 0."""
    return DivergenceError(
        f"Solver produced non-finite parameter weights: {tensor} of layer {layer} is not finite at step "
        f"{step + 1}. Scale the inputs, lower the learning rate, or clip the gradient's norm.",
        step=step + 1,
        tensor=tensor,
        layer=layer,
    )


def logits(architecture: Architecture, parameters: Parameters, X: Any) -> Array:
    """Z[L] of a batch of columns, without dropout."""
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow is seen in the result
        return propagate.logits(architecture, parameters, X)


def mean_loss(architecture: Architecture, parameters: Parameters, examples: Examples) -> float:
    """Σ w L / Σ w over the examples: the data loss at fixed weights, without dropout."""
    total = 0.0
    for X, Y, weights in examples.chunks(parameters.theta.dtype):
        with np.errstate(over="ignore", invalid="ignore"):
            losses = architecture.loss.per_example(propagate.logits(architecture, parameters, X), Y)
            total += float(np.sum(losses if weights is None else losses * weights, dtype=np.float64))
    return total / examples.m


def cost_and_gradient(architecture: Architecture, parameters: Parameters, examples: Examples) -> tuple[float, Array]:
    """Data loss plus L2 penalty over all examples, and the gradient of that sum; both are summed in float64."""
    loss, d = 0.0, np.zeros(len(parameters.theta))
    for X, Y, weights in examples.chunks(parameters.theta.dtype):
        pass_ = propagate.forward(architecture, parameters, X)
        losses = architecture.loss.per_example(pass_.Z[-1], Y)
        loss += float(np.sum(losses if weights is None else losses * weights, dtype=np.float64))
        gradients = propagate.backward(architecture, parameters, pass_, Y, weights)
        d += Y.shape[1] * flatten(gradients.dW[1:], gradients.db[1:], gradients.dE)
    d /= examples.m
    return with_l2_penalty(architecture, parameters, loss / examples.m, d)


def with_l2_penalty(architecture: Architecture, parameters: Parameters, loss: float, d: Array) -> tuple[float, Array]:
    """Add the L2 penalty to a mean loss, and its derivative to the gradient d, which is changed."""
    w = parameters.weights
    W = parameters.theta[w]
    d[w] += architecture.penalty.smooth_gradient(W)
    return loss + architecture.penalty.l2 / 2 * float(W @ W), d
