"""Encoded inputs on disk as a matrix, combined with targets and weights in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from chainrule._errors import TableError
from chainrule.network.types import Array
from chainrule.outofcore.row_files import read_rows, require_room
from chainrule.outofcore.rows import ArrayRows, Block, RowLoader


@dataclass(frozen=True)
class StoredMatrix:
    """The encoded inputs of a table in a file, row by row.

    Attributes
    ----------
    path : Path
    shape : (int, int)
        Rows and columns.
    dtype : dtype
    order : (int, int)
        Rows of a block and blocks of a window, by which its rows are shuffled.
    remote : callable (start, stop) -> Block, optional
        Reads the inputs of the same rows on any machine that can read the table.
    """

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    order: tuple[int, int]
    remote: Callable[[int, int], Block] | None = None

    def read(self, start: int, stop: int) -> Array:
        """Read rows `start` to `stop` into memory."""
        return read_rows(self.path, start, stop, self.shape[1], self.dtype)


def write_matrix(matrix: StoredMatrix, parts: Iterable[Array]) -> None:
    """Write a matrix given in parts.

    Raises
    ------
    TableError
        If the disk is too small, or fills up while rows are written.
    """
    folder = matrix.path.parent
    require_room(folder, matrix.shape[0] * matrix.shape[1] * matrix.dtype.itemsize)
    try:
        with matrix.path.open("wb") as file:
            for part in parts:
                np.ascontiguousarray(part, matrix.dtype).tofile(file)
    except OSError as error:
        raise TableError(f"the encoded rows cannot be written to {folder}: {error.strerror or error}.") from error


@dataclass(frozen=True)
class StoredRows:
    """Some rows of a stored matrix, with their targets and weights.

    Attributes
    ----------
    X : StoredMatrix
    Y : ndarray of shape (rows of X, n[L])
    weights : ndarray of shape (rows of X,), optional
    rows : ndarray of int, optional
        The selected rows, ascending; None for all.
    unit : float, optional
        The weight that counts as 1; by default the mean weight of the selected rows.
    first : int, default 0
        The number of the first selected row.
    """

    X: StoredMatrix
    Y: Array
    weights: Array | None = None
    rows: Array | None = None
    unit: float | None = None
    first: int = 0

    @property
    def m(self) -> int:
        """The number of selected rows."""
        return self.X.shape[0] if self.rows is None else len(self.rows)

    @cached_property
    def mean_weight(self) -> float:
        """The weight that counts as 1."""
        if self.unit is not None:
            return self.unit
        return 1.0 if self.weights is None else float(np.mean(self.weights[self._places(0, self.m)]))

    @property
    def targets(self) -> tuple[Array, Array | None]:
        """Targets (n[L], m) and relative weights of the selected rows."""
        places = self._places(0, self.m)
        return self.Y[places].T.astype(np.float64), self._relative(places)

    def read(self, start: int, stop: int) -> Block:
        """Read some of the rows into memory."""
        places = self._places(start, stop)
        if isinstance(places, slice) or not len(places):
            X = self.X.read(start, start + len(self.Y[places]))
        else:
            X = _gathered(self.X.read, places)
        numbers = np.arange(self.first + start, self.first + start + len(self.Y[places]), dtype=np.uint64)
        return Block(X, self.Y[places], self._relative(places), numbers)

    def part(self, start: int, stop: int) -> StoredRows:
        """Return some of the rows; their weights remain relative to those of all."""
        return replace(
            self,
            rows=np.arange(self.m)[start:stop] if self.rows is None else self.rows[start:stop],
            unit=self.mean_weight,
            first=self.first + start,
        )

    def load(self) -> RowLoader:
        """Return a loader for another process: it reads the rows there, if it can, or carries them."""
        places = self._places(0, self.m)
        if self.X.remote is None or isinstance(places, slice) or not len(places):
            return ArrayRows(self.read(0, self.m), self.first).load()
        return RowLoader(self.m, gather, (self.X.remote, places, self.Y[places], self._relative(places), self.first))

    def _relative(self, places: Array | slice) -> Array | None:
        return None if self.weights is None else self.weights[places] / self.mean_weight

    def _places(self, start: int, stop: int) -> Array | slice:
        return slice(start, stop) if self.rows is None else self.rows[start:stop]


def gather(read: Callable[[int, int], Block], places: Array, Y: Array, weights: Array | None, first: int) -> ArrayRows:
    """Read some rows of a table in this process, and join them with the given targets and weights."""
    X = _gathered(lambda start, stop: read(start, stop).X, places)
    return ArrayRows(Block(X, Y, weights), first)


def _gathered(read: Callable[[int, int], Array], places: Array) -> Array:
    """Read from the first to the last of ascending places, and keep only these places."""
    return read(int(places[0]), int(places[-1]) + 1)[places - places[0]]
