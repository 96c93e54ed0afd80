"""Find the files that a source means, and the kind of each, by its first bytes rather than its name."""

from __future__ import annotations

import glob
import gzip
import os
import zlib
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from chainrule._errors import TableError, nearest
from chainrule.table.reading.sql import literal

_JSON = (".json", ".ndjson", ".jsonl")
_TABLES = (".csv", ".tsv", ".txt", ".tab", ".psv", ".data", ".parquet", ".pq", *_JSON)
_COMPRESSED = (".gz", ".zst")
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)  # errors of reading a damaged gzip file
_HEAD = 4096  # bytes inspected


@dataclass(frozen=True)
class SourceFile:
    """A file of a source: its path, kind and compression.

    Parameters
    ----------
    path : Path
    kind : {"csv", "json", "parquet", "idx"}
    compression : {"none", "gzip", "zstd"}
    """

    path: Path
    kind: str
    compression: str


def file_literal(file: SourceFile) -> str:
    """Write a file's path as SQL, so that DuckDB does not take it for a pattern, a home folder or an address."""
    return literal(glob.escape(os.path.join(".", file.path)))  # noqa: PTH118 - a Path would drop the dot


def find_files(source: str) -> list[SourceFile]:
    """Return the files that a path, a folder or a pattern means, sorted by name.

    Raises
    ------
    TableError
        If there is no such file, the folder holds no table, the files are of several kinds, or one is empty or
        no table at all.
    """
    paths = list_files(source)
    if not paths:
        path = Path(source).expanduser()
        if os.path.isdir(path):  # noqa: PTH112 - a Path raises where a name is too long for one
            raise TableError(f"The folder {source} holds no table: no file ends in {', '.join(_TABLES)}.")
        raise TableError(f"No such file: {source}.{_similar(path)}")
    files = [_inspect(file) for file in paths]
    kinds = sorted({file.kind for file in files})
    if len(kinds) > 1:
        raise TableError(f"{source} means files of several kinds ({', '.join(kinds)}); give those of one kind.")
    return files


def list_files(source: str) -> list[Path]:
    """Return the files that a path, a folder or a pattern means, whatever they hold."""
    path = os.path.expanduser(source)  # noqa: PTH111
    if os.path.isdir(path):  # noqa: PTH112
        return [file for file in sorted(Path(path).iterdir()) if file.is_file() and is_named_as_table(file)]
    names = [path] if os.path.isfile(path) else sorted(glob.glob(path))  # noqa: PTH113, PTH207
    return [Path(name) for name in names if os.path.isfile(name)]  # noqa: PTH113


def is_named_as_table(path: Path) -> bool:
    """Say whether a file with this name counts as a table of its folder."""
    return not path.name.startswith((".", "_")) and _suffix(path) in _TABLES


def is_there(source: str) -> bool:
    """Say whether a file or folder of this name exists, or one that matches the pattern."""
    path = os.path.expanduser(source)  # noqa: PTH111
    return os.path.exists(path) or (glob.has_magic(path) and bool(glob.glob(path)))  # noqa: PTH110, PTH207


def _similar(path: Path) -> str:
    """Return the hint for a mistyped file name, if its folder has one like it."""
    if not os.path.isdir(path.parent):  # noqa: PTH112
        return f" There is no folder {path.parent} either."
    hint = nearest(path.name, sorted(file.name for file in path.parent.iterdir()))
    return f" {hint}" if hint.startswith("Did") else ""


def _inspect(path: Path) -> SourceFile:
    """Find a file's kind from its first bytes, and from its name only if these do not tell."""
    compression, head = _open(path)
    kind = _kind(path, head)
    binary = b"\0" in head and compression != "zstd"
    if kind == "csv" and (binary or head.startswith(b"PK\x03\x04")):
        raise TableError(f"{path} is a binary file, not a table (CSV, TSV, JSON, Parquet or an IDX image set).")
    return SourceFile(path, kind, compression)


def _open(path: Path) -> tuple[str, bytes]:
    """Return a file's compression and its first bytes, uncompressed if the standard library can."""
    try:
        with path.open("rb") as file:
            head, compression = _head(file), "none"
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path) as unpacked:
                head, compression = _head(unpacked), "gzip"
    except DAMAGED as error:
        raise TableError(f"{path} is a damaged gzip file: {error}.") from error
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}.") from error
    if not head:
        raise TableError(f"{path} is empty.")
    return ("zstd" if head.startswith(b"\x28\xb5\x2f\xfd") else compression), head


def _head(file: IO[bytes] | gzip.GzipFile) -> bytes:
    """Return the first bytes of a file, none if the whole file is only blanks and line ends."""
    head = file.read(_HEAD)
    blocks = chain([head], iter(lambda: file.read(_HEAD), b""))
    return head if any(block.strip(b" \t\r\n\xef\xbb\xbf") for block in blocks) else b""


def _kind(path: Path, head: bytes) -> str:
    if head.startswith(b"PAR1"):
        return "parquet"
    if len(head) >= 4 and head[:2] == b"\0\0" and head[2] == 8 and head[3] in (1, 3):
        return "idx"
    return "json" if _suffix(path) in _JSON else "csv"


def _suffix(path: Path) -> str:
    """Return the ending of a name, ignoring that of a compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return next((suffix for suffix in reversed(suffixes) if suffix not in _COMPRESSED), "")
