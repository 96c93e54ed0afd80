"""The native engine: C++ that runs segments and evaluations of `chainrule.network` and returns the same numbers.

`arguments.py` converts the network's objects for C++; this file calls C++ and converts the results back. Only these two
files import the compiled module.
"""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from chainrule._errors import DivergenceError, InvalidParameterError
from chainrule.engine import _native
from chainrule.engine.arguments import examples_of, is_known, is_known_loss, network_of, plan_of, table_of
from chainrule.engine.threads import threads_for
from chainrule.network.architecture import Architecture
from chainrule.network.embeddings import check_codes
from chainrule.network.examples import CHUNK, Examples
from chainrule.network.parameters import Parameters, n_weights
from chainrule.network.training import segment
from chainrule.network.training.segment import Plan, State, Totals
from chainrule.network.types import Array

name = "native"
try:
    instructions = _native.instructions()
except ValueError as error:  # the environment asks for instructions that this machine lacks
    raise InvalidParameterError(str(error)) from None
available = tuple(_native.available())
compiler = _native.compiler()

_FLOPS_PER_CALL = 4e9  # of an evaluation: 0.02 s of a fast core, 0.2 s of a slow one


class Native:
    """The native engine with its number of threads and its working memory.

    Parameters
    ----------
    n_threads : int
        The largest number of threads.
    adaptive : bool, default True
        Use fewer threads for small jobs; False uses exactly `n_threads`.
    """

    name = name

    def __init__(self, n_threads: int = 1, adaptive: bool = True) -> None:
        self.n_threads, self.adaptive = n_threads, adaptive
        self._memory = _native.Memory()
        self._examples: dict[tuple[Any, ...], tuple[_native.Examples, weakref.ref[Examples]]] = {}
        self._networks: dict[int, tuple[Architecture, _native.Network]] = {}
        self._last_segment: tuple[int, tuple[Any, ...]] = 0, ()  # its number; its architecture, plan and final vectors
        self._last_examples: Callable[[], Examples | None] = lambda: None

    def cannot(self, architecture: Architecture) -> str | None:
        """Name an activation or loss that the engine does not have, such as a custom one; None if it has all."""
        for g in architecture.hidden:
            if not is_known(g):
                return f"the activation {g.label!r}"
        return None if is_known_loss(architecture.loss) else f"the loss {architecture.loss.name!r}"

    def run_segment(
        self, architecture: Architecture, plan: Plan, state: State, examples: Examples, order: Array, rates: Array
    ) -> tuple[State, Totals]:
        """Do what `chainrule.network.training.segment.run_segment` does."""
        before = (state.parameters.theta, *state.slots)
        after = tuple(np.empty_like(vector) for vector in before)
        losses = np.empty(len(rates))
        job, left = self._last_segment
        length, diverged, number = _native.run_segment(
            self._memory,
            job if self._last_examples() is examples and _same((architecture, plan, *before), left) else 0,
            self._threads(architecture, min(plan.batch_size, len(order)), len(rates), backward=True),
            self._network_of(architecture),
            plan_of(plan, state.step + len(rates)),
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
            vector.flags.writeable = False  # or the engine's own copy could become outdated
        self._last_segment, self._last_examples = (number, (architecture, plan, *after)), weakref.ref(examples)
        theta, *slots = after
        reached = State(replace(state.parameters, theta=theta), tuple(slots), state.step + len(rates), state.epoch)
        return reached, Totals(tuple(losses.tolist()), length)

    def mean_loss(self, architecture: Architecture, parameters: Parameters, examples: Examples) -> float:
        """Do what `chainrule.network.training.segment.mean_loss` does."""
        losses: list[float] = []
        wrapped = self._examples_of(examples, architecture)
        for first, count in _parts(architecture, examples.m):
            threads = self._threads(architecture, count, 1)
            losses += _native.block_losses(
                self._memory, threads, self._network_of(architecture), wrapped, parameters.theta, first, count
            )
        return math.fsum(losses) / examples.m

    def logits(self, architecture: Architecture, parameters: Parameters, X: Any) -> Array:
        """Do what `chainrule.network.training.segment.logits` does."""
        check_codes(architecture.embeddings, X)
        m = X.shape[1]
        out = np.empty((m, architecture.widths[-1]), parameters.theta.dtype)
        threads = self._threads(architecture, m, 1)
        _native.logits(self._memory, threads, self._network_of(architecture), table_of(X.T), parameters.theta, out)
        return out.T

    def cost_and_gradient(
        self, architecture: Architecture, parameters: Parameters, examples: Examples
    ) -> tuple[float, Array]:
        """Do what `chainrule.network.training.segment.cost_and_gradient` does."""
        d, losses = np.zeros(len(parameters.theta)), list[float]()
        wrapped = self._examples_of(examples, architecture)
        for first, count in _parts(architecture, examples.m):
            threads = self._threads(architecture, count, 1, backward=True)
            losses += _native.sum_gradient(
                self._memory, threads, self._network_of(architecture), wrapped, parameters.theta, first, count, d
            )
        d /= examples.m
        return segment.with_l2_penalty(architecture, parameters, math.fsum(losses) / examples.m, d)

    def gradient_sum(
        self, architecture: Architecture, plan: Plan, state: State, examples: Examples, out: Array
    ) -> float:
        """Do what `chainrule.network.training.segment.gradient_sum` does."""
        check_codes(architecture.embeddings, examples.X)
        return _native.batch_gradient(
            self._memory,
            self._threads(architecture, examples.m, 1, backward=True),
            self._network_of(architecture),
            examples_of(examples, drops=architecture.drops),  # not kept: these rows are used in one step only
            state.parameters.theta,
            plan.seed % 2**64,
            state.step,
            out,
        )

    def _threads(self, architecture: Architecture, batch: int, steps: int, *, backward: bool = False) -> int:
        if not self.adaptive:
            return self.n_threads
        return min(self.n_threads, threads_for(architecture.widths, batch, steps, backward=backward))

    def _network_of(self, architecture: Architecture) -> _native.Network:
        """Convert the network once, not in every segment."""
        if id(architecture) not in self._networks:
            self._networks = {id(architecture): (architecture, network_of(architecture))}
        return self._networks[id(architecture)][1]

    def _examples_of(self, examples: Examples, architecture: Architecture) -> _native.Examples:
        """Wrap the examples once, until they are no longer used elsewhere: a streamed table has many windows."""
        name = id(examples), architecture.drops, architecture.embeddings  # arrays are recognised by identity
        if name not in self._examples:
            check_codes(architecture.embeddings, examples.X, slice(None) if examples.rows is None else examples.rows)
            forget = partial(self._examples.pop, name)  # not Python code, in which Ctrl-C could get lost
            self._examples[name] = examples_of(examples, drops=architecture.drops), weakref.ref(examples, forget)
        return self._examples[name][0]

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
        """Raise the error of the step that diverged: replay the segment up to it, then run it by the reference."""
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
    """Measure the speed of the matrix-product kernel on data in the first-level cache, in FLOP/s."""
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
    """Divide m examples into parts, between which Ctrl-C is noticed."""
    flops = 6 * n_weights(architecture.widths)
    size = max(1, int(_FLOPS_PER_CALL / flops) // CHUNK) * CHUNK
    yield from ((first, min(size, m - first)) for first in range(0, m, size))
