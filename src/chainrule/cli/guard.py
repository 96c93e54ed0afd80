"""Errors of a command as one line with exit code 2, and warnings as one line each."""

from __future__ import annotations

import errno
import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from chainrule._errors import ChainruleError
from chainrule.cli.terminal import one_line, say, shown

Command = TypeVar("Command", bound=Callable[..., Any])


class _BadInput(click.ClickException):
    exit_code = 2


def guarded(command: Command) -> Command:
    """Print the package's errors and warnings as one line each on standard error."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings(), errors_in_one_line():
            warnings.showwarning = _show
            return command(*args, **kwargs)

    return run  # type: ignore[return-value]


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Turn the errors that a user can do something about into one line each."""
    try:
        yield
    except click.ClickException as error:  # names a file or a column as it was given
        vars(error)["message"] = shown(error.message)  # where it is kept until it is shown
        raise
    except ChainruleError as error:
        raise _BadInput(one_line(" ".join(str(error).split()))) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of a pipe has closed it: click exits without a message
            raise
        raise _BadInput(one_line(f"the system says: {error}.")) from error
    except Exception as error:
        if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryException":  # which is DuckDB's
            raise
        raise _BadInput("the table does not fit into memory; take fewer rows or columns.") from error


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"Warning: {one_line(message)}", err=True)


def names(values: tuple[str, ...]) -> tuple[str, ...]:
    """Split an option that is given several times, or once with commas."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())
