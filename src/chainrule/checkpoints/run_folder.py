"""The folder of a training: its encoded rows and checkpoints, deleted at the end unless training can be resumed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chainrule._errors import CheckpointError
from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.files.lock import locked

_CHECKPOINT = "checkpoint.safetensors"
_LOCK = "lock"
_ROWS = "encoded-rows"


@dataclass
class Workplace:
    """A folder for encoded rows and checkpoints.

    Attributes
    ----------
    rows : Path
        The folder for encoded rows.
    checkpoint : Path or None
        The checkpoint's file; None if the training is not to be resumed.
    keep : bool
        Whether to keep the files at the end, so that training can be resumed. At first, whether there are files of an
        earlier start.
    """

    rows: Path
    checkpoint: Path | None = None
    keep: bool = False

    def file(self, fingerprint: dict[str, Any]) -> CheckpointFile | None:
        """Return the checkpoint file of a training, or None if it writes none."""
        return None if self.checkpoint is None else CheckpointFile(self.checkpoint, fingerprint)


def has_checkpoint(folder: str | os.PathLike[str]) -> bool:
    """Say whether a training has left a checkpoint in a folder.

    Raises
    ------
    CheckpointError
        If another process uses the folder now.
    """
    if not Path(folder).is_dir():
        return False
    with _alone_in(Path(folder)):
        return bool(CheckpointFile(Path(folder, _CHECKPOINT), {}).found())


def places(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the files and folders that a training creates and deletes in a folder for checkpoints."""
    return [Path(folder, _LOCK), Path(folder, _ROWS), *CheckpointFile(Path(folder, _CHECKPOINT), {}).places]


@contextmanager
def workplace(folder: str | os.PathLike[str] | None) -> Iterator[Workplace]:
    """Open a workplace in the given folder, or a temporary one, which is always deleted.

    Raises
    ------
    CheckpointError
        If the folder cannot be made, or another process uses it.
    """
    if folder is None:
        with TemporaryDirectory(prefix="chainrule-") as temporary:
            yield Workplace(Path(temporary))
        return
    make_folder(Path(folder))
    with _alone_in(Path(folder)):
        rows = Path(folder) / _ROWS
        make_folder(rows)
        place = Workplace(rows, rows.parent / _CHECKPOINT, keep=any(rows.iterdir()))
        try:
            yield place
        finally:
            if not place.keep:
                shutil.rmtree(rows)
                CheckpointFile(rows.parent / _CHECKPOINT, {}).remove()


def _alone_in(folder: Path) -> AbstractContextManager[None]:
    """Keep other trainings out of a folder: they would read, overwrite and delete the rows of this one."""
    return locked(folder / _LOCK, f"the folder {folder}", CheckpointError)


def make_folder(folder: Path) -> None:
    """Make a folder, unless it is there.

    Raises
    ------
    CheckpointError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        file = next((place for place in (folder, *folder.parents) if place.is_file()), None)
        reason = f"{file} is a file" if file else error.strerror or error
        raise CheckpointError(f"the folder {folder} cannot be made: {reason}. Give another folder.") from error
