"""Read image sets in the IDX format of MNIST; the columns of pixels are views of one matrix."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from chainrule._errors import TableError
from chainrule.network.types import Array
from chainrule.table.columns import Column, Table

_IMAGES, _LABELS = b"\0\0\x08\x03", b"\0\0\x08\x01"  # unsigned bytes, in three dimensions and in one


def read_idx(path: Path) -> Table:
    """Read an image set, with its labels if they are in the same folder.

    Parameters
    ----------
    path : Path
        A file such as `train-images-idx3-ubyte.gz`, compressed or not; the labels are looked for in
        `train-labels-idx1-ubyte.gz` and `train-labels-idx1-ubyte`.

    Returns
    -------
    Table
        Columns pixel1 to pixel{height x width}, row by row of the image, uint8; then `label`, if there are labels.

    Raises
    ------
    TableError
        If a file is not an image set, is cut short, or images and labels differ in number.
    """
    images = _read(path, _IMAGES)
    pixels = images.reshape(len(images), -1)
    columns = [Column(f"pixel{place + 1}", "pixel", pixels[:, place]) for place in range(pixels.shape[1])]
    labels_path = labels_beside(path)
    if labels_path is not None:
        labels = _read(labels_path, _LABELS)
        if len(labels) != len(images):
            raise TableError(f"{path} has {len(images):,} images, {labels_path.name} has {len(labels):,} labels.")
        columns.append(Column("label", "number", labels))
    height, width = images.shape[1:]
    return Table(tuple(columns), str(path), (f"images of {height} x {width} pixels",))


def labels_beside(path: Path) -> Path | None:
    """Return the file with the labels of an image set, if there is one."""
    stem = path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    candidates = [path.with_name(name) for name in (stem + ".gz", stem) if name != path.name]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _read(path: Path, magic: bytes) -> Array:
    """Read an IDX file of unsigned bytes: magic number, one big-endian size per dimension, the bytes."""
    content = _content(path)
    if content[:4] != magic:
        raise TableError(f"{path} is not an IDX file of {'images' if magic == _IMAGES else 'labels'}.")
    start = 4 + 4 * magic[3]
    shape = tuple(int.from_bytes(content[place : place + 4], "big") for place in range(4, start, 4))
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise TableError(f"{path} is cut short or damaged: {len(content):,} bytes where {expected:,} are announced.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _content(path: Path) -> bytes:
    """Return a file's bytes, uncompressed."""
    try:
        with path.open("rb") as file:
            if file.read(2) != b"\x1f\x8b":
                return path.read_bytes()
        with gzip.open(path) as unpacked:
            return unpacked.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TableError(f"{path} is a damaged gzip file: {error}.") from error
