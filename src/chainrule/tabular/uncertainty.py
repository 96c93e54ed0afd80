"""How far the main figure of one test may be off by chance: its standard error over the rows tested."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from chainrule.network.types import Array
from chainrule.table import Target
from chainrule.tabular.encode import EncodedRows

SMALL = 2000  # rows of a table below which one split is so uncertain that it should be said


def standard_error(rows: EncodedRows, target: Target, answers: Callable[[Array], Array]) -> dict[str, float]:
    """Return the standard error of the accuracy, or of the RMSE, of predictions for a few independent rows.

    Parameters
    ----------
    rows : ArrayRows or RowFiles
        Read at once.
    target : Target
    answers : callable
        Predicts for encoded rows.
    """
    block = rows.read(0, rows.m)
    truth, predicted = target.from_network(block.Y), answers(block.X)
    w = np.ones(rows.m) if block.weights is None else block.weights
    if target.task == "regression":
        return {"rmse": rmse_error(predicted.astype(np.float64) - truth, w)}
    share = float(np.average(predicted.argmax(axis=1) == truth, weights=w))
    alike = float(w.sum() ** 2 / np.square(w).sum())  # rows of one weight that are as uncertain (Kish, 1965)
    return {"accuracy": accuracy_error(share * alike, alike)}


def accuracy_error(right: float, rows: float) -> float:
    """Return the binomial standard error of an accuracy.

    If all rows are right, or none, their share says nothing of the error: one right and one wrong row are then added.

    Examples
    --------
    >>> accuracy_error(80, 100)
    0.04
    """
    if right in (0, rows):
        right, rows = right + 1, rows + 2
    share = right / rows
    return math.sqrt(share * (1 - share) / rows)


def rmse_error(errors: Array, weights: Array | None = None) -> float:
    """Return the standard error of the RMSE, the mean over targets, of errors (m, k) of rows with weights (m,).

    A row moves the RMSE by (e² - RMSE²) / (2 RMSE m), to first order; the rows' contributions are independent.

    Examples
    --------
    >>> round(rmse_error(np.array([[1.0], [-1.0], [3.0], [1.0]])), 3)
    0.577
    """
    squares = np.square(errors)
    rmse = np.sqrt(np.average(squares, axis=0, weights=weights))
    moved = np.divide(squares - rmse**2, 2 * rmse, out=np.zeros_like(squares), where=rmse > 0).mean(axis=1)
    shares = np.ones(len(moved)) / len(moved) if weights is None else weights / weights.sum()
    return float(np.sqrt(np.square(shares * moved).sum() * len(moved) / max(1, len(moved) - 1)))
