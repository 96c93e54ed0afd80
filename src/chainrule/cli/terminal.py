"""What the commands print: control characters from a table or a file name are shown as escapes, never sent."""

from __future__ import annotations

import codecs
import sys
import unicodedata
from typing import Any, BinaryIO

import click

_HARMLESS = "\u200c\u200d\u2061\u2062\u2063\u2064"  # words, emoji and formulas are written with them


def shown(text: str) -> str:
    """Return a text whose control characters, but for line feeds, are written as in Python's source.

    A terminal obeys escape sequences, and some characters change the order in which others are shown: a name of a
    column could erase what stands above it, or pass for another.

    Examples
    --------
    >>> print(shown("\\x1b[31mred\\u202e"))
    \\x1b[31mred\\u202e
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(_escape(letter) if _controls(letter) else letter for letter in text)


def one_line(text: Any) -> str:
    """Return a name in one line, its control characters and line feeds as escapes.

    Examples
    --------
    >>> print(one_line("two\\nlines"))
    two\\nlines
    """
    return shown(str(text).replace("\n", "\\n"))


def say(text: Any, *, err: bool = False, nl: bool = True) -> None:
    """Print a text to standard output, or to standard error.

    Raises
    ------
    ChainruleError
        If there is no standard output.
    """
    if not err:
        check_output()
    click.echo(shown(str(text)), err=err, nl=nl)


def check_output() -> None:
    """Raise ChainruleError if standard output is closed: nobody would get what a command was asked for."""
    if sys.stdout is None:
        from chainrule._errors import ChainruleError

        raise ChainruleError("standard output is closed. Leave it open, or send it to a file.")


def standard_output() -> BinaryIO:
    """Return standard output for bytes; a terminal gets them with control characters as escapes."""
    check_output()
    return _Escaping(sys.stdout.buffer) if sys.stdout.isatty() else sys.stdout.buffer  # type: ignore[return-value]


class _Escaping:
    """A stream of UTF-8 text that is shown."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._decoder = stream, codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, content: bytes) -> int:
        self._stream.write(shown(self._decoder.decode(content)).encode())
        return len(content)


def _controls(letter: str) -> bool:
    return letter != "\n" and letter not in _HARMLESS and unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
