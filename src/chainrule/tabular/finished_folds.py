"""The folds of a cross-validation that are done, in the folder for checkpoints, so that they are not trained again."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule._errors import CheckpointError
from chainrule._json import parsed
from chainrule.checkpoints.differences import differences
from chainrule.checkpoints.run_folder import make_folder
from chainrule.files.lock import locked
from chainrule.files.records import FOLDS
from chainrule.files.replacing import replace_file
from chainrule.files.shape import require

_NAME, _LOCK = "folds.json", "folds.lock"


@dataclass(frozen=True)
class FinishedFolds:
    """A file with what came of the folds so far, and the fingerprint of what they were trained on and how.

    Without a folder nothing is kept.
    """

    folder: str | os.PathLike[str] | None
    fingerprint: dict[str, Any]

    def alone(self) -> AbstractContextManager[None]:
        """Keep other cross-validations out of the folder, which is made if it is not there.

        Raises
        ------
        CheckpointError
            If the folder cannot be made, or another process uses it.
        """
        if self.folder is None:
            return nullcontext()
        make_folder(Path(self.folder))
        return locked(Path(self.folder, _LOCK), f"the folder {self.folder}", CheckpointError)

    def read(self) -> list[dict[str, Any]]:
        """Return the records of the folds that are done.

        Raises
        ------
        CheckpointError
            If the file is damaged, or of another cross-validation.
        """
        if self.folder is None or not self._file.exists():
            return []
        try:
            record = parsed(self._file.read_bytes())
            require(record, FOLDS)
        except ValueError as error:
            raise CheckpointError(f"{self._file} is damaged: {error}. Delete {self.folder} to begin again.") from error
        theirs = {name: record["fingerprint"].get(name) for name in self.fingerprint}
        if differs := differences(theirs, self.fingerprint):
            raise CheckpointError(
                f"{self.folder} holds another cross-validation: {differs}. Restore what it was, or delete the folder "
                "to begin again."
            )
        return list(record["folds"])

    def write(self, folds: list[dict[str, Any]]) -> None:
        """Replace the records of the folds that are done."""
        if self.folder is not None:
            content = json.dumps({"fingerprint": self.fingerprint, "folds": folds})
            replace_file(self._file, content.encode())

    def of_fold(self, number: int) -> Path | None:
        """Return the folder for the checkpoints of one fold."""
        return None if self.folder is None else Path(self.folder, f"fold-{number + 1}")

    def remove(self) -> None:
        """Delete the file and the folders of the folds, after the model itself is trained."""
        if self.folder is not None:
            for number in range(len(self.read())):
                folder = self.of_fold(number)
                if folder is not None and folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
            self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        assert self.folder is not None
        return Path(self.folder, _NAME)


def has_finished_folds(folder: str | os.PathLike[str]) -> bool:
    """Say whether a cross-validation has begun in a folder: a fold is done, or has left a checkpoint.

    Examples
    --------
    >>> has_finished_folds("no/such/folder")
    False
    """
    return Path(folder, _NAME).exists() or any(Path(folder).glob("fold-*"))
