"""The checkpoint file, from which training resumes after a kill, a crash or a move to other machines."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule._errors import CheckpointError, ModelFileError
from chainrule.checkpoints.differences import differences
from chainrule.files.lock import locked
from chainrule.files.model_file import packed, read_model, unpacked
from chainrule.files.records import CHECKPOINT, CHECKPOINT_LAYOUT
from chainrule.files.replacing import flush
from chainrule.files.shape import require
from chainrule.network.architecture import Architecture
from chainrule.network.parameters import Parameters, n_parameters
from chainrule.network.training.checkpoint import Checkpoint
from chainrule.network.training.segment import State, Totals
from chainrule.network.types import Array


@dataclass(frozen=True)
class CheckpointFile:
    """The files of the last two checkpoints of a training; the older one is used if the last is damaged.

    Parameters
    ----------
    path : path-like
        Path of the last checkpoint. ".previous" is appended for the one before, ".next" for one that is being written.
    fingerprint : dict
        Plain values that identify the training (table, settings, seed) and must be the same to resume it.
    """

    path: str | os.PathLike[str]
    fingerprint: dict[str, Any]

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint; a complete one is on disk at any time.

        Raises
        ------
        CheckpointError
            If it cannot be written.
        """
        record = {
            "kind": "checkpoint",
            "layout": CHECKPOINT_LAYOUT,
            "fingerprint": self.fingerprint,
            "epochs": checkpoint.epochs,
            "losses": list(checkpoint.totals.losses),
            "gradient_norm": checkpoint.totals.gradient_norm,
            "states": {name: [state.step, state.epoch] for name, state in _states(checkpoint).items()},
        }
        try:
            content = packed(record, _tensors(checkpoint))
            require(unpacked(content, "its file")[0], CHECKPOINT)
            self._next.write_bytes(content)
            flush(self._next)
            if self._last.exists():
                self._last.replace(self._previous)
            self._next.replace(self._last)
            flush(self._last.parent)
        except (ModelFileError, OSError) as error:
            raise CheckpointError(f"the checkpoint {self._last} cannot be written: {error}") from error

    def read(self, architecture: Architecture, slots: int | None = None) -> Checkpoint | None:
        """Read the last complete checkpoint; None if there is no file.

        Parameters
        ----------
        architecture : Architecture
        slots : int, optional
            The number of the optimiser's slots.

        Raises
        ------
        CheckpointError
            If it belongs to another training, or every file is damaged.
        """
        damage = None
        for path in self.found():
            try:
                record, tensors = read_model(path)
            except ModelFileError as error:
                damage = error
                continue
            self._check(path, record)
            try:
                return _checkpoint(record, tensors, architecture, slots)
            except (ModelFileError, LookupError) as error:
                damage = ModelFileError(f"{path} is damaged: {error}.")
        if damage is not None:
            raise CheckpointError(f"{damage} Delete it to train from the beginning.")
        return None

    def found(self) -> list[Path]:
        """Return the existing files, in the order in which they are tried."""
        return [path for path in self.places if path.exists()]

    @property
    def places(self) -> list[Path]:
        """The files that it writes."""
        return [self._last, self._next, self._previous]

    @property
    def lock(self) -> Path:
        """The file that `alone` locks."""
        return self._last.with_name(f"{self._last.name}.lock")

    def alone(self) -> AbstractContextManager[None]:
        """Keep other processes away from the files, before anything is read or written.

        Raises
        ------
        CheckpointError
            If another process uses them now.
        """
        return locked(self.lock, f"the checkpoint {self.path}", CheckpointError)

    def remove(self) -> None:
        """Delete the files, after the training has ended."""
        for path in self.found():
            path.unlink(missing_ok=True)

    def _check(self, path: Path, record: dict[str, Any]) -> None:
        if record.get("kind") != "checkpoint":
            raise CheckpointError(f"{path} is not a checkpoint of a training. Give another file or folder.")
        if record.get("layout") != CHECKPOINT_LAYOUT:
            raise CheckpointError(of_another_version(path, record.get("layout")))
        if differs := differences(record.get("fingerprint") or {}, self.fingerprint):
            raise CheckpointError(
                f"{path} is of another training: {differs}. Restore what it was, or delete the checkpoint to train "
                "from the beginning."
            )

    @property
    def _last(self) -> Path:
        return Path(self.path)

    @property
    def _next(self) -> Path:
        return self._last.with_name(f"{self._last.name}.next")

    @property
    def _previous(self) -> Path:
        return self._last.with_name(f"{self._last.name}.previous")


def of_another_version(path: Path, layout: Any) -> str:
    """Say that a checkpoint, or a folder of one, was written by another version."""
    which = "a newer" if type(layout) is int and layout > CHECKPOINT_LAYOUT else "an older"
    return (
        f"{path} was written by {which} version of chainrule, whose checkpoints this one cannot go on from. Go on with "
        "that version, or delete it to train from the beginning."
    )


def _states(checkpoint: Checkpoint) -> dict[str, State]:
    return {"now": checkpoint.state} | ({} if checkpoint.best is None else {"best": checkpoint.best})


def _tensors(checkpoint: Checkpoint) -> dict[str, Array]:
    return {
        f"{name}.{place}": vector
        for name, state in _states(checkpoint).items()
        for place, vector in enumerate((state.parameters.theta, *state.slots))
    }


def _checkpoint(
    record: dict[str, Any], tensors: dict[str, Array], architecture: Architecture, slots: int | None
) -> Checkpoint:
    require(record, CHECKPOINT)
    states = {}
    for name in ("now", "best") if "best" in record["states"] else ("now",):
        step, epoch = record["states"][name][:2]
        vectors = [tensors[f"{name}.{place}"] for place in range(sum(key.startswith(f"{name}.") for key in tensors))]
        _check_vectors(vectors, architecture, slots)
        parameters = Parameters(vectors[0], tuple(architecture.widths), architecture.embeddings)
        states[name] = State(parameters, tuple(vectors[1:]), step, epoch)
    totals = Totals(tuple(record["losses"]), record["gradient_norm"])
    return Checkpoint(states["now"], states.get("best"), record["epochs"], totals)


def _check_vectors(vectors: list[Array], architecture: Architecture, slots: int | None) -> None:
    """Check theta and the optimiser's slots against the number of the network's parameters."""
    needed = n_parameters(architecture.widths, architecture.embeddings)
    if slots is not None and len(vectors) != slots + 1:
        raise ModelFileError(f"it must have {slots + 1} vectors, not {len(vectors)}")
    if not vectors or any(vector.shape != (needed,) or vector.dtype != vectors[0].dtype for vector in vectors):
        raise ModelFileError(f"its vectors must have {needed:,} entries of one type each")
