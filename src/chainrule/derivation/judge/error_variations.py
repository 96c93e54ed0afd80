"""The error terms of the backward pass, with their mistakes: dZ of the output, dA and dZ of a hidden layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.derivation.judge.places import Choice, Place, Site, as_it_is, by_one_over_m, scaled, turned
from chainrule.derivation.tracing.output_delta import derivative_by_prediction
from chainrule.network.activations import COUPLED
from chainrule.network.types import Array

# --- the error of the output -----------------------------------------------------------------------------------------


def output_delta(site: Site, _: Any) -> Iterator[Array]:
    """Return dZ[L] of the pair of output activation and loss."""
    yield _weighted(site, site.problem.architecture.loss.dZ(site.Z, site.problem.Y))


def _weighted(site: Site, values: Array) -> Array:
    weights = site.problem.weights
    return values if weights is None else values * weights


def _dL_dA(site: Site) -> Array:
    return _weighted(site, derivative_by_prediction(site.problem.architecture.loss, site.Z, site.problem.Y))


def output_without_derivative(site: Site, _: Any) -> Iterator[Array]:
    """Take dZ[L] = dA[L]."""
    if site.g.name not in (*COUPLED, "identity"):
        yield _dL_dA(site)


def output_with_derivative_at_A(site: Site, _: Any) -> Iterator[Array]:
    """Take dZ[L] = dA[L] * g'(A[L])."""
    if site.g.name not in (*COUPLED, "identity"):
        yield _dL_dA(site) * site.g.g_prime(site.pass_.A[site.l])


def output_with_relu(site: Site, _: Any) -> Iterator[Array]:
    """Take dZ[L] = dA[L] * relu(Z[L])."""
    if site.g.name == "relu":
        yield _dL_dA(site) * site.g.g(site.Z)


def output_without_jacobian(site: Site, _: Any) -> Iterator[Array]:
    """Take dZ[L] = dA[L], or multiply only by the diagonal of the Jacobian, A (1 - A)."""
    if site.g.name == "softmax":
        yield _dL_dA(site)
        A = site.pass_.A[site.l]
        yield _dL_dA(site) * A * (1 - A)


def over_outputs(site: Site) -> float:
    """Return the number of outputs if the loss is their mean, its inverse if it is their sum."""
    n = site.problem.architecture.widths[-1]
    return 1 / n if site.problem.architecture.loss.sums_outputs else n


def output_dA(site: Site, _: Any) -> Iterator[Array]:
    """Take dA[L] = ∂L/∂A[L]."""
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
    """Take dA = Wᵀ dZ."""
    yield site.W.T @ site.dZ


def through_transposed(site: Site, _: Any) -> Iterator[Array]:
    """Take dA = W dZ, where W is square."""
    if site.W.shape[0] == site.W.shape[1]:
        yield site.W @ site.dZ


def through_updated(site: Site, _: Any) -> Iterator[Array]:
    """Take dA = (W - α dW)ᵀ dZ."""
    if site.updated_W is not None:
        yield site.updated_W.T @ site.dZ


DA: Place = (
    Choice(through_weights, {"transposed": through_transposed, "updated_weights": through_updated}),
    Choice(as_it_is, {"sign": scaled(turned)}),
)


def slope(site: Site, _: Any) -> Iterator[Any]:
    """Take g'(Z)."""
    yield site.g.g_prime(site.Z)


def no_slope(site: Site, _: Any) -> Iterator[Any]:
    """Take 1."""
    if site.g.name != "identity":
        yield 1.0


def slope_at_A(site: Site, _: Any) -> Iterator[Any]:
    """Take g'(A), of the activation before or after the mask."""
    yield site.g.g_prime(site.g.g(site.Z))
    if site.pass_.masks is not None and site.pass_.masks[site.l] is not None:
        yield site.g.g_prime(site.pass_.A[site.l])


def relu_itself(site: Site, _: Any) -> Iterator[Any]:
    """Take relu(Z)."""
    if site.g.name in ("relu", "leaky_relu"):
        yield site.g.g(site.Z)


def masked(site: Site, value: Any) -> Iterator[Array]:
    """Apply the chain rule through mask and activation."""
    yield site.dA * site.mask * value


def unmasked(site: Site, value: Any) -> Iterator[Array]:
    """Ignore the mask."""
    if np.ndim(site.mask):
        yield site.dA * value


def unscaled(site: Site, value: Any) -> Iterator[Array]:
    """Use a mask of zeros and ones."""
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
