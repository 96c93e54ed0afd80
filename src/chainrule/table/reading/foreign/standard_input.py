"""Keep standard input as a file for as long as a command reads it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from chainrule._errors import ChainruleError, TableError

NAME = "standard input"


@contextmanager
def stored_input(source: str) -> Iterator[str]:
    """Yield a source as it is; for `-`, standard input in a temporary file, since a table is read several times.

    Raises
    ------
    TableError
        If nothing comes from standard input, or it is a terminal.
    """
    if source != "-":
        yield source
        return
    if sys.stdin.isatty():
        raise TableError("- is standard input, which is the terminal: pipe a table into it.")
    with TemporaryDirectory(prefix="chainrule-") as folder:
        path = Path(folder, NAME)
        with path.open("wb") as out:
            shutil.copyfileobj(sys.stdin.buffer, out)
        try:
            yield str(path)
        except ChainruleError as error:
            raise type(error)(str(error).replace(str(path), NAME)) from error
