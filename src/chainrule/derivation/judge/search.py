"""The search for the fewest mistakes that explain somebody's gradients.

It goes back through the layers as backpropagation does. At each place it tries the right way and the ways of the
allowed mistakes; what the given arrays contradict is dropped at once. What survives to layer 1 is an explanation.
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

# Layers a search may visit: where little is given, little is dropped, and the ways back double with every layer.
_MOST_VISITS = 300


@dataclass(frozen=True)
class Explanation:
    """Which mistakes were made where, and how far the arrays are from what they give."""

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
    """What is searched: somebody's arrays, and what agrees with them.

    Attributes
    ----------
    agreement : Agreement
        The right numbers, and how far rounding may move them.
    given : mapping
        From (name, layer) to somebody's array.
    learning_rate : float, optional
        Of the update, if it is known.
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
        """The arrays that are right, at which no mistake was made."""
        agreement, trace = self.agreement, self.trace
        residuals = {key: agreement.residual(key, a, getattr(trace, key[0])[key[1]]) for key, a in self.given.items()}
        return frozenset(key for key, residual in residuals.items() if agreement.is_right(key, residual))

    def ways(
        self, name: str, place: Place, site: Site, allowed: frozenset[str]
    ) -> Iterator[tuple[frozenset[str], Any]]:
        """Every result of a place with the allowed mistakes, none of them where the array is right."""
        return alternatives(place, site, frozenset() if (name, site.l) in self.right else allowed)

    def explain(self, allowed: frozenset[str]) -> Explanation | None:
        """Find an explanation that makes every allowed mistake and no other, at as few places as can be."""
        found = [explanation for explanation in self._explanations(allowed) if explanation.ids == allowed]
        return min(found, key=lambda explanation: len(explanation.places), default=None)

    def _explanations(self, allowed: frozenset[str]) -> Iterator[Explanation]:
        """One explanation, if there is any, for each way to the error of the output."""
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
        """How far the given array is from what is expected; None beyond rounding."""
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
        """Explain layer l for a supposed dZ[l], and then the layers below."""
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
        """Go through the ways back from dZ[l+1] to dZ[l]."""
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
        """W[l+1] after the update, with their own gradient if they gave one, else what they must have had."""
        above = replace(site, l=site.l + 1)
        own = self.given.get(("dW", above.l))
        if own is None or own.shape != site.W.shape:
            (_, own), *_ = alternatives(DW, above, frozenset())
        return site.W - rate * own

    def _rates(self, site: Site, so_far: Explanation, allowed: frozenset[str]) -> list[float | None]:
        """None for the weights as they were; learning rates with which they may have been updated."""
        if "updated_weights" not in allowed:
            return [None]
        known = so_far.rate if so_far.rate is not None else self.learning_rate
        return [None, known] if known is not None else [None, *self._fitted_rates(site, allowed)]

    def _fitted_rates(self, site: Site, allowed: frozenset[str]) -> list[float]:
        """Everything below is linear in the rate, one layer down: fit it to what was given there."""
        rates: list[float] = []
        still, moved = (self._one_layer(replace(site, updated_W=self._updated(site, r)), allowed) for r in (0.0, 1.0))
        for (name, before), (_, after) in zip(still, moved, strict=True):
            array, direction = self.given[name, site.l], after - before
            length = float(np.vdot(direction, direction))
            if array.shape != before.shape or np.count_nonzero(direction) < 2 or not length > 0:
                continue  # one number fits every rate
            rate = float(np.vdot(array - before, direction)) / length
            if rate > 0 and not any(np.isclose(rate, other, rtol=1e-9) for other in rates):
                rates.append(rate)
        return rates

    def _one_layer(self, site: Site, allowed: frozenset[str]) -> Iterator[tuple[str, Array]]:
        """What the given tensors of layer l would be, for every way through updated weights."""
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
