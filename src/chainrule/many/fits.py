"""`fit_many`: several estimators on one table, at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing, indexable

from chainrule._errors import ShapeError
from chainrule.many.worker_pool import make_pool


@dataclass(frozen=True)
class Table:
    """The data that all fits share."""

    X: Any
    y: Any
    sample_weight: Any = None


@dataclass(frozen=True)
class Fit:
    """One estimator to fit: on all rows or some, with its own weights or the table's."""

    number: int
    estimator: Any
    rows: Any = None
    sample_weight: Any = None

    def __str__(self) -> str:
        return f"fit {self.number}, {' '.join(str(self.estimator).split())}"


def fit_many(
    estimators: Iterable[Any],
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    rows: Sequence[Any] | None = None,
    workers: Any = None,
    verbose: bool = False,
) -> list[Any]:
    """Fit several estimators on the same table, at once.

    The results are, to the bit, those of `clone(estimator).fit(X[rows], y[rows])` one after the other.

    Parameters
    ----------
    estimators : iterable of estimator
        Stay as they are; copies are fitted.
    X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,) or (n_estimators, n_samples), optional
        The same for all fits, or one row of weights for each.
    rows : sequence of n_estimators array-like of int or bool, optional
        The rows that each estimator is fitted on; by default all.
    workers : None, int, "dask", Client or "joblib", default=None
        What the fits run on. None: threads of this process, which share its cores; best for all but the smallest
        tables, where Python's own work between two calls of the engine keeps threads waiting. A number: so many
        processes. "dask": the current `dask.distributed` client; or a client. "joblib": the backend of
        `joblib.parallel_config`. If a process or Dask worker dies, only its fit is repeated.
    verbose : bool, default=False
        Print a line for every fit that is finished.

    Returns
    -------
    list of estimator
        Fitted, in the order given.

    Raises
    ------
    ShapeError
        If there are not as many rows or weights as estimators.
    WorkerError
        If a fit ends its process three times; names the fit.
    InvalidParameterError
        If `workers` is none of these. What a fit raises is raised with a note that names the fit.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import MLPRegressor, fit_many
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> nets = [MLPRegressor((8,), max_iter=20, tol=0.1, random_state=seed) for seed in range(3)]
    >>> together = fit_many(nets, X, X[:, 0] ** 2)
    >>> [bool((a.coefs_[0] == b.fit(X, X[:, 0] ** 2).coefs_[0]).all()) for a, b in zip(together, nets)]
    [True, True, True]
    """
    X, y = indexable(X, y)
    fits = list(_fits([clone(estimator) for estimator in estimators], sample_weight, rows))
    common = None if np.ndim(sample_weight) == 2 else sample_weight
    fitted: list[Any] = [None] * len(fits)
    with make_pool(workers, fit_one, Table(X, y, common), len(fits)) as run:
        for done, (number, estimator) in enumerate(run(fits), 1):
            fitted[number] = estimator
            if verbose:
                print(f"[{done}/{len(fits)}] {fits[number]}")
    return fitted


def fit_one(table: Table, fit: Fit) -> Any:
    """Fit one estimator on its rows of the table."""
    weights = table.sample_weight if fit.sample_weight is None else fit.sample_weight
    X, y = table.X, table.y
    if fit.rows is not None:
        X, y = _safe_indexing(X, fit.rows), _safe_indexing(y, fit.rows)
        weights = None if weights is None else _safe_indexing(weights, fit.rows)
    return fit.estimator.fit(X, y, **({} if weights is None else {"sample_weight": weights}))


def _fits(estimators: list[Any], sample_weight: Any, rows: Any) -> Iterable[Fit]:
    k = len(estimators)
    each_weights = sample_weight if np.ndim(sample_weight) == 2 else [None] * k
    each_rows = [None] * k if rows is None else rows
    for name, each in (("sample_weight", each_weights), ("rows", each_rows)):
        if len(each) != k:
            raise ShapeError(f"{name} must have one entry for each of the {k} estimators, got {len(each)}.")
    for number, (estimator, mine, weights) in enumerate(zip(estimators, each_rows, each_weights, strict=True)):
        yield Fit(number, estimator, mine, weights)
