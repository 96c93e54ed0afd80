"""Open X given as a path, a query, or an object of pyarrow or Dask, with its target and weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError, TableError, TargetError
from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.estimator.stored_inputs import StoredTable, working_budget
from chainrule.fit.callback_protocol import name_of
from chainrule.network.types import Array
from chainrule.table.reading.batches import ParquetBatches, open_batches
from chainrule.table.reading.inputs import check_outputs, is_source
from chainrule.table.table_format import TableFormat


def _is_lazy(values: Any) -> bool:
    """Say whether values are a Dask collection: its rows have an order, so that y can be given as values."""
    return hasattr(values, "__dask_graph__")


@contextmanager
def opened(
    X: Any, y: Any, sample_weight: Any, known: TableFormat | None = None
) -> Iterator[tuple[StoredTable, Any, Any]]:
    """Open a table that `open_batches` takes, with its target and weights.

    These are names of its columns, or positions from 1. If X is a Dask collection, they may also be Dask collections or
    arrays. All other columns are features.
    """
    limits = working_budget()
    with (
        TemporaryDirectory(prefix="chainrule-") as folder,
        open_batches(X, batch_bytes=limits.batch, memory=limits.reader, known=known) as batches,
    ):
        weighing = () if sample_weight is None else _columns_of(X, batches, sample_weight, "sample_weight")
        taken = *_columns_of(X, batches, y, "y"), *weighing
        features = [name for name in batches.names if name not in taken]
        if not features:
            raise TableError(f"{batches.source} has no column beside y: nothing to learn from.")
        table = StoredTable.of(batches.select(features), Path(folder))
        yield table, _targets(batches, y), _weights(batches, sample_weight)


@contextmanager
def open_inputs(X: Any, y: Any, sample_weight: Any, known: TableFormat | None = None) -> Iterator[tuple[Any, Any, Any]]:
    """Open X if it is a source, by a recorded format if there is one, and yield it with its target and weights.

    Anything else is yielded unchanged.
    """
    if not is_source(X):
        yield X, y, sample_weight
        return
    with opened(X, y, sample_weight, known) as parts:
        yield parts


def format_of(X: Any) -> TableFormat | None:
    """Return the format of an opened table; None for arrays and frames."""
    return X.batches.header.format if isinstance(X, StoredTable) else None


def check_written(callbacks: Any, checkpoint: Any, *sources: Any) -> None:
    """Check that no checkpoint or callback writes to a file that is read, or to the same file as another.

    Raises
    ------
    InvalidParameterError
    """
    listed = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
    writing = {f"{name_of(each)}({each.path!r})": each for each in listed if _is_path(getattr(each, "path", None))}
    if not writing and checkpoint is None:
        return
    for name, each in writing.items():
        check_outputs({name: getattr(each, "places", [each.path])}, sources)
    paths: dict[str, list[Any]] = {name: [each.path] for name, each in writing.items()}
    if checkpoint is not None:
        file = CheckpointFile(checkpoint, {})
        paths["checkpoint"] = [*file.places, file.lock]
    check_outputs(paths, sources)


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _is_named(values: Any) -> bool:
    """Say whether values are given as column names."""
    keys = values if isinstance(values, list | tuple) else [values]
    return len(keys) > 0 and all(isinstance(key, str | int) for key in keys)


def _columns_of(X: Any, batches: ParquetBatches, values: Any, what: str) -> tuple[str, ...]:
    """Return the names of the columns that hold targets or weights, and are not features."""
    if _is_named(values):
        names = batches.header.resolve(values if isinstance(values, list | tuple) else [values])
        if len(set(names)) < len(names):
            raise InvalidParameterError(f"{what} names a column twice; values, not names, must come as an array.")
        return names
    if not _is_lazy(X) or not hasattr(values, "__len__"):
        raise InvalidParameterError(
            "with X as a path, a query or a table to be read, y and sample_weight are names of its columns; got "
            f"{type(values).__name__} as {what}."
        )
    return ()


def _computed(batches: ParquetBatches, values: Any) -> Any:
    """Compute values that are given with a table, in memory."""
    values = values.compute() if _is_lazy(values) else values
    if len(values) != batches.n_rows:
        raise ShapeError(f"{batches.source} has {batches.n_rows:,} rows, but {len(values):,} values come with it.")
    return values


def _targets(batches: ParquetBatches, y: Any) -> Any:
    """Return the labels or numbers of the target columns, or the given values."""
    if not _is_named(y):
        return _computed(batches, y)
    if not isinstance(y, list | tuple):
        return _target(batches, y)
    return np.column_stack([_target(batches, key) for key in y])


def _target(batches: ParquetBatches, key: str | int) -> Array:
    column = batches.column(*batches.header.resolve([key]))
    if column.missing.any():
        first = int(np.flatnonzero(column.missing)[0])
        raise TargetError(
            f"Input y contains NaN: column {column.name!r} lacks {column.missing.sum():,} values, the first in row "
            f"{first:,}, counted from 0. Leave such rows out."
        )
    if column.kind == "text":
        if not column.levels:
            raise TargetError(f"y={column.name!r} has {column.note}.")
        return np.array(column.levels)[column.values]
    if column.kind == "date":
        raise TargetError(f"y={column.name!r} holds dates: make numbers or classes of it.")
    if column.kind == "boolean":
        return column.values.astype(bool)
    return column.values.astype(np.float64 if column.values.dtype.kind == "f" else np.int64)  # not the narrowest type


def _weights(batches: ParquetBatches, sample_weight: Any) -> Any:
    if sample_weight is None:
        return None
    if not _is_named(sample_weight):
        return _computed(batches, sample_weight)
    column = batches.column(*batches.header.resolve([sample_weight]))
    if column.kind not in ("number", "boolean"):
        raise TableError(f"sample_weight={column.name!r} must be a column of numbers, it holds {column.kind}s.")
    return column.values.astype(np.float64)
