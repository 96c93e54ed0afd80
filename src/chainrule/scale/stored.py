"""A matrix on disk, and its rows beside targets and weights that are in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from chainrule._errors import TableError
from chainrule.network.types import Array
from chainrule.scale.rows import Block
from chainrule.scale.spool import read_rows, require_room


@dataclass(frozen=True)
class StoredMatrix:
    """The encoded inputs of a table in a file, row by row.

    Attributes
    ----------
    path : Path
    shape : (int, int)
        Rows and columns.
    dtype : dtype
    """

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    def read(self, start: int, stop: int) -> Array:
        """Bring rows `start` to `stop` to memory."""
        return read_rows(self.path, start, stop, self.shape[1], self.dtype)


def stored(path: Path, parts: Iterable[Array], shape: tuple[int, int], dtype: np.dtype[Any]) -> StoredMatrix:
    """Write a matrix that comes in parts.

    Raises
    ------
    TableError
        If the disk is too small, or fills up while rows are written.
    """
    require_room(path.parent, shape[0] * shape[1] * dtype.itemsize)
    try:
        with path.open("wb") as file:
            for part in parts:
                np.ascontiguousarray(part, dtype).tofile(file)
    except OSError as error:
        raise TableError(f"the encoded rows cannot be written to {path.parent}: {error.strerror or error}.") from error
    return StoredMatrix(path, shape, dtype)


@dataclass(frozen=True)
class StoredRows:
    """Some rows of a stored matrix, with their targets and weights.

    Attributes
    ----------
    X : StoredMatrix
    Y : ndarray of shape (rows of X, n[L])
    weights : ndarray of shape (rows of X,), optional
    rows : ndarray of int, optional
        Which rows count, ascending; None for all.
    """

    X: StoredMatrix
    Y: Array
    weights: Array | None = None
    rows: Array | None = None

    @property
    def m(self) -> int:
        """How many rows count."""
        return self.X.shape[0] if self.rows is None else len(self.rows)

    @cached_property
    def mean_weight(self) -> float:
        """The mean weight of the rows that count."""
        return 1.0 if self.weights is None else float(np.mean(self.weights[self._places(0, self.m)]))

    def read(self, start: int, stop: int) -> Block:
        """Bring some of them to memory."""
        places = self._places(start, stop)
        if isinstance(places, slice) or not len(places):
            X = self.X.read(start, start + len(self.Y[places]))
        else:
            X = self.X.read(int(places[0]), int(places[-1]) + 1)[places - places[0]]
        Y = self.Y[places].astype(self.X.dtype)
        return Block(X, Y, None if self.weights is None else self.weights[places] / self.mean_weight)

    def _places(self, start: int, stop: int) -> Array | slice:
        return slice(start, stop) if self.rows is None else self.rows[start:stop]
