"""A model file is replaced in one step, or not at all."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule import load, save
from chainrule._errors import ModelFileError
from chainrule.files.parts import part_beside
from chainrule.files.replacing import append, replace_file, replacing


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


DIES = """
import os
import signal
import sys
from pathlib import Path
from chainrule.files.parts import part_beside
from chainrule.files.replacing import replacing
with replacing(Path(sys.argv[1], "m")) as temporary:
    temporary.write_text("half")
    part_beside(Path(sys.argv[1], "m")).mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path):
    subprocess.run([sys.executable, "-c", DIES, tmp_path], check=False)
    assert len(list(tmp_path.glob(".chainrule-*.part"))) == 2
    other = tmp_path / ".chainrule-other.part"
    elsewhere = tmp_path / f".chainrule-{'0' * 8}-1-5-{'0' * 32}.part"  # of a process of another machine
    for path in (other, elsewhere):
        path.write_text("not ours")
    with replacing(tmp_path / "living") as temporary:
        temporary.write_text("whole")
        command = "import sys; from chainrule.files.replacing import *; replace_file(Path(sys.argv[1], 'n'), b'')"
        subprocess.run([sys.executable, "-c", command, tmp_path], check=True)
        assert sorted(tmp_path.glob(".chainrule-*")) == sorted([other, elsewhere, temporary])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([other.name, elsewhere.name, "living", "n"])


def test_a_number_that_another_process_has_now_is_not_the_writer(tmp_path):
    ours = part_beside(tmp_path / "m").name.split("-")
    began = Path(f"/proc/{os.getpid()}/stat")
    if not began.exists():
        pytest.skip("this system does not tell when a process began")
    ours[3] = str(int(ours[3]) - 1)
    left = tmp_path / "-".join(ours)
    left.write_text("half")
    replace_file(tmp_path / "m", b"")
    assert not left.exists()


@pytest.mark.parametrize("writes", [append, replace_file])
def test_what_cannot_be_written_whole_leaves_the_file_as_it_was(tmp_path, writes):
    """A limit on the size of files stands for a full disk."""
    path = tmp_path / "log.csv"
    path.write_bytes(b"0" * 4000)
    code = (
        "import resource, signal, sys\nfrom chainrule.files.replacing import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        f"{writes.__name__}(Path(sys.argv[1]), b'1' * 6000)"
    )
    ended = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert ended.stderr.splitlines()[-1] == f"OSError: [Errno 27] File too large: '{path}'"
    assert path.read_bytes() == b"0" * 4000
    assert [file.name for file in tmp_path.iterdir()] == ["log.csv"]
