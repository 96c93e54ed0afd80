"""The uncertainty of an ensemble of classifiers: each member's own, and the disagreement of members."""

from __future__ import annotations

from typing import NamedTuple

from scipy.special import entr, rel_entr

from chainrule.network.types import Array


class Uncertainty(NamedTuple):
    """The entropy of a prediction and its two parts, in nats: total = data + model, each (n_samples,) or (., n_labels).

    Attributes
    ----------
    total : ndarray
        The entropy of the mean probabilities.
    data : ndarray
        The mean entropy of the members, which more data would not reduce (aleatoric).
    model : ndarray
        The mutual information of class and member, the mean Kullback-Leibler divergence of the members from their mean:
        their disagreement (epistemic). Labels are most useful for rows where it is large.
    """

    total: Array
    data: Array
    model: Array


def decompose(P: Array) -> Uncertainty:
    """Split the entropy of the mean distribution into its two parts.

    Parameters
    ----------
    P : ndarray of shape (n_members, ..., n_classes)
        Distributions over the last axis.

    References
    ----------
    N. Houlsby et al. (2011), Bayesian active learning for classification and preference learning (BALD).

    Examples
    --------
    Two members that are certain and disagree; two that are uncertain and agree:

    >>> import numpy as np
    >>> [part.round(3).tolist() for part in decompose(np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]))]
    [[0.693, 0.693], [0.0, 0.693], [0.693, 0.0]]
    """
    mean = P.mean(axis=0)
    return Uncertainty(
        total=entr(mean).sum(axis=-1),
        data=entr(P).sum(axis=-1).mean(axis=0),
        model=rel_entr(P, mean).sum(axis=-1).mean(axis=0),
    )
