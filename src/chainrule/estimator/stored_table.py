"""X as a path, a query, or an object of pyarrow or Dask: read column by column to be measured, by rows to be encoded.

The target, the weights and a key for every row are in memory, so that classes, class weights and the validation split
are what they are for a table in memory. The inputs are not: they are encoded to a file, which training reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, overload

import numpy as np

from chainrule._errors import InvalidParameterError, TableError, TargetError
from chainrule.estimator.building import working_dtype
from chainrule.estimator.columns import Columns
from chainrule.estimator.elsewhere import Elsewhere
from chainrule.estimator.memory import working_budget
from chainrule.estimator.raw_table import RawTable, check_values, chosen_columns
from chainrule.network.rows import row_keys
from chainrule.network.types import Array
from chainrule.scale.rows import Block
from chainrule.scale.stored import StoredMatrix, write_matrix
from chainrule.table.columns import Column, Table
from chainrule.table.pieces import Pieces, open_pieces


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
            counts = tuple(place.stop - place.start for place in where.places)
            anywhere = Elsewhere(where, counts, partial(_block, columns=columns), working_budget().reader).read
        matrix = StoredMatrix(path, (self.n_rows, first.shape[1]), first.dtype, order, anywhere)
        write_matrix(matrix, chain([first], parts))
        return matrix


def is_source(X: Any) -> bool:
    """Say whether X is where a table is, and not the table: a path, a query, what Dask or Arrow has still to read."""
    dask = hasattr(X, "partitions") and hasattr(X, "columns")
    arrow = hasattr(X, "scanner") or hasattr(X, "read_next_batch")  # a dataset or a reader; a table is in memory
    return isinstance(X, str | os.PathLike) or dask or arrow


@contextmanager
def opened(X: Any, y: Any, sample_weight: Any) -> Iterator[tuple[StoredTable, Array, Array | None]]:
    """Open a source of examples.

    Parameters
    ----------
    X : str, path-like, Arrow or Dask
        What `open_pieces` takes.
    y : str, int or sequence of them
        The columns to predict, by name or by position from 1; all others are features.
    sample_weight : str or int, optional
        The column of weights.

    Raises
    ------
    TableError, TargetError, InvalidParameterError
    """
    several = isinstance(y, list | tuple)
    asked = list(y) if several else [y]
    weights = [] if sample_weight is None else [sample_weight]
    if not all(isinstance(key, str | int) for key in [*asked, *weights]):
        raise InvalidParameterError(
            "with X as a path, a query or a table to be computed, y and sample_weight are names of its columns; got "
            f"{type(y).__name__} and {type(sample_weight).__name__}."
        )
    limits = working_budget()
    with (
        TemporaryDirectory(prefix="chainrule-") as folder,
        open_pieces(X, piece_bytes=limits.piece, memory=limits.reader) as pieces,
    ):
        targets, weighing = pieces.header.resolve(asked), pieces.header.resolve(weights)
        features = [name for name in pieces.names if name not in (*targets, *weighing)]
        if not features:
            raise TableError(f"{pieces.source} has no column beside y: nothing to learn from.")
        columns = [_target(pieces.column(name)) for name in targets]
        table = StoredTable(
            columns=_OnDisk(pieces.select(features)),  # type: ignore[arg-type]  # a sequence that is read as it goes
            source=pieces.source,
            pieces=pieces.select(features),
            folder=Path(folder),
        )
        yield table, np.column_stack(columns) if several else columns[0], _weights(pieces, weighing)


def learned(estimator: Any, table: StoredTable, *, reset: bool) -> StoredTable:
    """Let the estimator remember the features' names, or put them into the order that it remembers."""
    header = table.pieces.header
    if not reset:
        pieces = table.pieces.select(features_of(estimator, header))
        plain = estimator._columns is None
        return replace(table, pieces=pieces, columns=_OnDisk(pieces), plain=plain)  # type: ignore[arg-type]
    settings = estimator._settings()
    wanted = settings.categorical_features
    estimator.feature_names_in_ = np.array(header.names, object)
    estimator.n_features_in_ = len(header.names)
    if isinstance(wanted, str):  # "from_dtype"
        categorical = tuple(i for i, column in enumerate(header.columns) if column.kind == "text")
    else:
        categorical = () if wanted is None else chosen_columns(wanted, len(header.names), list(header.names))
    return replace(table, categorical=categorical, plain=not settings.encodes_columns)


def features_of(estimator: Any, header: Table) -> tuple[str, ...]:
    """Return the names of the columns that the estimator was fitted on; without names, all there are.

    Raises
    ------
    TableError
        If one is missing, or there are not as many.
    """
    if hasattr(estimator, "feature_names_in_"):
        return header.resolve(estimator.feature_names_in_.tolist())
    if len(header.names) != estimator.n_features_in_:
        raise TableError(
            f"{header.source} has {len(header.names)} columns; the {estimator.n_features_in_} features that training "
            "had were without names. Select them, or fit on a table with names."
        )
    return header.names


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


def _target(column: Column) -> Array:
    """The labels or numbers of a target column."""
    if column.missing.any():
        raise TargetError(f"Input y contains NaN: column {column.name!r} lacks {column.missing.sum():,} values.")
    if column.kind == "text":
        if not column.levels:
            raise TargetError(f"y={column.name!r} has {column.note}.")
        return np.array(column.levels)[column.values]
    if column.kind == "date":
        raise TargetError(f"y={column.name!r} holds dates: make numbers or classes of it.")
    return column.values.astype(bool) if column.kind == "boolean" else column.values


def _weights(pieces: Pieces, names: tuple[str, ...]) -> Array | None:
    if not names:
        return None
    column = pieces.column(names[0])
    if column.kind not in ("number", "boolean"):
        raise TableError(f"sample_weight={column.name!r} must be a column of numbers, it holds {column.kind}s.")
    return column.values.astype(np.float64)
