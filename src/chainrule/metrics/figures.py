"""The figures of a test: how good predictions are, in numbers that need no explanation."""

from __future__ import annotations

import numpy as np

from chainrule.network.types import Array


def classification_figures(codes: Array, probabilities: Array) -> dict[str, float]:
    """Judge class probabilities.

    Parameters
    ----------
    codes : ndarray of shape (m,), int
        The true classes.
    probabilities : ndarray of shape (m, K)

    Returns
    -------
    dict
        `accuracy`, `log_loss` (infinite where a true class was given probability 0) and, for two classes, `roc_auc`
        (NaN where one of them does not occur).

    Examples
    --------
    >>> figures = classification_figures(np.array([0, 1, 1]), np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3]]))
    >>> {name: round(value, 3) for name, value in figures.items()}
    {'accuracy': 0.667, 'log_loss': 0.646, 'roc_auc': 1.0}
    """
    given = probabilities[np.arange(len(codes)), codes].astype(np.float64)
    with np.errstate(divide="ignore"):
        figures = {
            "accuracy": float(np.mean(probabilities.argmax(axis=1) == codes)),
            "log_loss": float(-np.mean(np.log(given))),
        }
    if probabilities.shape[1] == 2:
        figures["roc_auc"] = roc_auc(codes, probabilities[:, 1])
    return figures


def roc_auc(codes: Array, scores: Array) -> float:
    """The probability that a row of class 1 has a higher score than one of class 0; ties count half.

    Examples
    --------
    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.9]))
    0.875
    """
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # tied scores share their mean rank
    positive = codes == 1
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if n0 == 0 or n1 == 0:
        return float("nan")
    return float((ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n0 * n1))


def regression_figures(y: Array, predicted: Array) -> dict[str, float]:
    """Judge predicted numbers of shape (m, k): `rmse`, `mae` and `r2`, each the mean over the k targets.

    Examples
    --------
    >>> regression_figures(np.array([[1.0], [3.0]]), np.array([[1.0], [2.0]]))
    {'rmse': 0.7071067811865476, 'mae': 0.5, 'r2': 0.5}
    """
    error = predicted.astype(np.float64) - y
    spread = np.mean((y - y.mean(axis=0)) ** 2, axis=0)
    square = np.mean(error**2, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(spread > 0, 1 - square / spread, np.where(square > 0, -np.inf, 1.0))
    return {
        "rmse": float(np.mean(np.sqrt(square))),
        "mae": float(np.mean(np.abs(error))),
        "r2": float(np.mean(r2)),
    }
