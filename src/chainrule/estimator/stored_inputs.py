"""X as a path, a query, or an object of pyarrow or Dask: read column by column to be measured, by rows to be encoded.

The target, the weights and a key for every row are in memory, so that classes, class weights and the validation split
are what they are for a table in memory. The inputs are not: they are encoded to a file, which training reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any, overload

import numpy as np

from chainrule._errors import TableError, warn
from chainrule.estimator.validation import RawTable, check_values, chosen_columns
from chainrule.estimator.working_memory import working_budget
from chainrule.fit.build_network import working_dtype
from chainrule.fit.column_encoder import Columns
from chainrule.network.rows import row_keys
from chainrule.network.types import Array
from chainrule.outofcore.remote_rows import Chosen, RemoteRows
from chainrule.outofcore.rows import Block
from chainrule.outofcore.stored_matrix import StoredMatrix, write_matrix
from chainrule.table.columns import Column, Table
from chainrule.table.reading.batches import ParquetBatches


class _OnDisk(Sequence[Column]):
    """Columns that are read when they are asked for, and not kept."""

    def __init__(self, batches: ParquetBatches) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches.names)

    @overload
    def __getitem__(self, place: int) -> Column: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Column]: ...
    def __getitem__(self, place: int | slice) -> Column | Sequence[Column]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        return self.batches.column(self.batches.names[place])


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredTable(RawTable):
    """A table of any size, whose inputs are encoded to a file in a folder."""

    batches: ParquetBatches
    folder: Path
    plain: bool = True  # whether the network takes the columns as they are

    @classmethod
    def of(cls, batches: ParquetBatches, folder: Path) -> StoredTable:
        """Return the table that is read batch by batch."""
        columns = _OnDisk(batches)
        return cls(columns=columns, source=batches.source, batches=batches, folder=folder)  # type: ignore[arg-type]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return self.batches.names

    @property
    def n_rows(self) -> int:
        """The number of rows, m."""
        return self.batches.n_rows

    def row_keys(self) -> Array:
        """Hash the content of every row as the table in memory would."""
        keys = [row_keys(_matrix(batch)) if self.plain else batch.row_keys() for batch in self.batches]
        return np.concatenate(keys)

    def encoded(self, columns: Columns | None) -> StoredMatrix:
        """Write the matrix that the network takes to a file of its own."""
        parts = encoded_parts(self.batches, columns)
        first = next(parts)
        order = working_budget().window(first.itemsize * (first.shape[1] + 1))
        path = self.folder / f"{len(list(self.folder.iterdir()))}.inputs"
        where, remote = self.batches.scan_plan, None
        if where is not None:
            rows = tuple(Chosen(place.stop - place.start) for place in where.places)
            remote = RemoteRows(where, rows, partial(_block, columns=columns), working_budget().reader).read
        matrix = StoredMatrix(path, (self.n_rows, first.shape[1]), first.dtype, order, remote)
        write_matrix(matrix, chain([first], parts))
        return matrix


def learned(estimator: Any, table: StoredTable, *, reset: bool) -> StoredTable:
    """Let the estimator remember the features' names, or put them into the order that it remembers."""
    header = table.batches.header
    if not reset:
        batches = table.batches.select(features_of(estimator, table.batches))
        plain = estimator._columns is None
        return replace(table, batches=batches, columns=_OnDisk(batches), plain=plain)  # type: ignore[arg-type]
    settings = estimator._settings()
    wanted = settings.categorical_features
    if table.batches.named:
        estimator.feature_names_in_ = np.array(header.names, object)
    elif hasattr(estimator, "feature_names_in_"):  # of an earlier fit
        del estimator.feature_names_in_
    estimator.n_features_in_ = len(header.names)
    if isinstance(wanted, str):  # "from_dtype"
        categorical = tuple(i for i, column in enumerate(header.columns) if column.kind == "text")
    else:
        categorical = () if wanted is None else chosen_columns(wanted, len(header.names), _own_names(table.batches))
    return replace(table, categorical=categorical, plain=not settings.encodes_columns)


def _own_names(batches: ParquetBatches) -> list[str] | None:
    return list(batches.names) if batches.named else None


def features_of(estimator: Any, batches: ParquetBatches) -> tuple[str, ...]:
    """Return the names of the columns that the estimator was fitted on; without names, all there are.

    Raises
    ------
    TableError
        If one is missing, or there are not as many.
    """
    known = hasattr(estimator, "feature_names_in_")
    if known and batches.named:
        return batches.header.resolve(estimator.feature_names_in_.tolist())
    if len(batches.names) != estimator.n_features_in_:
        raise TableError(
            f"{batches.source} has {len(batches.names)} columns, of which one side has no names; training had "
            f"{estimator.n_features_in_}. Select them, or fit on a table with names."
        )
    if known:
        warn(f"X does not have valid feature names, but {type(estimator).__name__} was fitted with feature names")
    return batches.names


def encoded_parts(batches: ParquetBatches, columns: Columns | None) -> Iterator[Array]:
    """Give the matrix that the network takes, some rows at a time."""
    return (_encoded(batch, columns) for batch in batches)


def _encoded(batch: Table, columns: Columns | None) -> Array:
    check_values(batch, impute=columns is not None and columns.impute)
    return _matrix(batch) if columns is None else columns.transform(batch)


def _block(batch: Table, columns: Columns | None) -> Block:
    """Encode the inputs of a batch alone; the targets are elsewhere."""
    X = _encoded(batch, columns)
    return Block(X, X[:, :0])


def _matrix(batch: Table) -> Array:
    """Put the columns side by side; texts and dates are none that a network takes as they are."""
    for column in batch.columns:
        if column.kind not in ("number", "boolean"):
            raise TableError(
                f"Column {column.name!r} holds {column.kind}s: name it in categorical_features, or make numbers of it."
            )
    dtype = working_dtype(np.empty(0, np.result_type(*(column.values.dtype for column in batch.columns))))
    X = np.empty((batch.n_rows, len(batch.columns)), dtype)
    for place, column in enumerate(batch.columns):
        X[:, place] = column.values
    return X
