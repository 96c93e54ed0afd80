"""Validate X and y as scikit-learn does; if columns are to be encoded, column by column."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from chainrule._errors import InvalidParameterError, TableError, nearest
from chainrule.fit.column_encoder import Columns
from chainrule.fit.parameters import Settings
from chainrule.network.sparse import canonical, check_indices
from chainrule.network.types import Array
from chainrule.table.columns import Column, Table
from chainrule.table.reading.from_frame import array_of, level_column, number_column
from chainrule.table.reading.refuse_times import refuse_times

NO_TARGET = "no_validation"  # scikit-learn's word


@dataclass(frozen=True)
class RawTable(Table):
    """A table whose columns are to be encoded, with the places of its categorical columns."""

    categorical: tuple[int, ...] = ()


def validated(
    estimator: Any, X: Any, y: Any = NO_TARGET, *, settings: Settings, fitted: Columns | None, reset: bool
) -> tuple[Any, Any]:
    """Validate X, and y if it is given, as for `fit`.

    With `reset` the estimator learns the names and the number of features, and the settings say which are encoded; else
    X is compared with them and with the fitted columns.

    Returns
    -------
    X : array; CSR matrix, whose duplicate entries are summed; or a RawTable to be encoded
    y : ndarray, or NO_TARGET if it was not given

    Raises
    ------
    TableError
        If a column holds values that are not allowed, such as dates or durations.
    InvalidParameterError
        If `categorical_features` names columns that do not exist.
    ShapeError
        If X is a sparse matrix whose indices lead out of it.
    """
    known = None if reset else fitted
    several = {} if isinstance(y, str) else {"multi_output": True}
    if known is None and not (reset and settings.encodes_columns):
        if issparse(X):
            check_indices(X)
        if not _are_numbers(X):
            refuse_times(X)
        checks = {"accept_sparse": "csr", "accept_large_sparse": True, "dtype": "numeric", **several}
        X, y = _pair(validate_data(estimator, X, y, reset=reset, **checks), y)
        return (canonical(X) if issparse(X) else X), y
    if issparse(X):
        raise TableError(
            "X is sparse, which scale=True, missing='impute' and categorical_features do not take: they would fill it. "
            "Use X.toarray(), or scale by MaxAbsScaler before."
        )
    frame = _frame(X)
    by_list = frame is None and not isinstance(settings.categorical_features, str | None)
    if by_list or (frame is None and known is not None and known.categorical):
        X = check_array(X, dtype=None, ensure_all_finite=False, estimator=estimator, input_name="X")
    wanted = settings.categorical_features
    if known is not None:
        categorical = known.categorical
    elif isinstance(wanted, str):
        categorical = () if frame is None else _by_dtype(frame)
    else:
        names = None if frame is None else list(frame.columns)
        categorical = () if wanted is None else chosen_columns(wanted, X.shape[1], names)
    impute = settings.missing == "impute" if known is None else known.impute
    if categorical:
        y = _checked_apart(estimator, X, y, reset)
        arrays = [array_of(series) for series in frame.iter_columns()] if frame is not None else list(X.T)
    else:
        if not _are_numbers(X):
            refuse_times(X)
        checks = {"dtype": "numeric", "ensure_all_finite": "allow-nan" if impute else True, **several}
        X, y = _pair(validate_data(estimator, X, y, reset=reset, **checks), y)
        arrays = list(X.T)
    table = _table(getattr(estimator, "feature_names_in_", None), arrays, categorical)
    check_values(table, impute)
    return table, y


def _are_numbers(X: Any) -> bool:
    """Say whether X is an array with a numeric dtype."""
    return isinstance(X, np.ndarray) and X.dtype.kind in "biuf"


def _pair(checked: Any, y: Any) -> tuple[Any, Any]:
    return (checked, y) if isinstance(y, str) else checked


def _frame(X: Any) -> Any:
    """Return X as a narwhals data frame, or None if it is not a data frame."""
    import narwhals as nw  # not needed for arrays

    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def _checked_apart(estimator: Any, X: Any, y: Any, reset: bool) -> Any:
    """Check names, number of columns and y as scikit-learn does if X holds more than numbers."""
    validate_data(estimator, X, y, reset=reset, skip_check_array=True)
    if not len(X):
        raise TableError("X has no rows: at least one is needed.")
    if not isinstance(y, str):
        y = check_array(y, accept_sparse="csr", ensure_2d=False, dtype=None, input_name="y", estimator=estimator)
        check_consistent_length(X, y)
    return y


def chosen_columns(wanted: Any, n: int, names: list[str] | None) -> tuple[int, ...]:
    """Return the places of the columns, of n, that `categorical_features` lists."""
    chosen = np.asarray(wanted)
    if chosen.dtype.kind == "b" and chosen.shape == (n,):
        return tuple(np.flatnonzero(chosen).tolist())
    if chosen.dtype.kind in "iu" and all(0 <= place < n for place in chosen):
        return tuple(np.unique(chosen).tolist())
    if chosen.dtype.kind in "UO" and names is not None:
        return tuple(sorted({_place(name, names) for name in chosen.tolist()}))
    if not chosen.size:
        return ()
    raise InvalidParameterError(
        f"categorical_features must be names of the columns of a data frame, numbers from 0 to {n - 1}, or a mask of "
        f"{n} True or False; got {wanted!r}."
    )


def _by_dtype(frame: Any) -> tuple[int, ...]:
    import narwhals as nw

    dtypes = [series.dtype for series in frame.iter_columns()]
    return tuple(place for place, dtype in enumerate(dtypes) if dtype in (nw.Categorical, nw.Enum, nw.String))


def _place(name: Any, names: list[str]) -> int:
    if name not in names:
        raise InvalidParameterError(f"categorical_features names {name!r}, which X has not. {nearest(name, names)}")
    return names.index(name)


def _table(names: Any, arrays: Iterable[Array], categorical: tuple[int, ...]) -> RawTable:
    def column(place: int, values: Array) -> Column:
        name = f"x{place}" if names is None else str(names[place])
        return (level_column if place in categorical else number_column)(name, values)

    return RawTable(tuple(column(place, values) for place, values in enumerate(arrays)), "X", categorical=categorical)


def check_values(table: Table, impute: bool) -> None:
    """Raise TableError for infinity, and for missing values unless they are imputed."""
    for column in table.columns:
        if column.values.dtype.kind == "f" and np.isinf(column.values).any():
            raise TableError(f"Input X contains infinity: column {column.name!r} must be finite.")
        missing = 0 if impute else int(column.missing.sum())
        if missing:
            raise TableError(
                f"Input X contains NaN: column {column.name!r} lacks {missing:,} of {table.n_rows:,} values. "
                "Fill them, or set missing='impute'."
            )
