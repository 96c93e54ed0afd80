"""The initial last bias: the constant prediction that equals the mean of the targets.

A network that starts there has the loss of the best constant prediction at once. Otherwise a target far from 0, or rare
classes, would cost it many steps. (Lin et al., "Focal loss", 2017, section 4.1, for rare classes.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule.network.architecture import Architecture
from chainrule.network.losses import Loss
from chainrule.network.losses.quantiles import middle
from chainrule.network.parameters import Parameters
from chainrule.network.types import Array

_FARTHEST = 20.0  # the logit of a class that never occurs
_WITHOUT_MEAN = ("hinge",)  # its scores are not probabilities of the targets


def base_rate(loss: Loss, mean: Array) -> Array:
    """Return the constant Z[L] that predicts the given mean target.

    Parameters
    ----------
    loss : Loss
    mean : ndarray of shape (n[L],)

    Returns
    -------
    ndarray of shape (n[L],)
        0 for output activations without an inverse here, and for all but the middle one of several quantiles.

    Examples
    --------
    >>> from chainrule.network import loss
    >>> base_rate(loss("binary_cross_entropy"), np.array([0.8])).round(3), base_rate(loss("poisson"), np.array([1.0]))
    (array([1.386]), array([0.]))
    """
    output = loss.output.name
    if output == "ascending":
        return np.where(np.arange(len(mean)) == middle(len(mean)), mean, 0.0)
    if output not in ("identity", "sigmoid", "softmax", "exponential") or loss.name in _WITHOUT_MEAN:
        return np.zeros_like(mean)
    if output == "identity":
        return mean
    with np.errstate(divide="ignore"):
        Z = np.log(mean) - np.log1p(-mean) if output == "sigmoid" else np.log(mean)
    return np.clip(Z, -_FARTHEST, _FARTHEST)


def at_base_rate(architecture: Architecture, parameters: Parameters, Y: Array, weights: Array | None) -> Parameters:
    """Return a copy of the parameters whose b[L] is the base rate of the targets Y, of shape (n[L], m)."""
    moved = replace(parameters, theta=parameters.theta.copy())
    moved.b[-1][:, 0] = base_rate(architecture.loss, np.average(Y, axis=1, weights=weights))
    return moved
