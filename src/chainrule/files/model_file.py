"""Model files: safetensors files whose metadata entry "chainrule" is a JSON object (see docs/model-file.md).

Reading parses and checks; nothing in a file is executed. Writing is atomic: to a temporary file in the same folder,
which is flushed to the disk and replaces the old file in one step, so that a crash or a full disk leaves the old file
whole. A digest over every byte turns damage into an error instead of a wrong prediction.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from chainrule._errors import ModelFileError
from chainrule._json import parsed
from chainrule.files.outputs import refusal
from chainrule.files.replacing import replace_file
from chainrule.network.types import Array

FORMAT = 1
_ENTRY = "chainrule"
_UNSIGNED = b"0" * 64  # placeholder for the digest while it is computed
_DTYPES = ("float32", "float64")


def write_model(path: str | os.PathLike[str], content: bytes) -> None:
    """Write the content from `packed`, replacing the file in one step.

    Raises
    ------
    ModelFileError
        If the file cannot be written.
    """
    try:
        replace_file(Path(path), content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelFileError(f"cannot write {os.fspath(path)}: {reason}. An older file is left as it was.") from error


def packed(record: dict[str, Any], tensors: dict[str, Array]) -> bytes:
    """Return the content of a model file.

    Raises
    ------
    ModelFileError
        If the record holds something that is not plain data.
    """
    import numpy as np
    from safetensors.numpy import save

    try:
        metadata = json.dumps(
            {"format": FORMAT, "sha256": _UNSIGNED.decode(), **record}, ensure_ascii=False, default=_plain
        )
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"the model cannot be saved: {error}. Parameters must be plain values.") from error
    content = save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, {_ENTRY: metadata})
    return content.replace(_UNSIGNED, hashlib.sha256(content).hexdigest().encode(), 1)


def _plain(value: Any) -> Any:
    """Convert NumPy numbers, as parameters often are, for JSON."""
    import numpy as np

    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is not a plain value")


def read_model(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read the record and the tensors of a model file.

    Raises
    ------
    ModelFileError
        If the file is missing, truncated, not a model of this package, or of a newer format.
    """
    name = os.fspath(path)
    if not Path(path).is_file():
        raise ModelFileError(f"no such model file: {name}.")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read {name}: {error.strerror or error}.") from error
    except MemoryError as error:
        raise ModelFileError(f"{name} is larger than the memory.") from error
    return unpacked(content, name)


def unpacked(content: bytes, name: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the record and the tensors of a content from `packed`.

    Raises
    ------
    ModelFileError
        If it is not the content of a model file, damaged, or of a newer format; the message calls it `name`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(content)
        metadata = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__") or {}
    except (SafetensorError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelFileError(f"{name} is damaged or not a model file: {_in_one_line(error)}.") from error
    record = _record(name, metadata)
    _check_content(name, content, record, tensors)
    return record, tensors


def _record(name: str, metadata: dict[str, str]) -> dict[str, Any]:
    if _ENTRY not in metadata:
        raise ModelFileError(f"{name} is a safetensors file, but not a model of chainrule.")
    try:
        record = parsed(metadata[_ENTRY])
    except ValueError as error:
        raise ModelFileError(f"{name} is damaged: its metadata are not JSON ({_in_one_line(error)}).") from error
    if not isinstance(record, dict) or type(record.get("format")) is not int or record["format"] < 1:
        raise ModelFileError(f"{name} is damaged: its metadata do not state a format.")
    if record["format"] > FORMAT:
        raise ModelFileError(
            f"{name} has format {record['format']}; this version reads up to {FORMAT}. Update chainrule to load it."
        )
    return record


def _check_content(name: str, content: bytes, record: dict[str, Any], tensors: dict[str, Array]) -> None:
    """Check the file's digest and the dtypes of its tensors."""
    stated = str(record.get("sha256") or "none").encode(errors="replace")
    before, found, after = content.partition(stated)
    if not found or hashlib.sha256(before + _UNSIGNED + after).hexdigest().encode() != stated:
        raise ModelFileError(f"{name} is damaged: its content is not what was saved (SHA-256 differs).")
    for tensor_name, tensor in tensors.items():
        if tensor.dtype.name not in _DTYPES:
            raise ModelFileError(
                f"{name} is damaged: its tensors must be float32 or float64, {tensor_name!r} is {tensor.dtype}."
            )


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise ModelFileError if a model cannot be written to a path; called before training."""
    if reason := refusal(path):
        raise ModelFileError(
            f"cannot write {os.fspath(path) or repr('')}: {reason}. Give a file name, such as model.safetensors."
        )
