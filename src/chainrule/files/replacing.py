"""Files replaced in one step: written beside, flushed to the disk, renamed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chainrule.files.outputs import check_place, resolved


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a place to write a file to, which at the end takes the place of `path` in one step.

    A crash, a full disk or an error in between leaves an older file whole. A link stays one: what it leads to is
    replaced.

    Raises
    ------
    OSError
        Also where `path` is no regular file, which renaming would replace: a folder, a device, a pipe.
    """
    check_place(path)
    path = resolved(path)
    temporary = path.with_name(f".chainrule-{uuid.uuid4().hex}.part")
    try:
        yield temporary
        flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    flush(path.parent)  # the rename itself must reach the disk, too


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, or replace it in one step.

    Raises
    ------
    OSError
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, have reached the disk.

    Raises
    ------
    OSError
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
