"""Backpropagation as people write it: at each place what is right, and what is written by mistake.

The pass has five places: the error of the output, dA and dZ of a hidden layer, dW and db. A place is a sequence of
choices; a choice has the right way and, by the mistake's id, the wrong ones. So every wrong gradient that the judge
knows, and the laboratory shows, is one small function here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from chainrule.derivation.output_pair import derivative_by_prediction
from chainrule.derivation.problem import Problem
from chainrule.network.propagate import Forward
from chainrule.network.types import Array


@dataclass(frozen=True)
class Site:
    """Where a quantity of layer l is computed, and from what."""

    problem: Problem
    pass_: Forward
    l: int
    dZ: Any = None  # of layer l, or for dA of layer l + 1
    dA: Any = None  # of layer l
    updated_W: Any = None  # of layer l + 1

    @property
    def W(self) -> Array:
        """W[l + 1], through which the error of layer l comes."""
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
    """A gradient with its two parts, which mistakes treat differently."""

    data: Array
    penalty: Any


Step = Callable[[Site, Any], Iterable[Any]]


class Choice(NamedTuple):
    """The right way, and the wrong ones by the mistake's id; each yields what comes of the value so far."""

    right: Step
    wrong: Mapping[str, Step]


Place = Sequence[Choice]


def alternatives(place: Place, site: Site, allowed: frozenset[str]) -> Iterator[tuple[frozenset[str], Any]]:
    """Every result of a place with the allowed mistakes, the right one first, and which mistakes were made."""
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
    """The right way of a choice that changes nothing."""
    yield value


def scaled(factor: Callable[[Site], float]) -> Step:
    """A choice that multiplies by a factor other than 1."""

    def step(site: Site, value: Any) -> Iterator[Any]:
        if factor(site) != 1:
            yield factor(site) * value

    return step


def by_m(site: Site) -> float:
    """M, as a factor."""
    return site.problem.m


def by_one_over_m(site: Site) -> float:
    """1/m."""
    return 1 / site.problem.m


def turned(site: Site) -> float:
    """-1."""
    return -1.0


# --- the error of the output -----------------------------------------------------------------------------------------


def output_delta(site: Site, _: Any) -> Iterator[Array]:
    """dZ[L] of the pair."""
    yield _weighted(site, site.problem.architecture.loss.dZ(site.Z, site.problem.Y))


def _weighted(site: Site, values: Array) -> Array:
    weights = site.problem.weights
    return values if weights is None else values * weights


def _dL_dA(site: Site) -> Array:
    return _weighted(site, derivative_by_prediction(site.problem.architecture.loss, site.Z, site.problem.Y))


def output_without_derivative(site: Site, _: Any) -> Iterator[Array]:
    """DZ[L] = dA[L]."""
    if site.g.name not in ("softmax", "identity"):
        yield _dL_dA(site)


def output_with_derivative_at_A(site: Site, _: Any) -> Iterator[Array]:
    """DZ[L] = dA[L] * g'(A[L])."""
    if site.g.name not in ("softmax", "identity"):
        yield _dL_dA(site) * site.g.g_prime(site.pass_.A[site.l])


def output_with_relu(site: Site, _: Any) -> Iterator[Array]:
    """DZ[L] = dA[L] * relu(Z[L])."""
    if site.g.name == "relu":
        yield _dL_dA(site) * site.g.g(site.Z)


def output_without_jacobian(site: Site, _: Any) -> Iterator[Array]:
    """DZ[L] = dA[L], or with the diagonal of the Jacobian alone, A (1 - A)."""
    if site.g.name == "softmax":
        yield _dL_dA(site)
        A = site.pass_.A[site.l]
        yield _dL_dA(site) * A * (1 - A)


def over_outputs(site: Site) -> float:
    """The number of outputs where their mean is meant, one over it where their sum is."""
    n = site.problem.architecture.widths[-1]
    return 1 / n if site.problem.architecture.loss.sums_outputs else n


def output_dA(site: Site, _: Any) -> Iterator[Array]:
    """DA[L] = ∂L/∂A[L]."""
    yield _dL_dA(site)


_OUTPUT_SCALES = (
    Choice(as_it_is, {"sum_over_outputs": scaled(over_outputs)}),
    Choice(as_it_is, {"divided_twice_by_m": scaled(by_one_over_m)}),
    Choice(as_it_is, {"sign": scaled(turned)}),
)
OUTPUT_DA: Place = (Choice(output_dA, {}), *_OUTPUT_SCALES)
OUTPUT: Place = (
    Choice(
        output_delta,
        {
            "missing_activation_derivative": output_without_derivative,
            "derivative_of_activation_value": output_with_derivative_at_A,
            "relu_as_its_derivative": output_with_relu,
            "missing_softmax_jacobian": output_without_jacobian,
        },
    ),
    *_OUTPUT_SCALES,
)

# --- the error of a hidden layer -------------------------------------------------------------------------------------


def through_weights(site: Site, _: Any) -> Iterator[Array]:
    """DA = Wᵀ dZ."""
    yield site.W.T @ site.dZ


def through_transposed(site: Site, _: Any) -> Iterator[Array]:
    """DA = W dZ, where W is square."""
    if site.W.shape[0] == site.W.shape[1]:
        yield site.W @ site.dZ


def through_updated(site: Site, _: Any) -> Iterator[Array]:
    """DA = (W - α dW)ᵀ dZ."""
    if site.updated_W is not None:
        yield site.updated_W.T @ site.dZ


DA: Place = (
    Choice(through_weights, {"transposed": through_transposed, "updated_weights": through_updated}),
    Choice(as_it_is, {"sign": scaled(turned)}),
)


def slope(site: Site, _: Any) -> Iterator[Any]:
    """g'(Z)."""
    yield site.g.g_prime(site.Z)


def no_slope(site: Site, _: Any) -> Iterator[Any]:
    """1."""
    if site.g.name != "identity":
        yield 1.0


def slope_at_A(site: Site, _: Any) -> Iterator[Any]:
    """g'(A), of the activation before the mask or after it."""
    yield site.g.g_prime(site.g.g(site.Z))
    if site.pass_.masks is not None and site.pass_.masks[site.l] is not None:
        yield site.g.g_prime(site.pass_.A[site.l])


def relu_itself(site: Site, _: Any) -> Iterator[Any]:
    """relu(Z)."""
    if site.g.name in ("relu", "leaky_relu"):
        yield site.g.g(site.Z)


def masked(site: Site, value: Any) -> Iterator[Array]:
    """The chain rule through mask and activation."""
    yield site.dA * site.mask * value


def unmasked(site: Site, value: Any) -> Iterator[Array]:
    """As if no unit had been removed."""
    if np.ndim(site.mask):
        yield site.dA * value


def unscaled(site: Site, value: Any) -> Iterator[Array]:
    """The mask as zeros and ones."""
    if np.ndim(site.mask):
        yield site.dA * (site.mask > 0) * value


DZ: Place = (
    Choice(
        slope,
        {
            "missing_activation_derivative": no_slope,
            "derivative_of_activation_value": slope_at_A,
            "relu_as_its_derivative": relu_itself,
        },
    ),
    Choice(masked, {"missing_dropout_mask": unmasked, "missing_dropout_scale": unscaled}),
)
