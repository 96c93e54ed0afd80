"""Write a command's text file, atomically."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from chainrule._errors import ChainruleError, InvalidParameterError, nearest
from chainrule.files.outputs import refusal
from chainrule.files.replacing import replace_file


def check_text_path(path: str, endings: Iterable[str]) -> str:
    """Return a path's ending, after checking that it is one of these and that a file can be written there.

    Raises
    ------
    InvalidParameterError
        If the ending is unknown.
    ChainruleError
        If the file could not be written.
    """
    endings, ending = list(endings), Path(path).suffix.lower()
    if ending not in endings:
        raise InvalidParameterError(f"cannot tell the format of {path} from its ending. {nearest(ending, endings)}")
    if reason := refusal(path):
        raise ChainruleError(f"cannot write {path}: {reason}.")
    return ending


def write_text(path: str, content: str) -> None:
    """Write a text.

    Raises
    ------
    ChainruleError
        If it cannot be written; an older file is then left as it was.
    """
    try:
        replace_file(Path(path), content.encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ChainruleError(f"cannot write {path}: {reason}. An older file is left as it was.") from error
