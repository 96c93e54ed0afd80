"""The gradients of weights and biases, and the forward pass, with their mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.derivation.judge.places import Choice, Parts, Place, Site, Step, as_it_is, by_m, by_one_over_m, turned
from chainrule.derivation.models.problem import Problem
from chainrule.network.propagate import Forward
from chainrule.network.types import Array


def data_scaled(factor: Callable[[Site], float]) -> Step:
    """Return a step that multiplies the data's part, or with a penalty also the sum of both parts."""

    def step(site: Site, value: Parts) -> Iterator[Parts]:
        if factor(site) == 1:
            return
        yield value._replace(data=factor(site) * value.data)
        if np.any(value.penalty):
            yield Parts(factor(site) * value.data, factor(site) * value.penalty)

    return step


def called_again(site: Site, value: Parts) -> Iterator[Parts]:
    """Add up the gradients of two calls."""
    yield Parts(2 * value.data, 2 * value.penalty)


def added(site: Site, value: Parts) -> Iterator[Array]:
    """Add both parts."""
    yield value.data + value.penalty


def added_and_transposed(site: Site, value: Parts) -> Iterator[Array]:
    """Add both parts and transpose the sum."""
    both: Array = value.data + value.penalty
    if both.shape != (1, 1):
        yield both.T


_SCALES = (
    Choice(as_it_is, {"times_m": data_scaled(by_m), "divided_twice_by_m": data_scaled(by_one_over_m)}),
    Choice(as_it_is, {"sign": data_scaled(turned)}),
    Choice(as_it_is, {"accumulated": called_again}),
)

# --- weights ---------------------------------------------------------------------------------------------------------


def _weights(site: Site, layer: int) -> Parts:
    problem = site.problem
    data = site.dZ @ np.asarray(site.pass_.A[layer]).T / problem.m
    return Parts(data, problem.penalty_gradient(problem.parameters.W[site.l]) if layer == site.l - 1 else 0.0)


def weights(site: Site, _: Any) -> Iterator[Parts]:
    """Compute (1/m) dZ[l] A[l-1]ᵀ and the penalty's derivative."""
    yield _weights(site, site.l - 1)


def weights_of_another_layer(site: Site, _: Any) -> Iterator[Parts]:
    """Compute (1/m) dZ[l] A[k]ᵀ for another layer k; the penalty is kept if its shape fits."""
    right = _weights(site, site.l - 1)
    for layer in range(len(site.pass_.A)):
        if layer != site.l - 1:
            other = _weights(site, layer).data
            yield Parts(other, right.penalty if other.shape == right.data.shape else 0.0)


def without_penalty(site: Site, value: Parts) -> Iterator[Parts]:
    """Leave out the penalty."""
    if np.any(value.penalty):
        yield value._replace(penalty=0.0)


DW: Place = (
    Choice(weights, {"wrong_layer_activations": weights_of_another_layer}),
    Choice(as_it_is, {"missing_penalty": without_penalty}),
    *_SCALES,
    Choice(added, {"transposed": added_and_transposed}),
)

# --- biases ----------------------------------------------------------------------------------------------------------


def biases(site: Site, _: Any) -> Iterator[Parts]:
    """Compute (1/m) Σ dZ[l]."""
    yield Parts(site.dZ.mean(axis=1, keepdims=True), 0.0)


def no_biases(site: Site, _: Any) -> Iterator[Parts]:
    """Return 0, as if there were no bias."""
    yield Parts(np.zeros((len(site.dZ), 1)), 0.0)


def penalized(site: Site, value: Parts) -> Iterator[Parts]:
    """Add the penalty's derivative at the biases."""
    penalty = site.problem.penalty_gradient(site.problem.parameters.b[site.l])
    if penalty.any():
        yield value._replace(penalty=penalty)


DB: Place = (
    Choice(biases, {"missing_bias": no_biases}),
    Choice(as_it_is, {"penalty_on_bias": penalized}),
    *_SCALES,
    Choice(added, {"transposed": added_and_transposed}),
)

# --- the forward pass ------------------------------------------------------------------------------------------------


def without_biases(problem: Problem) -> Forward | None:
    """Compute Z[l] = W[l] A[l-1]."""
    theta = problem.parameters.theta.copy()
    end = problem.parameters.weights.stop
    if not theta[end:].any():
        return None
    theta[end:] = 0
    return problem.at(theta).forward()


def without_masks(problem: Problem) -> Forward | None:
    """Compute the pass without dropout."""
    return None if problem.masks is None else replace(problem, masks=None).forward()


def with_masks_of_ones(problem: Problem) -> Forward | None:
    """Compute the pass without scaling up the kept units."""
    if problem.masks is None:
        return None
    masks = [None if mask is None else (mask > 0) * 1.0 for mask in problem.masks]
    return replace(problem, masks=masks).forward()


FORWARD: dict[str, Callable[[Problem], Forward | None]] = {
    "missing_bias": without_biases,
    "missing_dropout_mask": without_masks,
    "missing_dropout_scale": with_masks_of_ones,
}
