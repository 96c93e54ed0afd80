"""Where an output may go: to a regular file, new or old, that is none of the inputs."""

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
    """Say why no file can be written at a path, "" where one can.

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
    """See whether a file can be written at a path; links are followed, as the writers do.

    Raises
    ------
    OSError
        If there is no such folder, it is not writable, or a folder, a device or a pipe is there.
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
        return "a file without a name"  # a stream to one that was deleted
    return "a pipe or a socket" if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else "a device"


def resolved(path: AnyPath) -> Path:
    """Return where a path leads when links are followed."""
    return Path(os.path.realpath(path))


def check_apart(outputs: Mapping[str, Iterable[AnyPath]], inputs: Iterable[AnyPath]) -> None:
    """See that no output takes the place of an input or of another output.

    Parameters
    ----------
    outputs : mapping of str to iterable of path
        What each output is called in messages, and the places it takes: files, or folders with all in them.
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
    """Say whether two paths lead to the same file, or one into the other."""
    try:
        if Path(one).samefile(other):  # hard links, and names that differ in case where that is no difference
            return True
    except (OSError, ValueError):  # one is not there yet
        pass
    first, second = resolved(one), resolved(other)
    return first.is_relative_to(second) or second.is_relative_to(first)
