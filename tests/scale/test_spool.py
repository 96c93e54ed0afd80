"""Encoded rows come back from disk as they were."""

import errno
import shutil
from contextlib import suppress

import numpy as np
import pytest

from chainrule._errors import CheckpointError, InvalidParameterError, TableError
from chainrule.checkpoints.run_folder import workplace
from chainrule.outofcore.memory import Budget, machine_memory, memory_size
from chainrule.outofcore.row_files import RowFiles, row_writers


@pytest.fixture
def rows(tmp_path):
    return RowFiles(tmp_path / "training", 3, 2, 10)


def test_rows_come_back(rows):
    X, Y = np.arange(30.0).reshape(10, 3), np.arange(20).reshape(10, 2)
    with row_writers([rows]) as (writer,):
        writer.write(X[:4], Y[:4])
        writer.write(np.asfortranarray(X[4:]), Y[4:])
    for start, stop in ((0, 10), (3, 7), (9, 10), (0, 0)):
        block = rows.read(start, stop)
        np.testing.assert_array_equal(block.X, X[start:stop])
        np.testing.assert_array_equal(block.Y, Y[start:stop])
        assert block.X.dtype == block.Y.dtype == np.float32
        assert block.X.flags.c_contiguous
    with pytest.raises(TableError, match="ends before row 11"):
        rows.read(5, 11)


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(rows, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(100, 50, 199))
    with pytest.raises(
        TableError, match=r"take 200 bytes, but .* has 199 bytes left. Make room, or name another folder"
    ):
        row_writers([rows]).__enter__()
    assert not list(rows.stem.parent.iterdir())


def test_a_disk_that_fills_up_is_told(rows):
    with pytest.raises(TableError, match=r"cannot be written to .*: No space left on device"), row_writers([rows]):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("text", ["", "2 pounds", "GB", "-1GB", "2GB2"])
def test_what_is_no_size(text):
    with pytest.raises(InvalidParameterError, match="a number with a unit, such as 2GB"):
        memory_size(text)


def test_a_budget_is_shared_out_within_its_total():
    budget = Budget.asked("2GB")
    assert budget.batch + budget.reader <= budget.total
    for row_bytes in (8, 204, 40_000):
        block, window = budget.window(row_bytes)
        assert 3 * block * window * row_bytes < budget.total
    assert Budget.asked(None).total <= machine_memory()


def test_a_small_machine_gets_the_least_budget(monkeypatch):
    """Every command asks whether a table fits: none may fail on a machine of one gigabyte."""
    monkeypatch.setattr("chainrule.outofcore.memory.machine_memory", lambda: 10**9)
    assert Budget.asked(None).total == 400 * 10**6


def test_too_small_a_budget_says_how_much_is_needed():
    with pytest.raises(InvalidParameterError, match="must be at least 400 MB, got 100 MB"):
        Budget.asked("100MB")
    with pytest.raises(InvalidParameterError, match=r"rows of 4,000,000 bytes need at least 1,\d{3} MB"):
        Budget.asked("500MB").window(4_000_000)


def left(folder, error=None, keep=None):
    """Put something into a workplace, leave it, by an error or without one, and return where it was."""
    with suppress(KeyboardInterrupt), workplace(folder) as place:
        rows = place.rows
        (rows / "training.inputs").write_bytes(b"x")
        place.keep = place.keep if keep is None else keep
        if error:
            raise error
    return rows


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_a_passing_workplace_is_gone_whatever_happens(error):
    assert not left(None, error).exists()


def test_a_lasting_workplace_stays_where_there_is_something_to_go_on_from(tmp_path):
    folder = tmp_path / "run"
    assert not left(folder, KeyboardInterrupt).exists()  # before there was anything to go on from
    assert left(folder, KeyboardInterrupt, keep=True).exists()
    assert left(folder, KeyboardInterrupt).exists()  # an earlier start's is not thrown away
    assert not left(folder, keep=False).exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be made"):
        left(tmp_path / "file")
