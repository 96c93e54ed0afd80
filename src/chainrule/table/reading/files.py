"""Find the files that a source means, and the kind of each, by its first bytes rather than its name."""

from __future__ import annotations

import bz2
import codecs
import glob
import gzip
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from chainrule._errors import TableError, nearest
from chainrule.table.reading.sql import literal
from chainrule.table.table_format import Dialect

_ARROW = (".arrow", ".arrows", ".feather", ".ipc")
_ZIP = b"PK\x03\x04"
_JSON = (".json", ".ndjson", ".jsonl")
TABLES = (".csv", ".tsv", ".txt", ".tab", ".psv", ".data", ".parquet", ".pq", *_ARROW, *_JSON)
COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".zip")
ARROW_STREAM = b"\xff\xff\xff\xff"
_BEGINNINGS = {b"PAR1": "parquet", b"SQLite format 3\0": "sqlite", b"ARROW1": "arrow", b"FEA1": "arrow"}
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
    _ZIP: "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_HEAD = 4096  # bytes inspected
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # how writers of partitions spell a missing value
_RECORD = re.compile(rb'[\s\xef\xbb\xbf]*(\[\s*)?\{\s*"(?:[^"\\]|\\.)*"\s*:')


@dataclass(frozen=True)
class SourceFile:
    """A file of a source: its path, kind and compression.

    Parameters
    ----------
    path : Path
    kind : {"csv", "json", "parquet", "idx", "arrow", "sqlite", "workbook"}
    compression : {"none", "gzip", "bz2", "xz", "zip", "zstd"}
    origin : Path, optional
        The file that this one is a copy of.
    partitions : tuple of (str, str or None)
        Names and values of the columns that the folders' names give, as in `year=2020/month=1/sales.csv`.
    part : str, optional
        The sheet or the table inside that is meant.
    dialect : Dialect, optional
        Of a text file that was written for this purpose.
    note : str
        What a copy says about its origin.
    """

    path: Path
    kind: str
    compression: str
    origin: Path | None = None
    partitions: tuple[tuple[str, str | None], ...] = ()
    part: str | None = None
    dialect: Dialect | None = None
    note: str = ""

    @property
    def label(self) -> Path:
        """The path to name in messages."""
        return self.origin or self.path


def file_literal(file: SourceFile) -> str:
    """Write a file's path as SQL, so that DuckDB does not take it for a pattern, a home folder or an address."""
    return literal(glob.escape(os.path.join(".", file.path)))  # noqa: PTH118 - a Path would drop the dot


def find_files(source: str) -> list[SourceFile]:
    """Return the files that a path, a folder with all inside, or a pattern means, sorted by name.

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
            raise TableError(f"The folder {source} holds no table: no file ends in {', '.join(TABLES)}.")
        raise TableError(f"No such file: {source}.{_similar(path)}")
    part = _with_part(source)[1]
    files = [replace(_inspect(file), part=part) for file in paths]
    if part is not None and files[0].kind not in ("sqlite", "workbook"):
        raise TableError(f"{paths[0]} has no sheets or tables inside; leave out #{part}.")
    kinds = sorted({file.kind for file in files})
    if len(kinds) > 1:
        raise TableError(f"{source} means files of several kinds ({', '.join(kinds)}); give those of one kind.")
    return files


def list_files(source: str) -> list[Path]:
    """Return the files that a path, a folder or a pattern means, whatever they hold."""
    path = _with_part(source)[0]
    if os.path.isdir(path):  # noqa: PTH112
        below = (Path(folder, name).relative_to(path) for folder, names in _folders(path) for name in names)
        return [file for name in sorted(below) if is_table_within(name) and (file := Path(path, name)).is_file()]
    names = [path] if os.path.isfile(path) else glob.glob(path, recursive=True)  # noqa: PTH113, PTH207
    return sorted(Path(name) for name in set(names) if os.path.isfile(name))  # noqa: PTH113


def _folders(path: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a folder and all inside, also through links, with the names of their files."""
    for folder, inside, names in os.walk(path, followlinks=True):
        yield folder, names
        here = os.path.realpath(folder)
        loops = [each for each in inside if Path(here).is_relative_to(os.path.realpath(Path(folder, each)))]
        inside[:] = [each for each in inside if each not in loops]


def is_table_within(path: Path) -> bool:
    """Say whether a file counts as a table of a folder, given its path from there: hidden names and `_` do not."""
    return not any(part.startswith((".", "_")) for part in path.parts) and _suffix(path) in TABLES


def _partitions(path: Path) -> tuple[tuple[str, str | None], ...]:
    """Return the columns that the names of a file's folders give."""
    pairs = (part.split("=", 1) for part in path.parent.parts if part.count("=") == 1 and not part.startswith("="))
    return tuple({unquote(name): None if value == _NO_VALUE else unquote(value) for name, value in pairs}.items())


def is_there(source: str) -> bool:
    """Say whether a file or folder of this name exists, or one that matches the pattern."""
    path = _with_part(source)[0]
    return os.path.exists(path) or (glob.has_magic(path) and bool(glob.glob(path, recursive=True)))  # noqa: PTH110, PTH207


def _with_part(source: str) -> tuple[str, str | None]:
    """Return the path in a source, and the part of the file that it names: `book.xlsx#Sheet2`."""
    path = os.path.expanduser(source)  # noqa: PTH111
    file, mark, part = path.rpartition("#")
    is_part = mark and not os.path.exists(path) and os.path.isfile(file)  # noqa: PTH110, PTH113
    return (file, part) if is_part else (path, None)


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
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    is_binary = (b"\0" in head and compression != "zstd" and not is_utf16) or head.startswith(_ZIP)
    if kind == "csv" and is_binary:
        raise TableError(f"{path} is a binary file, not a table (CSV, TSV, JSON, Parquet or an IDX image set).")
    return SourceFile(path, kind, compression, partitions=_partitions(path))


def _open(path: Path) -> tuple[str, bytes]:
    """Return a file's compression and its first bytes, uncompressed if the standard library can."""
    try:
        with path.open("rb") as file:
            head = _head(file)
        compression = next((name for start, name in _PACKED.items() if head.startswith(start)), "none")
        if compression == "zip" and (not zipfile.is_zipfile(path) or _is_workbook(path)):
            return "none", head
        if compression not in ("none", "zstd"):
            with opened_bytes(SourceFile(path, "csv", compression)) as unpacked:
                head = _head(unpacked)
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not head:
        raise TableError(f"{path} is empty.")
    return compression, head


@contextmanager
def opened_bytes(file: SourceFile) -> Iterator[IO[bytes]]:
    """Open a file's bytes, uncompressed.

    Raises
    ------
    TableError
        If it is damaged.
    """
    try:
        with _unpacking(file) as stream:
            yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise TableError(f"{file.label} is a damaged {file.compression} file: {error}.") from error
    except UnicodeDecodeError as error:
        raise TableError(
            f"{file.label} is not {error.encoding}: byte {error.object[error.start]:#04x} cannot be read. Name its "
            "encoding: --encoding."
        ) from error


@contextmanager
def _unpacking(file: SourceFile) -> Iterator[IO[bytes]]:
    if file.compression == "zip":
        with zipfile.ZipFile(file.path) as archive, archive.open(_member(file.path, archive)) as stream:
            yield stream
        return
    openers: dict[str, Any] = {"none": open, "gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open}
    with openers[file.compression](file.path, "rb") as stream:
        yield stream


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    """Return the only file in an archive."""
    names = [each.filename for each in archive.infolist() if not each.is_dir() and not _is_litter(each.filename)]
    if "[Content_Types].xml" in names:
        raise TableError(f"{path} is a workbook or another document, not a table: save the sheet as CSV.")
    if len(names) != 1:
        listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise TableError(f"{path} holds {len(names)} files ({listed}); it must hold one table. Unpack it.")
    return names[0]


def _is_litter(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].startswith(".")


def _is_workbook(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return "xl/workbook.xml" in archive.namelist()


def _head(file: IO[bytes]) -> bytes:
    """Return the first bytes of a file, none if the whole file is only blanks and line ends."""
    head = file.read(_HEAD)
    blocks = chain([head], iter(lambda: file.read(_HEAD), b""))
    return head if any(block.strip(b" \t\r\n\xef\xbb\xbf") for block in blocks) else b""


def _kind(path: Path, head: bytes) -> str:
    if kind := next((kind for begin, kind in _BEGINNINGS.items() if head.startswith(begin)), None):
        return kind
    if head.startswith(ARROW_STREAM) and _suffix(path) in _ARROW:
        return "arrow"
    if head.startswith(_ZIP) and zipfile.is_zipfile(path):
        return "workbook"
    if len(head) >= 4 and head[:2] == b"\0\0" and head[2] == 8 and head[3] in (1, 3):
        return "idx"
    return "json" if _suffix(path) in _JSON or _RECORD.match(head) else "csv"


def _suffix(path: Path) -> str:
    """Return the ending of a name, ignoring that of a compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return next((suffix for suffix in reversed(suffixes) if suffix not in COMPRESSED), "")
