"""Encode X given as a path, a query, or an object of pyarrow or Dask: its inputs are cached on disk.

Columns are read one by one to be measured, and then in batches to be encoded to a file, which training reads. Target,
weights and a key of every row are in memory, so that classes, class weights and the validation split are the same as
for a table in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import overload

import numpy as np
from sklearn import get_config

from chainrule._errors import TableError
from chainrule.estimator.validation import RawTable, check_values, chosen_columns
from chainrule.fit.build_network import working_dtype
from chainrule.fit.column_encoder import Columns
from chainrule.fit.parameters import Settings
from chainrule.network.rows import row_keys
from chainrule.network.types import Array
from chainrule.outofcore.memory import LEAST, Budget
from chainrule.outofcore.remote_rows import Chosen, RemoteRows
from chainrule.outofcore.rows import Block
from chainrule.outofcore.stored_matrix import StoredMatrix, write_matrix
from chainrule.table.columns import Column, Table
from chainrule.table.reading.batches import ParquetBatches


def working_memory() -> float:
    """Return the bytes for rows that are computed together: scikit-learn's `working_memory`."""
    return float(get_config()["working_memory"] * 2**20)


def working_budget() -> Budget:
    """Return the budget for rows of a table on disk: scikit-learn's `working_memory`, but at least `LEAST`."""
    return Budget(max(LEAST, int(working_memory())))


class _OnDisk(Sequence[Column]):
    """Columns that are read at each access, and not kept."""

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
    """A table of any size, whose encoded inputs are cached in a folder."""

    batches: ParquetBatches
    folder: Path
    plain: bool = True  # whether the network takes the columns as they are

    @classmethod
    def of(cls, batches: ParquetBatches, folder: Path) -> StoredTable:
        """Return a table that is read batch by batch."""
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
        """Hash the content of every row, with the same result as for a table in memory."""
        keys = [row_keys(_matrix(batch)) if self.plain else batch.row_keys() for batch in self.batches]
        return np.concatenate(keys)

    def measured_with(self, settings: Settings) -> StoredTable:
        """Return the table with the categorical columns of the settings."""
        wanted, names = settings.categorical_features, list(self.names)
        if isinstance(wanted, str):  # "from_dtype"
            columns = self.batches.header.columns
            categorical = tuple(i for i, column in enumerate(columns) if column.kind == "text")
        elif wanted is None:
            categorical = ()
        else:
            categorical = chosen_columns(wanted, len(names), names if self.batches.named else None)
        return replace(self, categorical=categorical, plain=not settings.encodes_columns)

    def with_columns(self, names: Sequence[str], *, plain: bool) -> StoredTable:
        """Return the table with only the given columns, in that order."""
        batches = self.batches.select(names)
        return replace(self, batches=batches, columns=_OnDisk(batches), plain=plain)  # type: ignore[arg-type]

    def encoded(self, columns: Columns | None) -> StoredMatrix:
        """Write the network's input matrix to a file."""
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


def encoded_parts(batches: ParquetBatches, columns: Columns | None) -> Iterator[Array]:
    """Yield the network's input matrix, some rows at a time."""
    return (_encoded(batch, columns) for batch in batches)


def _encoded(batch: Table, columns: Columns | None) -> Array:
    check_values(batch, impute=columns is not None and columns.impute)
    return _matrix(batch) if columns is None else columns.transform(batch)


def _block(batch: Table, columns: Columns | None) -> Block:
    """Encode only the inputs of a batch; targets are in memory."""
    X = _encoded(batch, columns)
    return Block(X, X[:, :0])


def _matrix(batch: Table) -> Array:
    """Stack numeric columns into a matrix; raise TableError for texts and dates."""
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
