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
    if target.task == "classification":
        return {"accuracy": accuracy_error(int(np.count_nonzero(predicted.argmax(axis=1) == truth)), rows.m)}
    return {"rmse": rmse_error(predicted.astype(np.float64) - truth)}


def accuracy_error(right: int, rows: int) -> float:
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


def rmse_error(errors: Array) -> float:
    """Return the standard error of the RMSE, the mean over targets, of errors (m, k).

    A row moves the RMSE by (e² - RMSE²) / (2 RMSE m), to first order; the rows' contributions are independent.

    Examples
    --------
    >>> round(rmse_error(np.array([[1.0], [-1.0], [3.0], [1.0]])), 3)
    0.577
    """
    squares = np.square(errors)
    rmse = np.sqrt(squares.mean(axis=0))
    moved = np.divide(squares - rmse**2, 2 * rmse, out=np.zeros_like(squares), where=rmse > 0).mean(axis=1)
    return float(np.sqrt(np.square(moved).sum() / max(1, len(moved) - 1) / len(moved)))
