import gzip
import struct

import numpy as np
import pytest

from chainrule._errors import TableError
from chainrule.table import read_table

IMAGES = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)


def idx(array, n=None):
    """The bytes of an IDX file, with the announced number of items falsified on request."""
    shape = (n or len(array), *array.shape[1:])
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.array([7, 0, 7], np.uint8)))
    return tmp_path


def test_images_with_their_labels(folder):
    table = read_table(folder / "train-images-idx3-ubyte.gz")
    assert table.names == (*(f"pixel{i}" for i in range(1, 9)), "label")
    assert table["pixel6"].values.tolist() == [5, 13, 21]
    assert table["label"].values.tolist() == [7, 0, 7]
    assert table["label"].kind == "number"


def test_pixels_are_views_on_one_matrix(folder):
    table = read_table(folder / "train-images-idx3-ubyte.gz")
    assert table["pixel1"].values.strides == (8,)
    assert table["pixel1"].values.base is table["pixel8"].values.base


def test_recognised_by_content_whatever_the_name(tmp_path):
    path = tmp_path / "pictures.bin"
    path.write_bytes(idx(IMAGES))
    assert read_table(path).names[-1] == "pixel8"


@pytest.mark.parametrize("content", [idx(IMAGES)[:-1], idx(IMAGES) + b"x", idx(IMAGES)[:9], idx(IMAGES, n=4)])
def test_cut_short_or_damaged(tmp_path, content):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(TableError, match="cut short or damaged"):
        read_table(path)


def test_truncated_gzip(folder):
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(TableError, match="damaged gzip"):
        read_table(path)


def test_images_and_labels_must_match(folder):
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(2, np.uint8)))
    with pytest.raises(TableError, match=r"3 images, .* has 2 labels"):
        read_table(folder / "train-images-idx3-ubyte.gz")


def test_labels_alone_are_no_image_set(folder):
    with pytest.raises(TableError, match="not an IDX file of images"):
        read_table(folder / "train-labels-idx1-ubyte")


def test_mnist(shared_data):
    table = read_table(shared_data("mnist/t10k-images-idx3-ubyte.gz"))
    assert (table.n_rows, len(table.columns)) == (10_000, 785)
    assert table["label"].values[:5].tolist() == [7, 2, 1, 0, 4]  # the first digits of the test set, as published
    total = sum(int(column.values.sum(dtype=np.int64)) for column in table.columns[:-1])
    assert total / (10_000 * 784 * 255) == pytest.approx(0.1325, abs=5e-5)
