"""Data as NumPy files in a folder, so that reading them costs every peer the same."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.cases import Array, Work, generated


def save(folder: Path, **arrays: Array) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


@contextmanager
def generated_folder(work: Work) -> Iterator[Path]:
    """Write the rows of a case to a temporary folder."""
    with TemporaryDirectory() as name:
        X, y = generated(work)
        save(Path(name), X=X, y=y)
        yield Path(name)


def fit_rows(work: Work, folder: Path, X: Array, y: Array) -> Work:
    """Write as many rows as fill whole batches, and return the work with that many."""
    work = replace(work, rows=len(X) // work.batch * work.batch)
    save(folder, X=X[: work.rows].astype(work.dtype), y=y[: work.rows].astype(np.int64))
    return work


def digits(folder: Path) -> Work:
    """Write the 8 x 8 handwritten digits that scikit-learn ships."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return fit_rows(Work((64, 100, 10), 32, 0, "adam"), folder, X / 16, y)


def adult(folder: Path, data: Path) -> Work:
    """Write Adult's training rows as chainrule encodes them: categories one-hot, numbers standardised."""
    from chainrule.table import read_table
    from chainrule.table.batches import OneBatch
    from chainrule.tabular.prepare import prepare
    from chainrule.tabular.splitting.split import Shares

    batches = OneBatch.of(read_table(data / "adult/adult.data"))
    rows = prepare(batches, [15], shares=Shares(test=0, validation=0)).rows["training"]
    block = rows.read(0, rows.m)
    X, y = np.ascontiguousarray(block.X), block.Y[:, 0].astype(np.int64)
    return fit_rows(Work((X.shape[1], 100, 1), 128, 0, "adam"), folder, X, y)


def images(path: Path) -> Array:
    """Read the rows of an IDX file: a header that ends in one number per axis, then bytes."""
    content = gzip.decompress(path.read_bytes())
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape[0], -1)


def fashion(folder: Path, data: Path) -> Work:
    """Write Fashion-MNIST, pixels between 0 and 1, with its test rows."""
    parts = {}
    for part, suffix in {"train": "", "t10k": "_test"}.items():
        parts[f"X{suffix}"] = images(data / f"fashion-mnist/{part}-images-idx3-ubyte.gz") / np.float32(255)
        parts[f"y{suffix}"] = images(data / f"fashion-mnist/{part}-labels-idx1-ubyte.gz")[:, 0].astype(np.int64)
    save(folder, X_test=parts["X_test"], y_test=parts["y_test"])
    return fit_rows(Work((784, 256, 128, 10), 128, 0, "adam"), folder, parts["X"], parts["y"])
