"""The options of `chainrule train` about the format of a table, for where it is not found rightly."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chainrule._errors import InvalidParameterError

if TYPE_CHECKING:
    from chainrule.table.table_format import ReadOptions

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--delimiter", help="What separates fields: one character, 'tab' or 'blanks'."),
    click.option("--header/--no-header", default=None, help="Whether the first line names the columns."),
    click.option("--encoding", help="Encoding of a text file, such as cp1252, utf-16 or shift_jis."),
    click.option("--decimal", type=click.Choice([".", ","]), help="Decimal sign of numbers."),
    click.option("--date-format", help="ymd, dmy, mdy, or a format such as %d.%m.%Y."),
    click.option("--missing", multiple=True, help="Text that means missing, instead of NA, ?, null, ...; repeatable."),
    click.option("--skip", type=click.IntRange(0), help="Number of lines above the header."),
)


def read_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given_read_options(options: dict[str, Any]) -> ReadOptions:
    """Return what the options say.

    Raises
    ------
    InvalidParameterError
        If the delimiter is no character, or the date format lacks a part of a date.
    """
    from chainrule.table.table_format import ReadOptions

    delimiter, date_format = options["delimiter"], options["date_format"]
    if delimiter is not None and len(delimiter) != 1 and delimiter not in ("tab", "blanks"):
        raise InvalidParameterError(f"--delimiter must be one character, 'tab' or 'blanks', got {delimiter!r}.")
    if date_format is not None and date_format not in ("ymd", "dmy", "mdy") and "%" not in date_format:
        wanted = "ymd, dmy, mdy or one such as %d.%m.%Y"
        raise InvalidParameterError(f"--date-format must be {wanted}, got {date_format!r}.")
    return ReadOptions(
        delimiter,
        options["header"],
        options["encoding"],
        options["decimal"],
        date_format,
        tuple(options["missing"]) or None,
        options["skip"],
    )
