"""One process at a time: a lock file, which names the process that holds it and is free as soon as that has ended."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chainrule._errors import ChainruleError, warn

_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def locked(path: Path, what: str, error: type[ChainruleError]) -> Iterator[None]:
    """Hold a lock file, which is deleted at the end.

    The lock is the operating system's: a process that is killed, or a machine that starts again, frees it. The file
    that stays then holds nobody up. Its content is for the message to others alone.

    Parameters
    ----------
    path : Path
        The lock file; its folder must exist.
    what : str
        What it guards, for the message.
    error : type of ChainruleError
        What to raise if another process, or another part of this one, holds it, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from chainrule._errors import CheckpointError
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder, "lock"), "run1", CheckpointError):
    ...     [place.name for place in Path(folder).iterdir()]
    ['lock']
    """
    try:
        descriptor = _opened(path)
    except OSError as reason:
        if reason.errno in _HELD:
            raise error(
                f"{what} is in use by {_holder(path)}. Wait until it ends, or end it, or give another place."
            ) from None
        raise error(f"{what} cannot be used: {path}: {reason.strerror or reason}. Give another place.") from reason
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: a file that another process has locked is never deleted
        os.close(descriptor)


def _opened(path: Path) -> int:
    """Open and lock the file; raise OSError if it is held."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(descriptor, path)
            if _still_there(path, descriptor):
                me = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
                os.ftruncate(descriptor, 0)
                os.write(descriptor, json.dumps(me).encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its holder deleted it after we had opened it


def _lock(descriptor: int, path: Path) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, 2**30, os.SEEK_SET)  # beyond the text, which others must be able to read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as reason:
        if reason.errno not in _NO_LOCKS:
            raise
        warn(f"the file system of {path.parent} has no locks: see to it that no other process uses {path.parent}.")


def _still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    """Describe who holds a lock; its file may be gone or empty while it changes hands."""
    try:
        found = json.loads(path.read_text())
        process = "this process" if found["pid"] == os.getpid() else f"process {int(found['pid'])}"
        return f"{process} on {str(found['host'])[:80]} since {str(found['since'])[:40]}"
    except (OSError, ValueError, LookupError, TypeError):
        return "another process"
