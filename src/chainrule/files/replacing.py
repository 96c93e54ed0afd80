"""Replace files atomically: write a temporary file beside it, flush it to the disk, rename it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chainrule.files.outputs import check_place, resolved


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, which replaces `path` in one step at the end.

    A crash, a full disk or an error in between leaves an older file whole. If `path` is a link, the file that it links
    to is replaced.

    Raises
    ------
    OSError
        Also if `path` is not a regular file, but a folder, a device or a pipe, which renaming would replace.
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
    """Write a file, replacing an older one in one step.

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
