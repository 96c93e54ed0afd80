"""Check output paths: an output must be a regular file, new or old, and not one of the inputs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from errno import EACCES, EINVAL, EISDIR, ENOENT
from pathlib import Path

from chainrule._errors import InvalidParameterError

AnyPath = str | os.PathLike[str]


def refusal(path: AnyPath) -> str:
    """Return the reason why no file can be written at a path, or "".

    Examples
    --------
    >>> refusal("/dev/null"), refusal("no/such/folder/model.safetensors")
    ('it is a device', 'there is no folder no/such/folder')
    """
    try:
        check_place(path)
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def check_place(path: AnyPath) -> None:
    """Check that a file can be written at a path; links are followed, as when writing.

    Raises
    ------
    OSError
        If the folder does not exist or is not writable, or the path is a folder, a device or a pipe.
    """
    if not os.fspath(path):
        raise OSError(ENOENT, "a file needs a name", "")
    target, folder = resolved(path), Path(path).parent
    with suppress(FileNotFoundError, NotADirectoryError):
        mode = Path(path).stat().st_mode
        if not stat.S_ISREG(mode) or not target.exists():
            code = EISDIR if stat.S_ISDIR(mode) else EINVAL
            raise OSError(code, f"it is {_kind(mode)}", os.fspath(path))
    if not target.parent.is_dir():
        raise OSError(ENOENT, f"there is no folder {folder}", os.fspath(path))
    if not os.access(target.parent, os.W_OK):
        raise OSError(EACCES, f"the folder {folder} is not writable", os.fspath(path))


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISREG(mode):
        return "a file without a name"  # a stream of a deleted file
    return "a pipe or a socket" if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else "a device"


def resolved(path: AnyPath) -> Path:
    """Return a path with links followed."""
    return Path(os.path.realpath(path))


def check_apart(outputs: Mapping[str, Iterable[AnyPath]], inputs: Iterable[AnyPath]) -> None:
    """Check that no output overwrites an input or another output.

    Parameters
    ----------
    outputs : mapping of str to iterable of path
        For each output, its name in messages and the paths that it writes: files, or folders with their content.
    inputs : iterable of path

    Raises
    ------
    InvalidParameterError
    """
    taken = [(name, place) for name, places in outputs.items() for place in places]
    for given in inputs:
        for name, place in taken:
            if _meet(place, given):
                raise InvalidParameterError(
                    f"{name} would overwrite {os.fspath(given)}, which is read. Give it another place."
                )
    for number, (name, place) in enumerate(taken):
        for other, elsewhere in taken[:number]:
            if name != other and _meet(place, elsewhere):
                raise InvalidParameterError(
                    f"{other} and {name} both write to {os.fspath(place)}. Give each a place of its own."
                )


def _meet(one: AnyPath, other: AnyPath) -> bool:
    """Say whether two paths are the same file, or one is inside the other."""
    try:
        if Path(one).samefile(other):  # also for hard links, and for names that differ by case where case is ignored
            return True
    except (OSError, ValueError):  # one does not exist yet
        pass
    first, second = resolved(one), resolved(other)
    return first.is_relative_to(second) or second.is_relative_to(first)
