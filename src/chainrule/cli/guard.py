"""What every command promises: bad input gives one clear line and exit code 2, warnings one line each."""

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
    """Turn the package's errors into one line on standard error, and its warnings into lines as they come."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = _show
            try:
                return command(*args, **kwargs)
            except ChainruleError as error:
                raise _BadInput(" ".join(str(error).split())) from error
            except OSError as error:
                if error.errno == errno.EPIPE:  # the reader of a pipe went away: click ends quietly
                    raise
                raise _BadInput(f"the system says: {error}.") from error
            except MemoryError as error:
                raise _BadInput("the table does not fit into memory; take fewer rows or columns.") from error

    return run  # type: ignore[return-value]


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"Warning: {message}", file=sys.stderr)


def names(values: tuple[str, ...]) -> tuple[str, ...]:
    """Take an option given several times, or once with commas."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())
