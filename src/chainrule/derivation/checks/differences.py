"""Slopes of each example's loss by central differences: what a gradient is measured against.

When one layer's weights or biases move along a line, its Z moves along a line, too, and what comes before stands still.
So a difference needs only the layers from there on. Every example takes its own step, as long as its own kinks allow:
a corner that one example is close to does not spoil the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.derivation.checks.kinks import sides
from chainrule.derivation.models.problem import Problem
from chainrule.network import propagate
from chainrule.network.dropout import drop
from chainrule.network.losses import LOSSES, natural
from chainrule.network.types import Array

_MOVE = 1e-3  # of the Z that moves most: about eps^(1/5), where rounding and the formula's own error meet
_SHORTER = 1 / 32
_UNDERFLOW = 1e-280  # below, not even a relative precision is left
_RUNGS = 5  # the shortest step moves Z by 1e-9
# Losses that keep their relative precision as they vanish; the others are differences of larger terms.
_PRECISE = {"binary_cross_entropy", "hinge", "squared_error", "absolute_error", "quantile", "huber"}
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Slopes:
    """Slopes of losses along lines, one column for each pair of line and example.

    `slack` is how far rounding and the formula may have moved a value; at a corner there is no slope.
    """

    value: Array
    slack: Array
    at_corner: Array


@dataclass(frozen=True)
class Pass:
    """A pass of all examples, from which lines start."""

    problem: Problem

    @cached_property
    def forward(self) -> propagate.Forward:
        """Z and A."""
        return self.problem.forward()

    @cached_property
    def losses(self) -> Array:
        """The loss of every example."""
        return self.problem.losses(self.forward)

    @cached_property
    def at_corner(self) -> Array:
        """Which examples are exactly at a corner, of an activation or of the loss."""
        corner, _ = self._sides(1, self.forward.Z[1:], np.arange(self.problem.m))
        exactly: Array = (corner == 0).any(axis=0)
        return exactly

    @cached_property
    def noise(self) -> Array:
        """How far rounding may move the loss of each example: a running error bound, to first order."""
        problem, Z, A = self.problem, self.forward.Z, self.forward.A
        W, b = problem.parameters.W, problem.parameters.b
        dZ = propagate.backward(problem.architecture, problem.parameters, self.forward, problem.Y).dZ
        moved = np.abs(self.losses) + self._terms.mean(axis=0)
        for l in range(1, problem.architecture.L + 1):
            size = np.abs(Z[l]) + np.abs(W[l]) @ np.abs(A[l - 1]) + np.abs(b[l])
            moved = moved + (np.abs(dZ[l]) * size).sum(axis=0)
        return _EPSILON * moved

    @cached_property
    def _terms(self) -> Array:
        """The size of the terms that cancel in each output's loss and in its derivative."""
        loss, Z, Y = self.problem.architecture.loss, self.forward.Z[-1], self.problem.Y
        if not natural(loss):
            A = loss.output.g(Z)
            return (1 + np.abs(A) + np.abs(Y)) * (1 + np.abs(A - Y))
        return np.zeros_like(Y) if loss.name in _PRECISE else 1 + np.abs(loss.derivative(Z, Y)) + 2 * np.abs(Y)

    @cached_property
    def _rounding_of_dZ(self) -> Array:
        """How far rounding may move dZ[L], a difference such as A - Y, in whatever code computes it."""
        loss, Z, Y = self.problem.architecture.loss, self.forward.Z[-1], self.problem.Y
        return _EPSILON * (np.abs(loss.derivative(Z, Y)) + 2 * np.abs(Y) + self._terms)

    def slopes(self, l: int, D: Array, example: Array) -> Slopes:
        """The slope of each column's loss as its Z[l] moves in the direction D.

        Parameters
        ----------
        l : int
        D : ndarray of shape (n[l], columns)
        example : ndarray of shape (columns,)
            Which example each column is.
        """
        found = Slopes(*(np.zeros(len(example), kind) for kind in (float, float, bool)))
        pending = np.flatnonzero(D.any(axis=0))  # where nothing moves, the slope is 0
        if not len(pending):
            return found
        step = _MOVE / self._speed(l, D[:, pending], example[pending])
        for rung in range(_RUNGS):
            last = rung == _RUNGS - 1
            value, slack, corner, bend = self._difference(l, D[:, pending], example[pending], step)
            found.value[pending], found.slack[pending] = value, slack
            crossed = corner if last else corner | bend
            pending, step = pending[crossed], step[crossed] * _SHORTER
            if not len(pending):
                break
        found.at_corner[pending] = True
        return found

    def _difference(self, l: int, D: Array, example: Array, step: Array) -> tuple[Array, Array, Array, Array]:
        """The difference of fourth order, its slack, and which columns cross a corner or a bend on the way."""
        centre = [self.forward.Z[k][:, example] for k in range(l, self.problem.architecture.L + 1)]
        here = self._sides(l, centre, example)
        L, last, corner, bend = {}, {}, np.zeros(len(example), bool), np.zeros(len(example), bool)
        for times in (-2, -1, 1, 2):
            Z = self._onward(l, centre[0] + times * step * D, example)
            L[times] = self.problem.architecture.loss.per_example(Z[-1], self.problem.Y[:, example])
            last[times] = Z[-1]
            there = self._sides(l, Z, example)
            corner |= (there[0] != here[0]).any(axis=0)
            bend |= (there[1] != here[1]).any(axis=0)
        near, far = (L[1] - L[-1]) / 2, (L[2] - L[-2]) / 4
        even = L[2] + L[-2] - 4 * (L[1] + L[-1]) + 6 * self.losses[example]  # rounding, and step^4 of a smooth loss
        rough = bend | (self.problem.architecture.loss.name not in LOSSES)  # whose corners nobody knows
        slack = 2 * self.noise[example] + np.abs(even) + np.where(rough, 2 * np.abs(near - far), 0)
        slack += (self._rounding_of_dZ[:, example] * np.abs(last[1] - last[-1])).sum(axis=0)
        return (4 * near - far) / 3 / step, slack / step + _UNDERFLOW, corner, bend

    def _onward(self, l: int, Z: Array, example: Array) -> list[Array]:
        """Z[l] to Z[L], from Z[l]."""
        problem = self.problem
        W, b, g, masks = problem.parameters.W, problem.parameters.b, problem.architecture.g, problem.masks
        passed = [Z]
        for k in range(l + 1, problem.architecture.L + 1):
            mask = masks[k - 1] if masks else None
            A = drop(g[k - 1].g(passed[-1]), None if mask is None else mask[:, example])
            passed.append(W[k] @ A + b[k])
        return passed

    def _speed(self, l: int, D: Array, example: Array) -> Array:
        """How fast the Z that moves most does, tried with a short step."""
        speed: Array = np.abs(D).max(axis=0)
        step = _MOVE**2 / speed
        Z = self.forward.Z
        for k, moved in enumerate(self._onward(l, Z[l][:, example] + step * D, example), start=l):
            speed = np.maximum(speed, np.abs(moved - Z[k][:, example]).max(axis=0) / step)
        return speed

    def _sides(self, l: int, Z: list[Any], example: Array) -> tuple[Array, Array]:
        return sides(self.problem.architecture, l, Z, self.problem.Y[:, example])
