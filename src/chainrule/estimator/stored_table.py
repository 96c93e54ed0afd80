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
from chainrule.estimator.building import working_dtype
from chainrule.estimator.columns import Columns
from chainrule.estimator.elsewhere import Chosen, Elsewhere
from chainrule.estimator.memory import working_budget
from chainrule.estimator.raw_table import RawTable, check_values, chosen_columns
from chainrule.network.rows import row_keys
from chainrule.network.types import Array
from chainrule.scale.rows import Block
from chainrule.scale.stored import StoredMatrix, write_matrix
from chainrule.table.columns import Column, Table
from chainrule.table.pieces import Pieces


class _OnDisk(Sequence[Column]):
    """Columns that are read when they are asked for, and not kept."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces

    def __len__(self) -> int:
        return len(self.pieces.names)

    @overload
    def __getitem__(self, place: int) -> Column: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Column]: ...
    def __getitem__(self, place: int | slice) -> Column | Sequence[Column]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        return self.pieces.column(self.pieces.names[place])


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredTable(RawTable):
    """A table of any size, whose inputs are encoded to a file in a folder."""

    pieces: Pieces
    folder: Path
    plain: bool = True  # whether the network takes the columns as they are

    @classmethod
    def of(cls, pieces: Pieces, folder: Path) -> StoredTable:
        """Return the table that is read piece by piece."""
        columns = _OnDisk(pieces)
        return cls(columns=columns, source=pieces.source, pieces=pieces, folder=folder)  # type: ignore[arg-type]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return self.pieces.names

    @property
    def n_rows(self) -> int:
        """The number of rows, m."""
        return self.pieces.n_rows

    def row_keys(self) -> Array:
        """Hash the content of every row as the table in memory would."""
        keys = [row_keys(_matrix(piece)) if self.plain else piece.row_keys() for piece in self.pieces]
        return np.concatenate(keys)

    def encoded(self, columns: Columns | None) -> StoredMatrix:
        """Write the matrix that the network takes to a file of its own."""
        parts = encoded_parts(self.pieces, columns)
        first = next(parts)
        order = working_budget().window(first.itemsize * (first.shape[1] + 1))
        path = self.folder / f"{len(list(self.folder.iterdir()))}.inputs"
        where, anywhere = self.pieces.whereabouts, None
        if where is not None:
            rows = tuple(Chosen(place.stop - place.start) for place in where.places)
            anywhere = Elsewhere(where, rows, partial(_block, columns=columns), working_budget().reader).read
        matrix = StoredMatrix(path, (self.n_rows, first.shape[1]), first.dtype, order, anywhere)
        write_matrix(matrix, chain([first], parts))
        return matrix


def learned(estimator: Any, table: StoredTable, *, reset: bool) -> StoredTable:
    """Let the estimator remember the features' names, or put them into the order that it remembers."""
    header = table.pieces.header
    if not reset:
        pieces = table.pieces.select(features_of(estimator, table.pieces))
        plain = estimator._columns is None
        return replace(table, pieces=pieces, columns=_OnDisk(pieces), plain=plain)  # type: ignore[arg-type]
    settings = estimator._settings()
    wanted = settings.categorical_features
    if table.pieces.named:
        estimator.feature_names_in_ = np.array(header.names, object)
    elif hasattr(estimator, "feature_names_in_"):  # of an earlier fit
        del estimator.feature_names_in_
    estimator.n_features_in_ = len(header.names)
    if isinstance(wanted, str):  # "from_dtype"
        categorical = tuple(i for i, column in enumerate(header.columns) if column.kind == "text")
    else:
        categorical = () if wanted is None else chosen_columns(wanted, len(header.names), _own_names(table.pieces))
    return replace(table, categorical=categorical, plain=not settings.encodes_columns)


def _own_names(pieces: Pieces) -> list[str] | None:
    return list(pieces.names) if pieces.named else None


def features_of(estimator: Any, pieces: Pieces) -> tuple[str, ...]:
    """Return the names of the columns that the estimator was fitted on; without names, all there are.

    Raises
    ------
    TableError
        If one is missing, or there are not as many.
    """
    known = hasattr(estimator, "feature_names_in_")
    if known and pieces.named:
        return pieces.header.resolve(estimator.feature_names_in_.tolist())
    if len(pieces.names) != estimator.n_features_in_:
        raise TableError(
            f"{pieces.source} has {len(pieces.names)} columns, of which one side has no names; training had "
            f"{estimator.n_features_in_}. Select them, or fit on a table with names."
        )
    if known:
        warn(f"X does not have valid feature names, but {type(estimator).__name__} was fitted with feature names")
    return pieces.names


def encoded_parts(pieces: Pieces, columns: Columns | None) -> Iterator[Array]:
    """Give the matrix that the network takes, some rows at a time."""
    return (_encoded(piece, columns) for piece in pieces)


def _encoded(piece: Table, columns: Columns | None) -> Array:
    check_values(piece, impute=columns is not None and columns.impute)
    return _matrix(piece) if columns is None else columns.transform(piece)


def _block(piece: Table, columns: Columns | None) -> Block:
    """Encode the inputs of a piece alone; the targets are elsewhere."""
    X = _encoded(piece, columns)
    return Block(X, X[:, :0])


def _matrix(piece: Table) -> Array:
    """Put the columns side by side; texts and dates are none that a network takes as they are."""
    for column in piece.columns:
        if column.kind not in ("number", "boolean"):
            raise TableError(
                f"Column {column.name!r} holds {column.kind}s: name it in categorical_features, or make numbers of it."
            )
    dtype = working_dtype(np.empty(0, np.result_type(*(column.values.dtype for column in piece.columns))))
    X = np.empty((piece.n_rows, len(piece.columns)), dtype)
    for place, column in enumerate(piece.columns):
        X[:, place] = column.values
    return X
