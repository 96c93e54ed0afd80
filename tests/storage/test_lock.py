"""A lock serves one process at a time, tells who it is, and is free when that has ended."""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chainrule._errors import CheckpointError
from chainrule.files.lock import locked

from ..patience import GIVE_UP

HOLD = """
import sys
from pathlib import Path
from chainrule._errors import CheckpointError
from chainrule.files.lock import locked
with locked(Path(sys.argv[1]), "the folder", CheckpointError):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path):
    return locked(path, "the folder", CheckpointError)


@pytest.mark.parametrize("number", [signal.SIGKILL, None])
def test_another_process_is_named_until_it_has_ended(tmp_path, number):
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        for _ in range(2):
            with pytest.raises(CheckpointError, match=rf"the folder is in use by process {holder.pid} on \S+ since 20"):
                hold(path).__enter__()
        holder.kill() if number else holder.communicate(timeout=GIVE_UP)
    assert path.exists() == bool(number)
    with hold(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not path.exists()


def test_whatever_a_dead_process_left_holds_nobody_up(tmp_path):
    for left in ("", "{", '{"pid": 1, "host": "other", "since": "long ago"}', "[]" * 10_000):
        (tmp_path / "lock").write_text(left)
        with hold(tmp_path / "lock"), pytest.raises(CheckpointError, match="this process"):
            hold(tmp_path / "lock").__enter__()


def test_what_a_holder_wrote_may_be_unreadable(tmp_path):
    with hold(tmp_path / "lock"):
        (tmp_path / "lock").write_text("?")
        with pytest.raises(CheckpointError, match="in use by another process"):
            hold(tmp_path / "lock").__enter__()


def test_never_two_at_once(tmp_path):
    """Eight threads take, delete and make the lock file again and again."""
    inside, most, taken = 0, 0, 0
    guard = threading.Lock()

    def often(_):
        nonlocal inside, most, taken
        mine = 0
        while mine < 25:
            try:
                with hold(tmp_path / "lock"):
                    with guard:
                        inside, taken = inside + 1, taken + 1
                        most = max(most, inside)
                    with guard:
                        inside -= 1
                    mine += 1
            except CheckpointError:
                pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(often, range(8)))
    assert most == 1
    assert taken == 8 * 25


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(CheckpointError, match=r"the folder cannot be used: .*No such file"):
        hold(tmp_path / "absent" / "lock").__enter__()


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    import errno
    import fcntl

    from chainrule._errors import ChainruleWarning

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(ChainruleWarning, match="has no locks: see to it"), hold(tmp_path / "lock"):
        pass
