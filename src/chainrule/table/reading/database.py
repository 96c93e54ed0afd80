"""Open DuckDB, restricted to reading the files that are named.

No extension is installed or loaded (so nothing is read over a network), no name in a query means a Python variable, and
the settings of a connection cannot be changed. DuckDB is opened here only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten
from typing import TYPE_CHECKING

from chainrule._errors import TableError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

THREADS = 1  # a second thread saves a third of the time on a large file but costs 60 MB; with one, rows stay in order
_CLOSED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "python_scan_all_frames": "false",
    "enable_progress_bar": "false",
    "TimeZone": "'UTC'",
}


def connect(**settings: str) -> DuckDBPyConnection:
    """Open a DuckDB in memory; the library is imported on first use.

    Parameters
    ----------
    **settings : str
        Further settings of DuckDB, with their values as SQL.
    """
    import duckdb

    connection = duckdb.connect()
    for name, value in ({"threads": str(THREADS)} | _CLOSED | settings | {"lock_configuration": "true"}).items():
        connection.execute(f"SET {name} = {value}")
    return connection


@contextmanager
def connected(source: str, **settings: str) -> Iterator[DuckDBPyConnection]:
    """Open a connection, and turn DuckDB's errors into one line about the source; Ctrl-C stays what it is."""
    import duckdb

    connection = connect(**settings)
    try:
        yield connection
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except RuntimeError as error:
        if "Query interrupted" not in str(error):
            raise
        raise KeyboardInterrupt from None
    except duckdb.Error as error:
        raise TableError(f"{shorten(source, 80)} cannot be read: {_in_one_line(error)}") from error
    finally:
        connection.close()


def _in_one_line(error: Exception) -> str:
    """Keep what DuckDB says happened; drop its advice, which names options that do not exist here."""
    width = re.search(r"Error on Line: (\d+).*Expected Number of Columns: (\d+) Found: (\d+)", str(error), re.DOTALL)
    if width:
        line, expected, found = map(int, width.groups())
        return f"line {line:,} has {found:,} fields, where the others have {expected:,}. Give all rows the same number."
    said = re.split(r"\n\s*\n|\nPossible|\nThe search space|\nLINE |\nColumn |\n  |\s+Try ", str(error))[0]
    said = re.sub(r"^(\w+ )+Error: |\nOriginal Line:.*", "", said)
    return shorten(said, 300, placeholder=" ...")
