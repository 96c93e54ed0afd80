"""Text files in the form that DuckDB reads: UTF-8, with one kind of line end, and fields that a delimiter separates.

A file of another form is copied into that form once, before anything is read from it.
"""

from __future__ import annotations

import codecs
import csv
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from chainrule._errors import TableError
from chainrule.table.reading.csv.dialect import csv_arguments
from chainrule.table.reading.files import SourceFile, file_literal, opened_bytes
from chainrule.table.table_format import Dialect

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BLOCK = 1 << 20  # characters or bytes handled at a time
SAMPLE = 1 << 20  # characters of the sample in which the dialect is found
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_LONGEST = 1 << 24  # characters of the longest field


@dataclass(frozen=True)
class TextFile:
    """A text file in a form that DuckDB reads, perhaps a copy.

    Parameters
    ----------
    file : SourceFile
    encoding : str
        The encoding of the original.
    notes : tuple of str
    """

    file: SourceFile
    encoding: str
    notes: tuple[str, ...] = ()


def as_text_file(connection: DuckDBPyConnection, file: SourceFile, folder: Path, encoding: str | None) -> TextFile:
    """Return a text file in a form that DuckDB reads.

    Parameters
    ----------
    connection : DuckDBPyConnection
    file : SourceFile
    folder : Path
        Where to write a copy, if one is needed.
    encoding : str, optional
        Found by default: UTF-8, UTF-16 with its mark, or else cp1252.

    Raises
    ------
    TableError
        If the file is damaged, or not in that encoding.
    """
    if file.compression == "zstd":
        file = _unpacked(connection, file, folder)
    found = _Survey.of(file, encoding)
    name = "utf-8" if found.is_utf8 else found.encoding
    notes = () if found.is_utf8 or encoding else (f"not UTF-8: read as {name}; --encoding if it is another",)
    if found.is_utf8 and found.ends_alike and file.compression in ("none", "gzip"):
        return TextFile(file, name, notes)
    copy = _new(folder)
    with opened_bytes(file) as stream, copy.open("wb") as out:
        for text in _blocks(stream, "utf-8-sig" if found.is_utf8 else found.encoding):
            out.write(re.sub("\r+\n|\r", "\n", text).encode())
    return TextFile(replace(file, path=copy, compression="none", origin=file.label), name, notes)


def unpacked(file: SourceFile, folder: Path) -> SourceFile:
    """Return a file that DuckDB can decompress, or an uncompressed copy; of JSON, without a byte-order mark."""
    if file.compression not in ("bz2", "xz", "zip") and not (file.kind == "json" and _is_marked(file)):
        return file
    copy = _new(folder)
    with opened_bytes(file) as stream, copy.open("wb") as out:
        out.write(stream.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8))
        shutil.copyfileobj(stream, out)
    return replace(file, path=copy, compression="none", origin=file.label)


def _is_marked(file: SourceFile) -> bool:
    if file.compression == "zstd":  # which the standard library cannot look into
        return False
    with opened_bytes(file) as stream:
        return stream.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8


def sample_of(file: SourceFile) -> str:
    """Return the first lines of a file in the form that DuckDB reads."""
    with opened_bytes(file) as stream:
        head = stream.read(SAMPLE)
        rest = stream.readline()
    return (head + rest).decode("utf-8-sig")


def with_tabs(file: SourceFile, dialect: Dialect, folder: Path) -> tuple[SourceFile, Dialect]:
    """Copy a file whose fields are separated by blanks, or have blanks before their quotes, to one with tabs."""
    copy, before = _new(folder), csv.field_size_limit(_LONGEST)
    try:
        with opened_bytes(file) as stream, copy.open("w", newline="", encoding="utf-8") as out:
            lines = (line for block in _blocks(stream, "utf-8-sig") for line in block.splitlines(keepends=True))
            out.writelines(line.replace("\t", " ") for line in islice(lines, dialect.skip))
            stripped = (line.strip(" \t\r\n").replace("\t", " ") + "\n" for line in lines)
            source = stripped if dialect.delimiter == " " else lines
            writer = csv.writer(out, delimiter="\t", lineterminator="\n")
            writer.writerows(csv.reader(source, **csv_arguments(dialect)))
    finally:
        csv.field_size_limit(before)
    return replace(file, path=copy, compression="none", origin=file.label), replace(
        dialect, delimiter="\t", quote='"', escape='"'
    )


@dataclass(frozen=True)
class _Survey:
    """What a file's bytes say: whether they are UTF-8, and how lines end."""

    is_utf8: bool
    encoding: str
    ends_alike: bool
    has_line_feeds: bool

    @classmethod
    def of(cls, file: SourceFile, encoding: str | None) -> _Survey:
        decoder = codecs.getincrementaldecoder("utf-8")()
        crlf = lf = cr = 0
        is_utf8, odd, head, end = encoding is None or _is_utf8(encoding), False, b"", b""
        with opened_bytes(file) as stream:
            while block := stream.read(_BLOCK):
                head = head or block[:4]
                crlf += (end[-1:] + block).count(b"\r\n")
                lf, cr = lf + block.count(b"\n"), cr + block.count(b"\r")
                odd = odd or b"\r\r\n" in end + block
                is_utf8 = is_utf8 and _decodes(decoder, block, final=False)
                end = block[-2:]
            is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
        marked = next((name for bom, name in _BOMS.items() if head.startswith(bom)), None)
        if encoding is None and marked:
            is_utf8 = False
        chosen = encoding or marked or "cp1252"
        wide = not is_utf8 and chosen.startswith("utf-16")
        alike = not wide and crlf in (0, lf) and not odd and (lf > 0 or cr == 0)
        return cls(is_utf8, chosen, alike, wide or lf > 0)


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError as error:
        raise TableError(
            f"{encoding!r} is no encoding that Python knows; give one such as cp1252 or utf-16."
        ) from error


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _blocks(stream: IO[bytes], encoding: str) -> Iterator[str]:
    """Yield a stream's text in blocks of whole lines."""
    errors = "latin1-of-cp1252" if encoding == "cp1252" else "strict"
    text = TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")
    try:
        while block := text.read(_BLOCK):
            yield block + text.readline()  # so that no block ends between CR and LF
    finally:
        text.detach()  # the stream is closed by whoever opened it


def _control(error: UnicodeError) -> tuple[str, int]:
    """Read a byte that cp1252 leaves open as Latin-1 does."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("latin1-of-cp1252", _control)


def _unpacked(connection: DuckDBPyConnection, file: SourceFile, folder: Path) -> SourceFile:
    copy = _new(folder)
    with copy.open("wb") as out:
        out.writelines(_unpacked_lines(connection, file))
    return replace(file, path=copy, compression="none", origin=file.label)


def _unpacked_lines(connection: DuckDBPyConnection, file: SourceFile) -> Iterator[bytes]:
    """Let DuckDB decompress a file, which the standard library cannot; its lines are not parsed."""
    raw = "auto_detect=false, header=false, delim='\x01', quote='', escape='', columns={'line': 'VARCHAR'}"
    cursor = connection.cursor()
    cursor.execute(f"FROM read_csv({file_literal(file)}, {raw}, compression='zstd')")
    while lines := cursor.fetchmany(4096):
        yield b"".join((line or "").encode() + b"\n" for (line,) in lines)


def _new(folder: Path) -> Path:
    return folder / f"{len(list(folder.iterdir()))}.txt"
