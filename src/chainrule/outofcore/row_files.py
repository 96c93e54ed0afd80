"""The cache of encoded rows on disk: written once, read in every epoch.

Encoded rows need no parsing, so that reading them is as fast as copying. The files are read, not mapped: the pages of a
mapped file would count as memory of the process.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np

from chainrule._errors import TableError
from chainrule.network.types import Array
from chainrule.outofcore.rows import ArrayRows, Block, RowLoader

_ITEM, _WEIGHT = np.dtype(np.float32), np.dtype(np.float64)
_AT_ONCE = 1 << 20  # weights read together for their mean


@dataclass(frozen=True)
class RowFiles:
    """Rows in files, in the order of the table: inputs and targets in float32, and weights, if any, in float64.

    Parameters
    ----------
    stem : Path
        The path of the files without their endings, .inputs, .targets and .weights.
    n_inputs, n_targets : int
    m : int
        The number of rows.
    first : int, default 0
        The number of the first row in the files.
    remote : callable (start, stop) -> ArrayRows, optional
        Reads the same rows on any machine that can read the table that they were encoded from.
    class_weights : tuple of float, optional
        The weight of each class, if the targets are classes.
    weighted : bool, default False
        Whether each row has a weight of its own.
    unit : float, optional
        The weight that counts as 1; by default the mean weight of the rows.
    digest : str, optional
        The SHA-256 of the rows as they were written.
    """

    stem: Path
    n_inputs: int
    n_targets: int
    m: int
    first: int = 0
    remote: Callable[[int, int], ArrayRows] | None = None
    class_weights: tuple[float, ...] | None = None
    weighted: bool = False
    unit: float | None = None
    digest: str = ""

    @property
    def row_bytes(self) -> int:
        """The bytes of a row."""
        return _ITEM.itemsize * (self.n_inputs + self.n_targets) + self.weighted * _WEIGHT.itemsize

    def read(self, start: int, stop: int) -> Block:
        """Read rows `start` to `stop` into memory."""
        start, stop = self.first + start, self.first + stop
        X = read_rows(_inputs(self.stem), start, stop, self.n_inputs, _ITEM)
        Y = read_rows(_targets(self.stem), start, stop, self.n_targets, _ITEM)
        own = self._read_weights(start, stop) / self.mean_weight if self.weighted else None
        return Block(X, Y, weights_of(Y, self.class_weights, own), np.arange(start, stop, dtype=np.uint64))

    @cached_property
    def mean_weight(self) -> float:
        """The weight that counts as 1."""
        if self.unit is not None:
            return self.unit
        if not (self.weighted and self.m):
            return 1.0
        starts = range(self.first, end := self.first + self.m, _AT_ONCE)
        return sum(float(self._read_weights(i, min(i + _AT_ONCE, end)).sum()) for i in starts) / self.m

    def _read_weights(self, start: int, stop: int) -> Array:
        return read_rows(_weights(self.stem), start, stop, 1, _WEIGHT)[:, 0]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of inputs, targets and, if there are any, weights."""
        both = _inputs(self.stem), _targets(self.stem)
        return (*both, _weights(self.stem)) if self.weighted else both

    def part(self, start: int, stop: int) -> RowFiles:
        """Return some of the rows; their weights remain relative to those of all."""
        return replace(self, first=self.first + start, m=stop - start, unit=self.mean_weight, digest="")

    def check(self) -> None:
        """Read all rows once, to see that they are those that were written.

        Raises
        ------
        TableError
            If they are not: a file is missing, of another length, or has other bytes.
        """
        try:
            found = "".join(map(_digest_of_file, self.paths))
        except OSError as error:
            raise TableError(f"{error.filename} cannot be read: {error.strerror}") from error
        if found != self.digest:
            raise TableError(f"the rows in {self.stem}.* are not those that were written (SHA-256 differs)")

    def load(self) -> RowLoader:
        """Return a loader for another process: it reads the rows there, if it can, or carries them."""
        if self.remote is None:
            return ArrayRows(self.read(0, self.m), self.first).load()
        return RowLoader(self.m, self.remote, (self.first, self.first + self.m))


def weights_of(Y: Array, class_weights: tuple[float, ...] | None, own: Array | None = None) -> Array | None:
    """Return the weight of each row: its own times that of its class, if there are any.

    Y has one column of 0 and 1, or one column for each class.

    Examples
    --------
    >>> weights_of(np.array([[0.0], [1.0]]), (0.5, 2.0)).tolist()
    [0.5, 2.0]
    """
    if class_weights is None:
        return own
    codes = Y[:, 0].astype(np.intp) if Y.shape[1] == 1 else Y.argmax(axis=1)
    of_classes = np.array(class_weights)[codes]
    return of_classes if own is None else own * of_classes


class RowWriter:
    """Appends encoded rows to the files of a part."""

    def __init__(self, inputs: IO[bytes], targets: IO[bytes], weights: IO[bytes] | None = None) -> None:
        files: list[tuple[IO[bytes], np.dtype[Any]]] = [(inputs, _ITEM), (targets, _ITEM)]
        files += [] if weights is None else [(weights, _WEIGHT)]
        self._files = [(file, dtype, hashlib.sha256()) for file, dtype in files]

    def write(self, X: Array, Y: Array, weights: Array | None = None) -> None:
        """Append rows, with weights if the part has them."""
        for values, (file, dtype, hashed) in zip((X, Y, weights), self._files, strict=False):
            rows = np.ascontiguousarray(values, dtype)
            rows.tofile(file)
            hashed.update(rows.data)

    @property
    def digest(self) -> str:
        """The digest of the rows so far."""
        return "".join(hashed.hexdigest() for _, _, hashed in self._files)


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def row_writers(parts: list[RowFiles]) -> Iterator[list[RowWriter]]:
    """Open the files of several parts in one folder, after checking that the disk has room for them.

    Raises
    ------
    TableError
        If the disk is too small, or fills up while rows are written.
    """
    folder = parts[0].stem.parent
    require_room(folder, sum(part.m * part.row_bytes for part in parts))
    try:
        with ExitStack() as files:
            yield [RowWriter(*(files.enter_context(path.open("wb")) for path in part.paths)) for part in parts]
    except OSError as error:
        raise TableError(f"the encoded rows cannot be written to {folder}: {error.strerror or error}.") from error


def require_room(folder: Path, n_bytes: int) -> None:
    """Raise TableError if the disk has too little room for the encoded rows."""
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise TableError(
            f"the encoded rows take {_size(n_bytes)}, but {folder} has {_size(free)} left. Make room, or name another "
            "folder: as --checkpoint, or else in the environment variable TMPDIR."
        )


def _size(n_bytes: int) -> str:
    """Write a size in the unit that leaves something before the point."""
    units = [(1e9, "GB"), (1e6, "MB")]
    return next((f"{n_bytes / unit:,.1f} {name}" for unit, name in units if n_bytes >= unit), f"{n_bytes:,} bytes")


def read_rows(path: Path, start: int, stop: int, width: int, dtype: np.dtype[Any]) -> Array:
    """Read whole rows; raise TableError if the file ends before them."""
    count = (stop - start) * width
    values: Array = np.fromfile(path, dtype, count, offset=start * width * dtype.itemsize)
    if len(values) < count:
        raise TableError(
            f"{path} ends before row {stop:,}: it was cut off after it was written. To train from the beginning, "
            f"delete the folder {path.parent}, and the checkpoint beside it."
        )
    return values.reshape(-1, width)


def _inputs(stem: Path) -> Path:
    return stem.with_suffix(".inputs")


def _targets(stem: Path) -> Path:
    return stem.with_suffix(".targets")


def _weights(stem: Path) -> Path:
    return stem.with_suffix(".weights")
