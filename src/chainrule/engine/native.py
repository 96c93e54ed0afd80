"""The native engine: C++ that runs segments and evaluations of `chainrule.network` and returns the same numbers.

This module is the only importer of the compiled one. It turns the network's objects into the plain arguments that C++
understands, and C++'s answers back; nothing is computed here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from chainrule._errors import DivergenceError, InvalidParameterError
from chainrule.engine import _native
from chainrule.engine.threads import threads_for
from chainrule.network import segment
from chainrule.network.activations import ACTIVATIONS, Activation
from chainrule.network.architecture import Architecture
from chainrule.network.examples import CHUNK, Examples
from chainrule.network.losses import LOSSES, Loss, natural
from chainrule.network.losses.base import derivative_on_output, value_on_output
from chainrule.network.optimizers import NAdam, mu_and_products
from chainrule.network.parameters import Parameters, n_weights
from chainrule.network.segment import Plan, State, Totals
from chainrule.network.types import Array

name = "native"
try:
    instructions = _native.instructions()
except ValueError as error:  # the environment asks for what this machine has not
    raise InvalidParameterError(str(error)) from None
available = tuple(_native.available())
compiler = _native.compiler()

_FLOPS_PER_CALL = 4e9  # of an evaluation: 0.02 s of a fast core, 0.2 s of a slow one
_REMEMBERED = 4  # sets of examples: a training has one to train on and one to validate

# What an activation's or loss's one parameter is if it is not given.
_DEFAULTS = {"leaky_relu": 0.01, "elu": 1.0, "binary_focal": 2.0, "categorical_focal": 2.0, "huber": 1.0} | {
    "quantile": 0.5,
    "tweedie": 1.5,
}


class Native:
    """The native engine with its limit of threads and the memory it works in.

    Parameters
    ----------
    n_threads : int
        At most so many threads.
    adaptive : bool, default True
        Let the cost model use fewer; False uses exactly `n_threads`, whatever the machine has.
    """

    name = name

    def __init__(self, n_threads: int = 1, adaptive: bool = True) -> None:
        self.n_threads, self.adaptive = n_threads, adaptive
        self._memory = _native.Memory()
        self._examples: dict[tuple[int, bool], tuple[Examples, _native.Examples]] = {}
        self._networks: dict[int, tuple[Architecture, _native.Network]] = {}
        self._last_segment: tuple[int, tuple[Any, ...]] = 0, ()  # its number, what it had, the vectors it left

    def cannot(self, architecture: Architecture) -> str | None:
        """Say what is not in the engine's tables: an activation or loss of the user's own, or one changed."""
        for g in architecture.hidden:
            if not _is_known(g):
                return f"the activation {g.name!r}"
        return None if _is_known_loss(architecture.loss) else f"the loss {architecture.loss.name!r}"

    def run_segment(
        self, architecture: Architecture, plan: Plan, state: State, examples: Examples, order: Array, rates: Array
    ) -> tuple[State, Totals]:
        """Do what `chainrule.network.segment.run_segment` does."""
        before = (state.parameters.theta, *state.slots)
        after = tuple(np.empty_like(vector) for vector in before)
        losses = np.empty(len(rates))
        job, left = self._last_segment
        length, diverged, number = _native.run_segment(
            self._memory,
            job if _same((architecture, plan, examples, *before), left) else 0,
            self._threads(architecture, min(plan.batch_size, len(order)), len(rates), backward=True),
            self._network_of(architecture),
            _plan(plan, state.step + len(rates)),
            self._examples_of(examples, architecture),
            before,
            after,
            np.ascontiguousarray(order, np.int64),
            np.ascontiguousarray(rates, np.float64),
            state.step,
            losses,
        )
        if diverged >= 0:
            self._explain(architecture, plan, state, examples, order, rates, diverged)
        for vector in after:
            vector.flags.writeable = False  # or the copy in the engine's memory would be another
        self._last_segment = number, (architecture, plan, examples, *after)
        theta, *slots = after
        reached = State(Parameters(theta, architecture.widths), tuple(slots), state.step + len(rates), state.epoch)
        return reached, Totals(tuple(losses.tolist()), length)

    def mean_loss(self, architecture: Architecture, parameters: Parameters, examples: Examples) -> float:
        """Do what `chainrule.network.segment.mean_loss` does."""
        losses: list[float] = []
        wrapped = self._examples_of(examples, architecture)
        for first, count in _parts(architecture, examples.m):
            threads = self._threads(architecture, count, 1)
            losses += _native.block_losses(
                self._memory, threads, self._network_of(architecture), wrapped, parameters.theta, first, count
            )
        return math.fsum(losses) / examples.m

    def logits(self, architecture: Architecture, parameters: Parameters, X: Any) -> Array:
        """Do what `chainrule.network.segment.logits` does."""
        m = X.shape[1]
        out = np.empty((m, architecture.widths[-1]), parameters.theta.dtype)
        threads = self._threads(architecture, m, 1)
        _native.logits(self._memory, threads, self._network_of(architecture), _table(X.T), parameters.theta, out)
        return out.T

    def cost_and_gradient(
        self, architecture: Architecture, parameters: Parameters, examples: Examples
    ) -> tuple[float, Array]:
        """Do what `chainrule.network.segment.cost_and_gradient` does."""
        d, losses = np.zeros(len(parameters.theta)), list[float]()
        wrapped = self._examples_of(examples, architecture)
        for first, count in _parts(architecture, examples.m):
            threads = self._threads(architecture, count, 1, backward=True)
            losses += _native.sum_gradient(
                self._memory, threads, self._network_of(architecture), wrapped, parameters.theta, first, count, d
            )
        d /= examples.m
        w, penalty = parameters.weights, architecture.penalty
        W = parameters.theta[w]
        d[w] += penalty.smooth_gradient(W)
        return math.fsum(losses) / examples.m + penalty.l2 / 2 * float(W @ W), d

    def _threads(self, architecture: Architecture, batch: int, steps: int, *, backward: bool = False) -> int:
        if not self.adaptive:
            return self.n_threads
        return min(self.n_threads, threads_for(architecture.widths, batch, steps, backward=backward))

    def _network_of(self, architecture: Architecture) -> _native.Network:
        """Describe the network once, not in every segment."""
        if id(architecture) not in self._networks:
            self._networks = {id(architecture): (architecture, _network(architecture))}
        return self._networks[id(architecture)][1]

    def _examples_of(self, examples: Examples, architecture: Architecture) -> _native.Examples:
        """Wrap the examples once: they are checked then, and used in every segment."""
        name = id(examples), architecture.drops  # by identity, since they hold arrays; kept alive beside the wrapper
        if name not in self._examples:
            if len(self._examples) == _REMEMBERED:
                self._examples.clear()
            keys = examples.keys if architecture.drops else None
            self._examples[name] = (
                examples,
                _native.Examples(
                    _table(examples.X.T),
                    _table(examples.Y.T),
                    _contiguous(examples.weights, np.float64),
                    examples.mean_weight,
                    _contiguous(examples.rows, np.int64),
                    _contiguous(keys, np.uint64),
                ),
            )
        return self._examples[name][1]

    def _explain(
        self,
        architecture: Architecture,
        plan: Plan,
        state: State,
        examples: Examples,
        order: Array,
        rates: Array,
        step: int,
    ) -> None:
        """Raise the error of the step that diverged: replay the segment up to it, and let the reference take it."""
        size = plan.batch_size
        if step:
            state, _ = self.run_segment(architecture, plan, state, examples, order[: step * size], rates[:step])
        places = order[step * size : (step + 1) * size]
        segment.run_segment(architecture, plan, state, examples, places, rates[step : step + 1])
        raise DivergenceError(
            f"Solver produced non-finite parameter weights at step {state.step + 1}. Scale the inputs, lower the "
            "learning rate, or clip the gradient's norm.",
            step=state.step + 1,
            tensor="the loss",
            layer=architecture.L,
        )


def peak_flops(dtype: str, n_threads: int, seconds: float = 0.5) -> float:
    """Measure what the kernel of the three products reaches on data in the first-level cache, in FLOP/s."""
    repetitions = 1000
    with ThreadPoolExecutor(n_threads) as pool:
        began, flops = time.perf_counter(), 0.0
        while time.perf_counter() - began < seconds:
            runs = [pool.submit(_native.multiply, dtype == "float32", repetitions) for _ in range(n_threads)]
            flops += sum(run.result() for run in runs)
            if time.perf_counter() - began < seconds / 20:
                repetitions *= 2
        return flops / (time.perf_counter() - began)


def _same(some: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


def _parts(architecture: Architecture, m: int) -> Iterator[tuple[int, int]]:
    """Cut m examples into parts, so that Ctrl-C is noticed between them."""
    flops = 6 * n_weights(architecture.widths)
    size = max(1, int(_FLOPS_PER_CALL / flops) // CHUNK) * CHUNK
    yield from ((first, min(size, m - first)) for first in range(0, m, size))


def _is_known(g: Activation) -> bool:
    known = ACTIVATIONS.get(g.name, (None, None))
    return (_function(g.g), _function(g.g_prime)) == known and len(g.parameters) <= 1


def _is_known_loss(loss: Loss) -> bool:
    if loss.name not in LOSSES or len(loss.parameters) > 1:
        return False
    _, value, derivative, _ = LOSSES[loss.name]
    if natural(loss):
        return (_function(loss.value), _function(loss.derivative)) == (value, derivative)
    if (_function(loss.value), _function(loss.derivative)) != (value_on_output, derivative_on_output):
        return False
    behind, output = loss.value.args  # type: ignore[attr-defined]  # a partial, as was just seen
    return _is_known(output) and _is_known_loss(behind)


def _function(f: Any) -> Any:
    return f.func if isinstance(f, partial) else f


def _named(part: Activation | Loss) -> tuple[str, float]:
    given = list(part.parameters.values())
    return part.name, float(given[0]) if given else _DEFAULTS.get(part.name, 0.0)


def _network(architecture: Architecture) -> _native.Network:
    loss = architecture.loss
    return _native.Network(
        list(architecture.widths),
        [_named(g) for g in architecture.hidden],
        _named(loss),
        ("identity", 0.0) if natural(loss) else _named(loss.output),
        [(round(rate * 2**32), 1 / (1 - rate)) for rate in architecture.dropout] if architecture.drops else [],
        architecture.penalty.l1,
        architecture.penalty.l2,
    )


def _plan(plan: Plan, last_step: int) -> _native.Plan:
    hyperparameters = vars(plan.optimizer)
    first = ("momentum", "rho", "beta_1")
    mu = products = None
    if isinstance(plan.optimizer, NAdam):
        mu, products = mu_and_products(plan.optimizer.beta_1, last_step)
    return _native.Plan(
        plan.optimizer.name,
        next((hyperparameters[key] for key in first if key in hyperparameters), 0.0),
        hyperparameters.get("beta_2", 0.0),
        hyperparameters.get("epsilon", 0.0),
        mu,
        products,
        plan.batch_size,
        plan.seed % 2**64,
        plan.weight_decay,
        math.inf if plan.clip_norm is None else plan.clip_norm,
        math.inf if plan.clip_value is None else plan.clip_value,
    )


def _table(rows: Any) -> _native.Table:
    """Wrap a table of one row per example; only what C++ cannot read as it is gets converted."""
    if hasattr(rows, "indptr"):
        rows = rows.tocsr()
        starts, columns = np.asarray(rows.indptr, np.int64), np.asarray(rows.indices, np.int32)
        return _native.Table(_readable(rows.data), starts, columns, rows.shape[1])
    return _native.Table(_readable(np.asarray(rows)))


def _readable(values: Array) -> Array:
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "f" and size == 2:
        return values.astype(np.float32)
    if kind not in "fiub" or size > 8:
        return values.astype(np.float64)
    aligned = all(stride % size == 0 for stride in values.strides)
    return values if values.dtype.isnative and aligned else np.ascontiguousarray(values, values.dtype.newbyteorder("="))


def _contiguous(values: Array | None, dtype: type[np.generic]) -> Array | None:
    return None if values is None else np.ascontiguousarray(values, dtype)
