"""Names of files that are being written: they say who writes, so that what a killed process left can be removed."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from platform import node

_NAME = re.compile(r"\.chainrule-([0-9a-f]{8})-(\d+)-(\d*)-[0-9a-f]{32}\.part")


def part_beside(path: Path) -> Path:
    """Return a path for a temporary file or folder beside a path, after removing those of processes that are dead."""
    remove_stale(path.parent)
    process = os.getpid()
    return path.with_name(f".chainrule-{_here()}-{process}-{_began(process)}-{uuid.uuid4().hex}.part")


def remove_stale(folder: Path) -> None:
    """Remove what processes of this machine left in a folder when they died; what any other may be writing stays."""
    with suppress(OSError), os.scandir(folder) as entries:  # where nothing can be removed, it only stays
        for entry in entries:
            writer = _NAME.fullmatch(entry.name)
            if writer and writer[1] == _here() and not _lives(int(writer[2]), writer[3]):
                shutil.rmtree(entry.path, ignore_errors=True) if entry.is_dir() else Path(entry.path).unlink()


@cache
def _here() -> str:
    """Say where process numbers mean what they mean here: the machine, and in a container the container."""
    space = Path("/proc/self/ns/pid")
    try:
        inner = str(space.readlink())
    except OSError:
        inner = ""
    return sha256(f"{node()} {inner}".encode()).hexdigest()[:8]


def _began(process: int) -> str:
    """Return when a process began, in ticks, as a process number is used again; "" where the system does not tell."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _lives(process: int, began: str) -> bool:
    if began:
        return _began(process) == began
    if os.name != "posix":
        return True  # nobody can be asked without harm
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
