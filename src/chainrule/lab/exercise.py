"""Networks and numbers for an exercise: small, different for every seed, and never trivial."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule._errors import ChainruleError, InvalidParameterError, nearest
from chainrule.derivation.models.problem import Problem
from chainrule.derivation.tracing.trace import Trace, trace_of
from chainrule.network.architecture import Architecture
from chainrule.network.custom.any_activation import ActivationSpec
from chainrule.network.draws import generator
from chainrule.network.network import Dense, Network
from chainrule.network.parameters import Parameters, flatten
from chainrule.network.types import Array

EXACT = ("identity", "relu", "leaky_relu", "hard_tanh")  # multiples of 0.5 give numbers with few decimals
ROUNDED = ("sigmoid", "tanh", "softmax")
_STEEP_LEAK: ActivationSpec = ("leaky_relu", {"negative_slope": 0.1})  # 0.01 would need more than four decimals
_LOSSES = ("squared_error", "binary_cross_entropy", "categorical_cross_entropy")
_OUTPUT_LOSSES = {"sigmoid": "binary_cross_entropy", "softmax": "categorical_cross_entropy"}
MOST_UNITS, MOST_LAYERS, MOST_EXAMPLES = 5, 3, 4

_WEIGHTS = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
_SMALL_WEIGHTS = (-1.0, -0.5, 0.5, 1.0)
_BIASES = (-1.0, -0.5, 0.0, 0.5, 1.0)
_INPUTS = (-2.0, -1.0, 0.0, 1.0, 2.0)
_TARGETS = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, -0.5, 0.5, 1.0), "hard_tanh": (-1.0, -0.5, 0.5, 1.0)}
_NUMBERS = (0.0, 1.0, 2.0, 3.0)

_ATTEMPTS, _WITH_LARGE_WEIGHTS = 3000, 300  # after the second number of attempts, weights are small
_LARGEST, _STEEP, _LEAST = 20.0, 3.0, 0.01


def architecture_of(
    net: Network | Sequence[int] | None,
    activation: ActivationSpec | None,
    output: ActivationSpec | None,
    loss: str | None,
) -> Architecture:
    """Return the network of an exercise; raise InvalidParameterError if it is too large to calculate by hand."""
    if isinstance(net, Network):
        if (activation, output, loss) != (None, None, None):
            raise InvalidParameterError("activation, output and loss are the Network's own: give them for widths only.")
        architecture = net.architecture
    else:
        architecture = _built((2, 2, 1) if net is None else _widths(net), activation or "relu", output, loss)
    _check(architecture)
    return architecture


def _widths(net: Any) -> tuple[int, ...]:
    whole = isinstance(net, list | tuple) and all(
        isinstance(n, int | np.integer) and not isinstance(n, bool) for n in net
    )
    if not whole or len(net) < 2 or min(net) < 1:
        raise InvalidParameterError(
            f"net must be a Network, or the widths n[0] to n[L], such as (2, 2, 1); got {net!r}."
        )
    return tuple(int(n) for n in net)


def _built(
    widths: tuple[int, ...], activation: ActivationSpec, output: ActivationSpec | None, loss: str | None
) -> Architecture:
    if loss is None:
        loss = _OUTPUT_LOSSES.get(output, "squared_error") if isinstance(output, str) else "squared_error"
    if output is None:
        output = {loss: name for name, loss in _OUTPUT_LOSSES.items()}.get(loss, "identity")
    _check_size(widths)
    activation = _STEEP_LEAK if activation == "leaky_relu" else activation
    layers = [*(Dense(n, activation) for n in widths[1:-1]), Dense(widths[-1], output)]
    return Network(layers, n_inputs=widths[0], loss=loss).architecture


def _check_size(widths: tuple[int, ...]) -> None:
    if max(widths) > MOST_UNITS or len(widths) - 1 > MOST_LAYERS:
        raise InvalidParameterError(
            f"a worksheet is calculated by hand: at most {MOST_UNITS} units in a layer and {MOST_LAYERS} layers; got "
            f"{'-'.join(map(str, widths))}."
        )


def _check(architecture: Architecture) -> None:
    _check_size(architecture.widths)
    for g in architecture.g:
        if g.name not in EXACT + ROUNDED:
            raise InvalidParameterError(
                f"activation {g.name!r} is not for calculating by hand. {nearest(g.name, EXACT + ROUNDED)}"
            )
    loss = architecture.loss
    if loss.name not in _LOSSES or loss.parameters:
        plain = " without parameters" if loss.parameters else ""
        raise InvalidParameterError(
            f"the loss of a worksheet must be one of {', '.join(_LOSSES)}{plain}; got {loss.name!r}."
        )
    if loss.name == "categorical_cross_entropy" and architecture.widths[-1] < 2:
        raise InvalidParameterError("a softmax needs at least two outputs, got 1.")
    if architecture.drops or architecture.penalty.alpha:
        raise InvalidParameterError("a worksheet has neither dropout nor penalty: take them off the network.")


def drawn(architecture: Architecture, m: int, seed: int) -> Trace:
    """Draw numbers for a network and m examples, as a pure function of the seed, and compute the pass."""
    for attempt in range(_ATTEMPTS):
        weights = _WEIGHTS if attempt < _WITH_LARGE_WEIGHTS else _SMALL_WEIGHTS
        trace = trace_of(_problem(architecture, m, weights, generator(seed, "worksheet", attempt)))
        if _is_worthwhile(trace):
            return trace
    raise ChainruleError(
        f"no numbers small enough to calculate by hand were found for {'-'.join(map(str, architecture.widths))} with "
        f"seed {seed}: take fewer layers, units or examples."
    )


def _problem(architecture: Architecture, m: int, weights: tuple[float, ...], draw: np.random.Generator) -> Problem:
    widths = architecture.widths
    W = [draw.choice(weights, size=(n, p)) for p, n in pairwise(widths)]
    b = [draw.choice(_BIASES, size=(n, 1)) for n in widths[1:]]
    X = draw.choice(_INPUTS, size=(widths[0], m))
    return Problem(architecture, Parameters(flatten(W, b), widths), X, _targets(architecture, m, draw))


def _targets(architecture: Architecture, m: int, draw: np.random.Generator) -> Array:
    n, output = architecture.widths[-1], architecture.loss.output.name
    if output == "softmax":
        return np.eye(n)[draw.integers(n, size=m)].T
    return draw.choice(_TARGETS.get(output, _NUMBERS), size=(n, m))


def _is_worthwhile(trace: Trace) -> bool:
    """Say whether no number is at a kink, trivial or too large, and no unit is dead."""
    hidden = [trace.W[l] for l in range(1, trace.L)]
    return (
        all(_is_clear(g.name, Z) for g, Z in zip(trace.problem.architecture.g[1:], trace.Z[1:], strict=True))
        and all(np.abs(array).max() <= _LARGEST for array in (*trace.Z[1:], *trace.dZ[1:], *trace.dW[1:], trace.loss))
        and all(np.abs(array).max() >= _LEAST for array in (*trace.dW[1:], *trace.db[1:]))
        and np.abs(trace.dZ[-1]).min() >= _LEAST
        and _are_distinct(trace.A[0].T)
        and all(_are_distinct(W) for W in hidden)
        and all(_is_alive(trace, l) for l in range(1, trace.L))
        and all(
            np.abs(dA).max(axis=1).min() >= _LEAST for dA in trace.dA[1:-1]
        )  # every unit has its share of the error
    )


def _is_clear(name: str, Z: Array) -> bool:
    """Say whether z is away from kinks, and in the steep part of a sigmoid."""
    if name in ("relu", "leaky_relu"):
        return bool((Z != 0).all())
    if name == "hard_tanh":
        return bool((np.abs(Z) != 1).all())
    return name == "identity" or bool((np.abs(Z) <= _STEEP).all())


def _are_distinct(rows: Array) -> bool:
    """Say whether no two rows are equal, and none is 0."""
    return len(np.unique(rows, axis=0)) == len(rows) and bool(rows.any(axis=1).all())


def _is_alive(trace: Trace, l: int) -> bool:
    """Say whether both sides of a kink occur in a layer, and no unit is inactive for all of several examples."""
    g, Z = trace.problem.architecture.g[l], trace.Z[l]
    if g.name not in ("relu", "leaky_relu", "hard_tanh"):
        return True
    slopes = g.g_prime(Z)
    sides = bool((slopes == 1).any()) and (slopes.size < 2 or bool((slopes != 1).any()))
    return sides and (Z.shape[1] == 1 or bool(slopes.any(axis=1).all()))
