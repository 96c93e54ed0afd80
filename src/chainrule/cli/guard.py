"""Errors of a command as one line with exit code 2, warnings as one line each; Ctrl-C and SIGTERM as one line, too."""

from __future__ import annotations

import errno
import functools
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from chainrule._errors import ChainruleError
from chainrule.cli.interruptions import exit_code, name, too_late
from chainrule.cli.terminal import one_line, say, shown

Command = TypeVar("Command", bound=Callable[..., Any])


class _BadInput(click.ClickException):
    exit_code = 2


class _Interrupted(click.ClickException):
    """Has the exit code that shells give: 130 after Ctrl-C, 143 after SIGTERM."""

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        return exit_code() or 128 + signal.SIGINT

    def show(self, file: Any = None) -> None:
        begin = "\n" if sys.stderr.isatty() else ""  # behind the ^C of the terminal
        say(f"{begin}Interrupted by {name()}{self.message}.", err=True)


def guarded(command: Command) -> Command:
    """Print the package's errors and warnings as one line each on standard error.

    After a signal the exit code is 130 or 143, also where the command has come to an end: `train && deploy` stops.
    """

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings(), errors_in_one_line():
            warnings.showwarning = _show
            result = command(*args, **kwargs)
        if exit_code() is not None:
            too_late()
            raise _Interrupted("; what was complete is kept")
        return result

    return run  # type: ignore[return-value]


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Turn the errors that a user can do something about, and interruptions, into one line each."""
    try:
        yield
    except KeyboardInterrupt as error:
        too_late()
        raise _Interrupted(" before the end") from error
    except click.exceptions.Exit:
        raise
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
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException":  # which is DuckDB's
            raise _BadInput("the table does not fit into memory; take fewer rows or columns.") from error
        too_late()
        if exit_code() is None:
            raise
        raise _Interrupted(" before the end") from error  # a library has turned it into another error


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"Warning: {one_line(message)}", err=True)


def names(values: tuple[str, ...]) -> tuple[str, ...]:
    """Split an option that is given several times, or once with commas."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())
