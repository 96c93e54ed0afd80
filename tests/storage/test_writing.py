"""A model file is replaced in one step, or not at all."""

import errno
import os
import stat

import pytest

from chainrule import load, save
from chainrule._errors import ModelFileError


def test_the_old_file_is_replaced_not_written_into(tmp_path, table_model):
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        save(table_model, path)
        assert reader.read() == b"old"  # who reads while it is replaced reads the old file to its end
    assert load(path).model_.target == table_model.target
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path, table_model):
    save(table_model, tmp_path / "m")
    (tmp_path / "plain").write_bytes(b"")
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_disk_that_fails_to_flush_leaves_the_old_file(tmp_path, table_model, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "m.safetensors"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelFileError, match="No space left on device"):
        save(table_model, path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.safetensors"]


@pytest.mark.parametrize("place", ["no/m.safetensors", "file/m.safetensors", "x" * 300])
def test_places_that_cannot_be_written(tmp_path, table_model, place):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(ModelFileError, match="cannot write"):
        save(table_model, tmp_path / place)
    assert (tmp_path / "file").read_bytes() == b"old"
