"""Problems whose answer does not hang on rounding, with the reference's answers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule._errors import DivergenceError
from chainrule.engine import reference
from chainrule.network import Activation, Architecture

from ..contract.cases import ACTIVATION_CASES, LOSS_CASES
from .cases import DTYPES, TOLERANCE, Problem, Result, furthest


@dataclass(frozen=True)
class Posed:
    """A problem with the reference's results."""

    problem: Problem
    truth: dict[str, Result]


FAR = 1e-5  # no logit and no error of a prediction may come nearer to a kink than this
JUMPS = {case.name: tuple(case.jumps) for case in ACTIVATION_CASES if case.jumps}
KINKS = {case.name: case.kinks for case in LOSS_CASES if case.kinks}


def posed(build: Callable[[int], Problem]) -> Posed:
    """The first problem by seed that neither diverges nor hangs on rounding.

    A logit that rounding takes across a kink trains another network from there on, and a gradient that is 0 but for
    rounding is a step for Adam, whoever computes. So no logit may come near a kink, and the reference must agree with
    itself: its float32 with its float64, and the rows of a batch in one order with those in the other.
    """
    for seed in range(200):
        problem = build(seed)
        distances = [np.inf]
        watched = replace(problem, architecture=_watched(problem.architecture, distances))
        try:
            truth = {"float64": watched.run(reference), "float32": problem.run(reference, "float32")}
            turned = problem.run(reference, turned=True)
        except DivergenceError:
            continue
        noise = {"float64": furthest(turned, truth["float64"])[0], "float32": furthest(truth["float32"], turned)[0]}
        if min(distances) > FAR and all(noise[dtype] < TOLERANCE[dtype] / 20 for dtype in DTYPES):
            return Posed(problem, truth)
    raise AssertionError("every draw diverges or comes near a kink")


def _watched(architecture: Architecture, distances: list[float]) -> Architecture:
    """The same architecture, which also notes how near to a kink each of its derivatives is taken."""
    loss = architecture.loss

    def watched(g: Activation) -> Activation:
        def g_prime(Z: Any) -> Any:
            distances.append(min(np.abs(Z - jump).min() for jump in JUMPS[g.name]))
            return g.g_prime(Z)

        return replace(g, g_prime=g_prime) if g.name in JUMPS else g

    def derivative(Z: Any, Y: Any) -> Any:
        distances.append(KINKS[loss.name](loss.output.g(Z), Y).min())
        return loss.derivative(Z, Y)

    hidden = tuple(watched(g) for g in architecture.hidden)
    return replace(
        architecture, hidden=hidden, loss=replace(loss, derivative=derivative) if loss.name in KINKS else loss
    )
