"""L-BFGS on the whole training set, through SciPy (Byrd et al., 1995).

It works with the variables u of `conditioning`, for which features and target are centred with deviation 1. The cost
that it minimises is unchanged, and weights and costs are recorded in their own units. An L1 penalty is made smooth by
splitting each weight into two parts that must not be negative, W = P - N with Σ|W| = ΣP + ΣN. SciPy's bounds then keep
weights at exactly 0.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule._errors import DivergenceError
from chainrule.network.parameters import Parameters
from chainrule.network.training.conditioning import Conditioning
from chainrule.network.training.early_stopping import select_weights
from chainrule.network.training.history import History, StopReason
from chainrule.network.training.hooks import Hook
from chainrule.network.training.run import TrainingRun
from chainrule.network.training.segment import State
from chainrule.network.training.setup import Training
from chainrule.network.types import Array

_LIMIT = 1  # SciPy's status after the last allowed iteration or evaluation
_RATE = 1.0  # recorded as learning rate: the line search chooses the length of a step


def train_lbfgs(
    training: Training, state: State, *, max_fun: int = 15000, drawn: bool = False
) -> tuple[State, History]:
    """Minimise the cost over all examples from `state`, freshly `drawn` or given; an epoch is one iteration.

    `stopping.tol` bounds the largest entry of the gradient at the solution, in the units of `conditioning`. Patience
    counts validation losses; without validation examples the cost can only fall, and the last weights are the best.

    Raises
    ------
    DivergenceError
        If the cost or the gradient stops being finite, and `stopping` says to raise.
    """
    from scipy.optimize import minimize  # only this solver needs it, and it takes a while to import

    problem = _Problem(training, state, drawn)
    stopping = training.stopping
    try:
        problem.run.call(training.on_begin, problem.state, 0, _RATE)
        result = minimize(
            problem.cost_and_gradient,
            problem.variables(problem.state.parameters),
            jac=True,
            method="L-BFGS-B",
            bounds=problem.bounds(),
            callback=problem.iteration,
            options={
                "maxiter": stopping.max_epochs,
                "maxfun": max_fun,
                "gtol": stopping.tol,
                "ftol": 0.0,  # a small decrease of the cost does not imply a minimum
            },
        )
        problem.finish(result)
    except _Stopped as stopped:
        problem.history.stop(StopReason.CALLBACK, str(stopped), epoch=problem.state.epoch + problem.iterating)
    except _Raised as raised:
        raise raised.error from None
    except KeyboardInterrupt:
        iteration = problem.state.epoch + 1
        problem.history.stop(StopReason.INTERRUPTED, f"interrupted in iteration {iteration}", epoch=iteration)
    except DivergenceError as error:
        if stopping.raise_on_divergence or not problem.history.columns:
            raise
        problem.history.stop(StopReason.DIVERGED, str(error), step=error.step, layer=error.layer)
    state, history = select_weights(training, problem.patience, problem.state, problem.history), problem.history
    training.measure_final(state, history)
    return state, history


class _Stopped(Exception):  # noqa: N818 - a callback that stops is no error
    """A hook has asked to stop training."""


class _Raised(Exception):  # noqa: N818 - it carries an error
    """Carries an error of a hook or a score through SciPy."""

    def __init__(self, error: StopIteration) -> None:
        super().__init__()
        self.error = error


class _Problem:
    """The cost as SciPy sees it: a function of one float64 vector of variables."""

    def __init__(self, training: Training, state: State, drawn: bool) -> None:
        self.conditioning = Conditioning.of(training.feed, training.architecture, state.parameters, drawn=drawn)
        state = replace(state, parameters=self.conditioning.start)
        self.training, self.state = training, state
        self.run = TrainingRun(training, state)
        self.history, self.patience = self.run.history, self.run.patience
        self.iterating = False
        self.n_split = state.parameters.weights.stop if training.architecture.penalty.l1 else 0
        self.first_epoch = state.epoch
        self.gradient_norm = 0.0
        self.began = time.perf_counter()

    def variables(self, parameters: Parameters) -> Array:
        """u, or (P, N, biases) where the weights are split."""
        u, k = self.conditioning.variables(parameters), self.n_split
        return np.concatenate([np.maximum(u[:k], 0), np.maximum(-u[:k], 0), u[k:]])

    def joined(self, variables: Array) -> Array:
        """Undo the split."""
        k = self.n_split
        return np.concatenate([variables[:k] - variables[k : 2 * k], variables[2 * k :]])

    def parameters(self, variables: Array) -> Parameters:
        """Undo `variables`, in the dtype of training."""
        return self.conditioning.parameters(self.joined(variables))

    def bounds(self) -> list[tuple[float | None, float | None]] | None:
        """P and N must not be negative; everything else is free."""
        if not self.n_split:
            return None
        free = len(self.state.parameters.theta) - self.n_split
        return [(0, None)] * (2 * self.n_split) + [(None, None)] * free

    def cost_and_gradient(self, variables: Array) -> tuple[float, Array]:
        """Evaluate the smooth cost plus l1 Σ(P + N), divided by its unit, and its gradient."""
        if not self.iterating:  # an iteration begins with its first evaluation of the cost
            self.iterating = True
            self.call(self.training.on_epoch_begin)
        with np.errstate(over="ignore", invalid="ignore"):  # seen below
            cost, d = self.conditioning.cost_and_gradient(self.training.feed, self.joined(variables))
            self.gradient_norm = float(np.linalg.norm(d))
        if not (np.isfinite(cost) and np.isfinite(d).all()):
            raise DivergenceError(
                f"Solver produced non-finite parameter weights: the cost is {cost} in iteration "
                f"{self.state.epoch + 1}. Scale the inputs.",
                step=self.state.step,
                tensor="the cost",
                layer=self.training.architecture.L,
            )
        if not self.n_split:
            return cost, d
        k, l1 = self.n_split, self.conditioning.l1
        l1_penalty = float(l1 @ (variables[:k] + variables[k : 2 * k]))
        return cost + l1_penalty, np.concatenate([d[:k] + l1, l1 - d[:k], d[k:]])

    def iteration(self, intermediate_result: Any) -> None:
        """Record one iteration; stop if the validation has not improved for long enough."""
        try:
            self.record(intermediate_result)
        except StopIteration as error:  # of a hook or a score: SciPy would take it as a request to stop
            raise _Raised(error) from None
        if self.patience.exhausted:
            raise StopIteration

    def record(self, intermediate_result: Any) -> None:
        """Record one iteration, and call the hooks."""
        training, old = self.training, self.state
        parameters = self.parameters(intermediate_result.x)
        self.state = replace(old, parameters=parameters, step=old.step + 1, epoch=old.epoch + 1)
        penalty = training.architecture.penalty.value(parameters.W[1:])
        total = float(intermediate_result.fun) * self.conditioning.unit
        record = {"running_loss": total - penalty, "penalty": penalty, "running_total": total}
        record |= {"learning_rate": _RATE, "gradient_norm": self.gradient_norm, **training.measured(self.state)}
        now = time.perf_counter()
        self.history.append(epoch=self.state.epoch, **record, seconds=now - self.began)
        self.began, self.iterating = now, False
        if training.monitor is not None:
            self.patience.observe(training.monitored(self.state, record), self.state)
        self.call(training.on_epoch, training.feed.m, record["running_loss"])

    def call(self, hook: Hook | None, examples_done: int = 0, loss: float = math.nan) -> None:
        """Call a hook, and stop training if it asks for that."""
        self.run.call(hook, self.state, examples_done, _RATE, loss)
        if self.run.control.stop_sentence:
            raise _Stopped(self.run.control.stop_sentence)

    def finish(self, result: Any) -> None:
        """Take the solution, and record why SciPy stopped."""
        self.state = replace(self.state, parameters=self.parameters(result.x))
        iterations = self.state.epoch - self.first_epoch
        if self.patience.exhausted:
            self.history.stop(
                StopReason.NO_IMPROVEMENT,
                f"the validation {self.training.monitor} did not improve{self.patience.margin} for "
                f"{self.patience.stale} iterations; best iteration {self.patience.best_epoch}",
                **self.patience.numbers(self.training.monitor),
            )
            return
        tol, largest = float(self.training.stopping.tol), self.largest(result)
        numbers = {"iterations": iterations, "tol": tol, "gradient": largest}
        numbers["loss"] = float(result.fun) * self.conditioning.unit
        if largest <= tol:
            self.history.stop(StopReason.CONVERGED, f"converged after {iterations} iterations", **numbers)
        elif result.status == _LIMIT:
            sentence = f"stopped after {iterations} iterations: {result.message}"
            self.history.stop(StopReason.MAX_ITER, sentence, **numbers)
        elif largest <= self.precision:
            sentence = f"converged after {iterations} iterations, as far as rounding lets it"
            self.history.stop(StopReason.CONVERGED, sentence, **numbers)
        else:
            sentence = (
                f"no step lowers the cost after {iterations} iterations: the largest entry of the gradient is "
                f"{largest:.2g}, tol={tol:g} ({result.message})"
            )
            self.history.stop(StopReason.NO_IMPROVEMENT, sentence, **numbers)

    def largest(self, result: Any) -> float:
        """Return the largest entry of the gradient, without those that point across a bound."""
        d = np.array(result.jac)
        split = slice(0, 2 * self.n_split)
        d[split] = np.where(result.x[split] > 0, d[split], np.minimum(d[split], 0))
        return float(np.abs(d).max())

    @property
    def precision(self) -> float:
        """A gradient below this is 0 up to rounding: the cost is locally a parabola."""
        return float(np.sqrt(np.finfo(self.state.parameters.theta.dtype).eps))
