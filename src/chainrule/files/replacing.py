"""Files replaced in one step: written beside, flushed to the disk, renamed."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, or replace it in one step: a crash or a full disk leaves an older one whole.

    Raises
    ------
    OSError
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)  # the rename itself must reach the disk, too
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
