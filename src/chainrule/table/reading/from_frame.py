"""Convert data frames and arrays in memory to a `Table`, with narwhals and the loader that files use."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np

from chainrule._errors import TableError
from chainrule.network.types import Array
from chainrule.table.columns import Column, Table, spell
from chainrule.table.reading.database import connect
from chainrule.table.reading.load_columns import NESTED, load
from chainrule.table.reading.refuse_times import refuse_dates, refuse_durations
from chainrule.table.reading.scan import Scan
from chainrule.table.table_format import ReadOptions, TableFormat

_NESTED = (list, tuple, dict, set, np.ndarray)


def from_frame(frame: Any, *, known: TableFormat | None = None, options: ReadOptions | None = None) -> Table:
    """Convert a data frame or a mapping of arrays to a table.

    Parameters
    ----------
    frame : data frame, or mapping of str to array or list
        A frame of pandas, Polars, PyArrow, or any other library that narwhals supports; a lazy one is collected.
    known, options
        As for `read_table`.

    Returns
    -------
    Table
        Rows in the order of the frame. Texts are read as in files: missing values, numbers stored as text.

    Raises
    ------
    TableError
        If it is not a frame, has no rows or no columns, or its columns differ in length.

    Examples
    --------
    >>> table = from_frame({"size": [1.5, None, 3.0], "colour": ["red", " NA", "blue"]})
    >>> [(column.name, column.kind, column.missing.sum().item()) for column in table.columns]
    [('size', 'number', 1), ('colour', 'text', 1)]
    """
    frame = _collected(frame)
    values = _from_mapping(frame) if isinstance(frame, Mapping) else _from_native(frame)
    nested = {name for name, array in values.items() if _is_nested(array)}
    arrays = {name: np.full(len(array), None) if name in nested else _plain(array) for name, array in values.items()}
    lengths = sorted({len(values) for values in arrays.values()})
    if len(lengths) != 1 or lengths == [0]:
        raise TableError(f"A table must have columns of one length, and at least one row; the lengths are {lengths}.")
    with closing(connect()) as connection:
        connection.register("frame", {f"c{place}": _counted(array) for place, array in enumerate(arrays.values())})
        named = enumerate(array.dtype.kind for array in arrays.values())
        chosen = ", ".join(f"to_microseconds(c{i}) AS c{i}" if kind == "m" else f"c{i}" for i, kind in named)
        columns, found = load(connection, Scan(f"(SELECT {chosen} FROM frame)", tuple(arrays)), known, options)
    columns = tuple(replace(column, note=NESTED) if column.name in nested else column for column in columns)
    orders = {} if isinstance(frame, Mapping) else _orders(frame)
    columns = tuple(replace(column, order=orders.get(column.name, ())) for column in columns)
    return Table(columns, type(frame).__name__, format=found)


def _collected(frame: Any) -> Any:
    """Return a lazy frame's rows, anything else as it is."""
    import narwhals as nw
    from narwhals.exceptions import DuplicateError

    try:
        wrapped = nw.from_native(frame, pass_through=True)
    except DuplicateError as error:
        raise TableError(f"Column names must differ. {' '.join(str(error).split())}") from error
    return wrapped.collect().to_native() if isinstance(wrapped, nw.LazyFrame) else frame


def number_column(name: str, values: Array) -> Column:
    """Convert a column to numbers; True and False become 1 and 0.

    Raises
    ------
    TableError
        If it holds dates or durations, or a text that is not a number.

    Examples
    --------
    >>> number_column("size", np.array(["1.5", None], object)).values
    array([1.5, nan])
    """
    refuse_durations(name, values)
    refuse_dates(name, values)
    if values.dtype.kind in "biuf":
        return Column(name, "number", values)
    try:
        numbers = np.array([np.nan if is_missing(value) else value for value in values.tolist()], np.float64)
    except (ValueError, TypeError) as error:
        raise TableError(
            f"Column {name!r} must hold numbers, but: {error}. Name it in categorical_features, or make numbers of it."
        ) from error
    return Column(name, "number", numbers)


def level_column(name: str, values: Array) -> Column:
    """Take every distinct value of a column as a category; texts are kept as they are.

    Raises
    ------
    TableError
        If it holds durations, whose units would be lost.

    Examples
    --------
    >>> level_column("code", np.array(["01", "NA", "1", None], object)).levels
    ('01', '1', 'NA')
    """
    refuse_durations(name, values)
    plain = _plain(values)
    if plain.dtype.kind != "O":
        return Column(name, {"b": "boolean", "M": "date"}.get(plain.dtype.kind, "number"), plain)  # type: ignore[arg-type]
    levels = sorted({value for value in plain if value is not None})
    code_of = {level: code for code, level in enumerate(levels)} | {None: -1}
    return Column(name, "text", np.array([code_of[value] for value in plain], np.int32), tuple(levels))


def _from_native(frame: Any) -> dict[str, Array]:
    import narwhals as nw

    try:
        wrapped = nw.from_native(frame, eager_only=True)
    except TypeError as error:
        raise TableError(
            f"A table must be a data frame or a mapping of names to arrays, got {type(frame).__name__}."
        ) from error
    columns = zip(wrapped.columns, wrapped.iter_columns(), strict=True)  # by place: pandas' names may be numbers
    return {str(name): array_of(series) for name, series in columns}


def _orders(frame: Any) -> dict[str, tuple[str, ...]]:
    """Return the categories of each column that has ordered them, from least to most."""
    import narwhals as nw

    wrapped = nw.from_native(frame, eager_only=True)
    found = {}
    for name, series in zip(wrapped.columns, wrapped.iter_columns(), strict=True):
        categories: Any = getattr(series.to_native(), "cat", None)
        if isinstance(series.dtype, nw.Enum):
            found[str(name)] = tuple(series.dtype.categories)
        elif series.dtype == nw.Categorical and getattr(categories, "ordered", False):  # of pandas
            found[str(name)] = tuple(map(str, categories.categories))
    return found


def array_of(series: Any) -> Array:
    """Return the values of a narwhals series, None where objects are missing.

    Its `to_numpy` rounds whole numbers to floats if some are missing, and loses which values of an Arrow dictionary are
    missing.
    """
    if series.dtype.is_float() or series.dtype.is_temporal() or not series.null_count():
        return np.asarray(series.to_numpy())
    return np.array(series.to_list(), object)


def _from_mapping(frame: Mapping[Any, Any]) -> dict[str, Array]:
    arrays = {str(name): _one_dimensional(values) for name, values in frame.items()}
    if len(arrays) < len(frame):
        raise TableError(f"Column names must differ as text, got {', '.join(map(repr, frame))}.")
    return arrays


def _one_dimensional(values: Any) -> Array:
    """Make an array that keeps None among numbers, and numbers among texts, as they are."""
    array = values if isinstance(values, np.ndarray) else np.array(list(values), dtype=object)
    if array.ndim != 1:
        raise TableError(f"A column must be one-dimensional, got shape {array.shape}.")
    return array


def _is_nested(values: Array) -> bool:
    return values.dtype.kind == "O" and any(isinstance(value, _NESTED) for value in values.tolist())


def _plain(values: Array) -> Array:
    """Keep numbers, truth values and times; convert objects to numbers or texts, None where missing."""
    if values.dtype.kind == "m":
        return np.ascontiguousarray(values, "timedelta64[us]")
    if values.dtype.kind == "M":
        return np.ascontiguousarray(values, "datetime64[us]")
    if values.dtype.kind in "biu":
        return np.ascontiguousarray(values)
    if values.dtype.kind == "f":
        return np.ascontiguousarray(values, np.float32 if values.dtype == np.float32 else np.float64)
    objects = [None if is_missing(value) else value for value in values.tolist()]
    present = [value for value in objects if value is not None]
    if present and all(isinstance(value, timedelta) for value in present):
        return np.array(objects, "timedelta64[us]")
    if present and all(map(_is_date, present)):
        return np.array(objects, "datetime64[us]")
    if present and all(_is_number(value) and _is_exact(value) for value in present):
        return np.array([np.nan if value is None else value for value in objects], np.float64)
    return np.array([None if value is None else _text(value) for value in objects], object)


def _counted(values: Array) -> Array:
    """Return durations as microseconds, anything else as it is: DuckDB would make months of them, of unequal length."""
    return np.ma.array(values.view(np.int64), mask=np.isnat(values)) if values.dtype.kind == "m" else values


def _is_date(value: Any) -> bool:
    return isinstance(value, date) and getattr(value, "tzinfo", None) is None


def _is_number(value: Any) -> bool:
    return isinstance(value, Real | Decimal) and not isinstance(value, bool)


def _is_exact(value: Any) -> bool:
    """Whether a float represents the number exactly: a float would confuse identifiers beyond 2^53."""
    return not isinstance(value, Integral) or float(value) == value


def _text(value: Any) -> str:
    """Write a number among texts like a column of numbers does, so that 1, 1.0 and "1" are the same everywhere."""
    if isinstance(value, bytes):
        return "".join(chr(byte) if _is_shown(byte) else f"\\x{byte:02X}" for byte in value)
    is_float = _is_number(value) and not isinstance(value, Integral)
    return spell(np.float64(value), "number") if is_float and np.isfinite(float(value)) else str(value)


def _is_shown(byte: int) -> bool:
    """Say whether DuckDB shows a byte as a character."""
    return 32 <= byte < 127 and chr(byte) not in "\"'\\"


def is_missing(value: Any) -> bool:
    """Recognise None, NaN, NaT and pandas' NA: the last three do not equal themselves."""
    if value is None:
        return True
    differs = value != value
    return bool(differs) if isinstance(differs, bool | np.bool_) else True
