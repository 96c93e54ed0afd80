"""The search for the fewest mistakes that explain given gradients.

It goes through the layers in the order of backpropagation. At each place it tries the right step and those of the
allowed mistakes, and drops results that contradict the given arrays. A result that reaches layer 1 is an explanation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.derivation.judge.agreement import Agreement, Given
from chainrule.derivation.judge.error_variations import DA, DZ, OUTPUT, OUTPUT_DA
from chainrule.derivation.judge.parameter_variations import DB, DW, FORWARD
from chainrule.derivation.judge.places import Place, Site, alternatives
from chainrule.derivation.tracing.trace import Trace
from chainrule.network.propagate import Forward
from chainrule.network.types import Array

Places = tuple[tuple[str, str], ...]  # (mistake's id, tensor it was made at)

# Layers that a search may visit: with few given arrays little is dropped, and the paths double with every layer.
_MOST_VISITS = 300


@dataclass(frozen=True)
class Explanation:
    """The mistakes with their places, and the residual of the arrays."""

    places: Places = ()
    residual: float = 0.0
    rate: float | None = None

    @property
    def ids(self) -> frozenset[str]:
        """The mistakes."""
        return frozenset(id_ for id_, _ in self.places)

    def with_mistakes(self, ids: frozenset[str], tensor: str, residual: float = 0.0) -> Explanation:
        """Add the mistakes made at a tensor, and its residual."""
        places = (*self.places, *((id_, tensor) for id_ in sorted(ids)))
        return replace(self, places=places, residual=max(self.residual, residual))


@dataclass(frozen=True)
class Search:
    """A search for the mistakes in given arrays.

    Attributes
    ----------
    agreement : Agreement
        The right numbers, and how far rounding may move them.
    given : mapping
        From (name, layer) to the given array.
    learning_rate : float, optional
        The learning rate of the update, if it is known.
    """

    agreement: Agreement
    given: Given
    learning_rate: float | None = None

    @property
    def trace(self) -> Trace:
        """The right numbers."""
        return self.agreement.trace

    @cached_property
    def right(self) -> frozenset[tuple[str, int]]:
        """The arrays that are right, for which no mistake is tried."""
        agreement, trace = self.agreement, self.trace
        residuals = {key: agreement.residual(key, a, getattr(trace, key[0])[key[1]]) for key, a in self.given.items()}
        return frozenset(key for key, residual in residuals.items() if agreement.is_right(key, residual))

    def ways(
        self, name: str, place: Place, site: Site, allowed: frozenset[str]
    ) -> Iterator[tuple[frozenset[str], Any]]:
        """Yield every result of a place with the allowed mistakes; only the right one if the array is right."""
        return alternatives(place, site, frozenset() if (name, site.l) in self.right else allowed)

    def explain(self, allowed: frozenset[str]) -> Explanation | None:
        """Find an explanation with every allowed mistake and no other, at as few places as possible."""
        found = [explanation for explanation in self._explanations(allowed) if explanation.ids == allowed]
        return min(found, key=lambda explanation: len(explanation.places), default=None)

    def _explanations(self, allowed: frozenset[str]) -> Iterator[Explanation]:
        """Yield an explanation, if there is one, for each result of the output's error."""
        L, visits = self.trace.L, iter(range(_MOST_VISITS))
        for ids, pass_ in self._forwards(allowed):
            output = Site(self.trace.problem, pass_, L)
            start = self._first_match("dA", OUTPUT_DA, output, Explanation().with_mistakes(ids, "Z[1]"), allowed)
            if start is None:
                continue
            for made, dZ in self.ways("dZ", OUTPUT, output, allowed):
                found = self._layer(L, dZ, start.with_mistakes(made, f"dZ[{L}]"), pass_, allowed, visits)
                if found is not None:
                    yield found

    def residual(self, name: str, l: int, expected: Array) -> float | None:
        """Return the residual of the given array, or None if it is more than rounding explains."""
        array, key = self.given.get((name, l)), (name, l)
        if array is None:
            return 0.0
        residual = self.agreement.residual(key, array, expected)
        return residual if self.agreement.is_rounding(key, residual) else None

    def _forwards(self, allowed: frozenset[str]) -> Iterator[tuple[frozenset[str], Forward]]:
        problem = self.trace.problem
        yield frozenset(), Forward(self.trace.Z, self.trace.A, problem.masks)
        for id_ in sorted(allowed & set(FORWARD)):
            pass_ = FORWARD[id_](problem)
            if pass_ is not None:
                yield frozenset({id_}), pass_

    def _layer(
        self, l: int, dZ: Array, so_far: Explanation, pass_: Forward, allowed: frozenset[str], visits: Iterator[int]
    ) -> Explanation | None:
        """Explain layer l for an assumed dZ[l], and then the layers below."""
        residual = self.residual("dZ", l, dZ)
        if residual is None or next(visits, None) is None:
            return None
        so_far = so_far.with_mistakes(frozenset(), "", residual)
        for name, place in (("dW", DW), ("db", DB)):
            site = Site(self.trace.problem, pass_, l, dZ=dZ)
            chosen = self._first_match(name, place, site, so_far, allowed)
            if chosen is None:
                return None
            so_far = chosen
        return so_far if l == 1 else self._below(l - 1, dZ, so_far, pass_, allowed, visits)

    def _first_match(
        self, name: str, place: Place, site: Site, so_far: Explanation, allowed: frozenset[str]
    ) -> Explanation | None:
        if (name, site.l) not in self.given:
            return so_far
        for made, expected in self.ways(name, place, site, allowed):
            residual = self.residual(name, site.l, expected)
            if residual is not None:
                return so_far.with_mistakes(made, f"{name}[{site.l}]", residual)
        return None

    def _below(
        self, l: int, dZ: Array, so_far: Explanation, pass_: Forward, allowed: frozenset[str], visits: Iterator[int]
    ) -> Explanation | None:
        """Try the results from dZ[l+1] to dZ[l]."""
        site = Site(self.trace.problem, pass_, l, dZ=dZ)
        for rate in self._rates(site, so_far, allowed):
            at_rate = site if rate is None else replace(site, updated_W=self._updated(site, rate))
            for made, dA in self.ways("dA", DA, at_rate, allowed):
                residual = self.residual("dA", l, dA)
                if residual is None or (rate is not None) != ("updated_weights" in made):
                    continue
                through = so_far.with_mistakes(made, f"dA[{l}]", residual)
                through = through if rate is None else replace(through, rate=rate)
                for also, below in self.ways("dZ", DZ, replace(site, dA=dA), allowed):
                    found = self._layer(l, below, through.with_mistakes(also, f"dZ[{l}]"), pass_, allowed, visits)
                    if found is not None:
                        return found
        return None

    def _updated(self, site: Site, rate: float) -> Array:
        """Return W[l+1] after the update with the given gradient, or with the right one if none was given."""
        above = replace(site, l=site.l + 1)
        own = self.given.get(("dW", above.l))
        if own is None or own.shape != site.W.shape:
            (_, own), *_ = alternatives(DW, above, frozenset())
        return site.W - rate * own

    def _rates(self, site: Site, so_far: Explanation, allowed: frozenset[str]) -> list[float | None]:
        """Return None, for weights without an update, and learning rates with which they may have been updated."""
        if "updated_weights" not in allowed:
            return [None]
        known = so_far.rate if so_far.rate is not None else self.learning_rate
        return [None, known] if known is not None else [None, *self._fitted_rates(site, allowed)]

    def _fitted_rates(self, site: Site, allowed: frozenset[str]) -> list[float]:
        """Fit the rate to the given arrays one layer below, which are linear in it."""
        rates: list[float] = []
        still, moved = (self._one_layer(replace(site, updated_W=self._updated(site, r)), allowed) for r in (0.0, 1.0))
        for (name, before), (_, after) in zip(still, moved, strict=True):
            array, direction = self.given[name, site.l], after - before
            length = float(np.vdot(direction, direction))
            if array.shape != before.shape or np.count_nonzero(direction) < 2 or not length > 0:
                continue  # a single number could fit any rate
            rate = float(np.vdot(array - before, direction)) / length
            if rate > 0 and not any(np.isclose(rate, other, rtol=1e-9) for other in rates):
                rates.append(rate)
        return rates

    def _one_layer(self, site: Site, allowed: frozenset[str]) -> Iterator[tuple[str, Array]]:
        """Yield what the given tensors of layer l would be, for every result with updated weights."""
        for made, dA in alternatives(DA, site, allowed):
            if "updated_weights" not in made:
                continue
            if ("dA", site.l) in self.given:
                yield "dA", dA
            for _, dZ in alternatives(DZ, replace(site, dA=dA), allowed):
                if ("dZ", site.l) in self.given:
                    yield "dZ", dZ
                below = replace(site, dZ=dZ)
                for name, place in (("dW", DW), ("db", DB)):
                    if (name, site.l) in self.given:
                        yield from ((name, value) for _, value in alternatives(place, below, allowed))
