"""Backpropagation with its possible mistakes: at each place the right computation, and the wrong ones.

The pass has five places: the error of the output, dA and dZ of a hidden layer (`error_variations.py`), dW and db
(`parameter_variations.py`). A place is a sequence of choices; a choice has the right step and, by the mistake's id, the
wrong ones. So every mistake that the gradient checker knows is one small function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from chainrule.derivation.models.problem import Problem
from chainrule.network.propagate import Forward
from chainrule.network.types import Array


@dataclass(frozen=True)
class Site:
    """The layer at which a quantity is computed, and its inputs."""

    problem: Problem
    pass_: Forward
    l: int
    dZ: Any = None  # of layer l, or for dA of layer l + 1
    dA: Any = None  # of layer l
    updated_W: Any = None  # of layer l + 1

    @property
    def W(self) -> Array:
        """W[l + 1], through which the error reaches layer l."""
        return self.problem.parameters.W[self.l + 1]

    @property
    def g(self) -> Any:
        """The activation of layer l."""
        return self.problem.architecture.g[self.l]

    @property
    def Z(self) -> Any:
        """Z[l]."""
        return self.pass_.Z[self.l]

    @property
    def mask(self) -> Any:
        """The dropout factors of layer l, or 1."""
        masks = self.pass_.masks
        return 1.0 if masks is None or masks[self.l] is None else masks[self.l]


class Parts(NamedTuple):
    """The two parts of a gradient, which mistakes treat differently."""

    data: Array
    penalty: Any


Step = Callable[[Site, Any], Iterable[Any]]


class Choice(NamedTuple):
    """The right step, and the wrong ones by the mistake's id; each computes results from the value so far."""

    right: Step
    wrong: Mapping[str, Step]


Place = Sequence[Choice]


def alternatives(place: Place, site: Site, allowed: frozenset[str]) -> Iterator[tuple[frozenset[str], Any]]:
    """Yield every result of a place with the allowed mistakes, the right one first, with the mistakes made."""
    results: list[tuple[frozenset[str], Any]] = [(frozenset(), None)]
    for choice in place:
        ways: list[tuple[frozenset[str], Step]] = [(frozenset(), choice.right)]
        ways += [(frozenset({id_}), step) for id_, step in choice.wrong.items() if id_ in allowed]
        results = [
            (made | new, result)
            for made, value in results
            for new, step in ways
            if not made & new
            for result in step(site, value)
        ]
    yield from sorted(results, key=lambda result: len(result[0]))


def as_it_is(site: Site, value: Any) -> Iterator[Any]:
    """Return the value unchanged: the right step of a choice."""
    yield value


def scaled(factor: Callable[[Site], float]) -> Step:
    """Return a step that multiplies by a factor, unless it is 1."""

    def step(site: Site, value: Any) -> Iterator[Any]:
        if factor(site) != 1:
            yield factor(site) * value

    return step


def by_m(site: Site) -> float:
    """Return m."""
    return site.problem.m


def by_one_over_m(site: Site) -> float:
    """Return 1/m."""
    return 1 / site.problem.m


def turned(site: Site) -> float:
    """Return -1."""
    return -1.0
