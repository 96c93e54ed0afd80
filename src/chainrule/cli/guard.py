"""Errors of a command as one line with exit code 2, and warnings as one line each."""

from __future__ import annotations

import errno
import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import click

from chainrule._errors import ChainruleError

Command = TypeVar("Command", bound=Callable[..., Any])


class _BadInput(click.ClickException):
    exit_code = 2


def guarded(command: Command) -> Command:
    """Print the package's errors and warnings as one line each on standard error."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = _show
            try:
                return command(*args, **kwargs)
            except ChainruleError as error:
                raise _BadInput(" ".join(str(error).split())) from error
            except OSError as error:
                if error.errno == errno.EPIPE:  # the reader of a pipe has closed it: click exits without a message
                    raise
                raise _BadInput(f"the system says: {error}.") from error
            except MemoryError as error:
                raise _BadInput("the table does not fit into memory; take fewer rows or columns.") from error

    return run  # type: ignore[return-value]


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"Warning: {message}", file=sys.stderr)


def names(values: tuple[str, ...]) -> tuple[str, ...]:
    """Split an option that is given several times, or once with commas."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())
