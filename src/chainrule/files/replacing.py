"""Replace files atomically: write a temporary file beside it, flush it to the disk, rename it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chainrule.files.outputs import check_place, resolved
from chainrule.files.parts import part_beside


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
    temporary = part_beside(path)
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
        try:
            temporary.write_bytes(content)
        except OSError as error:
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def append(path: Path, content: bytes) -> None:
    """Write at the end of a file; if that fails, as on a full disk, it is left as it was.

    Raises
    ------
    OSError
    """
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as error:
            file.truncate(before)
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error


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
