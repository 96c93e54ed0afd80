"""`penalty_path`: the same network with one regularisation strength after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from chainrule.many.fits import fit_many
from chainrule.network.types import Array


class PenaltyPath(NamedTuple):
    """The result of `penalty_path`.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
        From the strongest to the weakest.
    coefs : list of ndarray of shape (n[l-1], n[l], n_alphas)
        `coefs_` of each layer along the path.
    estimators : list of estimator
        Fitted, in the order of the alphas.
    """

    alphas: Array
    coefs: list[Array]
    estimators: list[Any]


def penalty_path(
    estimator: Any,
    alphas: Sequence[float],
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    warm_start: bool = False,
    workers: Any = None,
) -> PenaltyPath:
    """Fit an estimator for each regularisation strength.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, LinearClassifier or LinearRegressor
        With `l1_ratio` above 0 weights become exactly 0 along the path.
    alphas : sequence of float
    X, y, sample_weight
        As for `fit`.
    warm_start : bool, default=False
        False fits each from its own initial weights, all at once; each is what `fit` alone returns. True fits one
        after the other, and starts each at the weights and embeddings of the one before it. That is faster, and where
        the cost has many minima the path stays near one of them; but each network then depends on those before it.
    workers : default=None
        As for `fit_many`; without effect with `warm_start=True`.

    Returns
    -------
    PenaltyPath

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from chainrule import LinearRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = penalty_path(LinearRegressor(l1_ratio=1.0, solver="adam", tol=0.1), [0.5, 50.0], X, y)
    >>> path.alphas, path.coefs[0].shape
    (array([50. ,  0.5]), (10, 1, 2))
    """
    strongest_first = np.sort(np.asarray(alphas, np.float64))[::-1]
    estimators = [clone(estimator).set_params(alpha=float(alpha)) for alpha in strongest_first]
    if warm_start:
        start: dict[str, Any] = {}
        for each in estimators:
            each.fit(X, y, sample_weight, **start)
            start = {"coef_init": each.coefs_, "intercept_init": each.intercepts_}
            start |= {"embedding_init": each.embeddings_} if hasattr(each, "embeddings_") else {}
    else:
        estimators = fit_many(estimators, X, y, sample_weight=sample_weight, workers=workers)
    layers = zip(*(each.coefs_ for each in estimators), strict=True)
    return PenaltyPath(strongest_first, [np.stack(layer, axis=-1) for layer in layers], estimators)
