"""How long tests wait: until what they wait for has happened. They give up only where it never does."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

GIVE_UP = 600  # seconds: a guard against hanging, on however slow a machine


def wait_until(happened: Callable[[], Any], process: "subprocess.Popen[Any] | None" = None) -> None:
    """Wait until something has happened; a process that is to bring it about must live till then."""
    ends = time.monotonic() + GIVE_UP
    while True:
        ended = process is not None and process.poll() is not None  # asked first: its last deed may be the one
        if happened():
            return
        assert not ended, process.communicate()
        assert time.monotonic() < ends, f"it has not happened within {GIVE_UP} s"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs: a zombie, which nobody has waited for, does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return not stat.parent.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
