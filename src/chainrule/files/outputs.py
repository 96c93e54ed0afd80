"""Where an output may go: to a regular file, new or old, that is none of the inputs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from chainrule._errors import InvalidParameterError

AnyPath = str | os.PathLike[str]


def refusal(path: AnyPath) -> str:
    """Say why no file can be written at a path, "" where one can: links are followed, as the writers do.

    Examples
    --------
    >>> refusal("/dev/null"), refusal("no/such/folder/model.safetensors")
    ('it is a device', 'there is no folder no/such/folder')
    """
    target = Path(path)
    try:
        mode = os.stat(target).st_mode  # noqa: PTH116 - of what a link points to
    except FileNotFoundError:
        folder = resolved(target).parent
        if not folder.is_dir():
            return f"there is no folder {target.parent}"
        return "" if os.access(folder, os.W_OK) else f"the folder {target.parent} is not writable"
    except NotADirectoryError:
        return f"there is no folder {target.parent}"
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    if not stat.S_ISREG(mode):
        return f"it is {_kind(mode)}"
    if not resolved(target).exists():  # a stream to a file that has been deleted
        return "it is a file without a name"
    return "" if os.access(resolved(target).parent, os.W_OK) else f"the folder {target.parent} is not writable"


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
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
