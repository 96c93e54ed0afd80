"""Check that no output file replaces an input file or lies among the inputs."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.files.outputs import AnyPath, check_apart, resolved
from chainrule.table.reading.database import connected
from chainrule.table.reading.files import is_table_within, list_files
from chainrule.table.reading.idx import labels_beside
from chainrule.table.reading.query import Query, is_query
from chainrule.table.reading.sql import literal


def is_source(X: Any) -> bool:
    """Say whether X refers to a table that has still to be read: a path, a query, a lazy object."""
    # Of Dask, an Arrow dataset or reader, Polars; not an Arrow table, which is in memory.
    lazy = ("__dask_graph__", "scanner", "read_next_batch", "sink_parquet")
    return isinstance(X, str | os.PathLike) or any(hasattr(X, name) for name in lazy)


def check_outputs(outputs: Mapping[str, Iterable[AnyPath]], sources: Iterable[Any], *others: AnyPath) -> None:
    """Check, before anything is read, that no output is an input, or would be one at the next run.

    Parameters
    ----------
    outputs : mapping of str to iterable of path
        For each output, its name in messages and the paths that it writes.
    sources : iterable
        Tables to be read: paths, folders, patterns, queries, Arrow datasets and memory-mapped arrays. None and objects
        in memory mean no files.
    *others : path
        Other files that are read.

    Raises
    ------
    InvalidParameterError
        If an output is an input, lies among the files of a folder or a pattern that is read, or is another output.
    TableError
        If a query does not only read.
    """
    read = [each for source in sources for each in _read(source)]
    names = [name for name, _ in read]
    check_apart(outputs, [*others, *(path for _, files in read for path in files)])
    for what, places in outputs.items():
        for place in places:
            if among := next((name for name in names if _would_take(name, place)), None):
                raise InvalidParameterError(
                    f"{what} would be one of the tables that {among} means. Give it a place elsewhere."
                )


def _read(source: Any) -> Iterator[tuple[str, list[Path]]]:
    """Yield each name in a source, with the files that are read for it."""
    if not isinstance(source, str | os.PathLike):
        yield "", _behind(source)
        return
    text = os.fspath(source)
    if not is_query(text):
        yield text, list(_files(text))
        return
    with connected(text) as connection:
        query = Query.parsed(connection, text)
        for name in (*query.paths, *query.arguments):  # patterns are DuckDB's, with ** for nested folders
            found = connection.execute(f"SELECT file FROM glob({literal(name)})").fetchall()
            yield name, [*_files(name), *(Path(file) for (file,) in found)]
        yield from ((name, [Path(name)]) for name in query.arguments if os.path.isdir(name))  # noqa: PTH112 - all in it


def _behind(source: Any) -> list[Path]:
    """Return the files of objects that read them later: Arrow datasets, memory-mapped arrays."""
    if isinstance(source, np.memmap):
        return [Path(source.filename)] if source.filename else []
    if not hasattr(type(source), "scanner"):
        return []
    base = Path(getattr(getattr(source, "filesystem", None), "base_path", ""))  # of a file system within another
    files = [base / file for file in getattr(source, "files", ())]
    return files + [path for part in getattr(source, "children", ()) for path in _behind(part)]


def _files(name: str) -> Iterator[Path]:
    for path in list_files(name):
        yield path
        if "idx" in path.name and (labels := labels_beside(path)) is not None:
            yield labels


def _would_take(name: str, place: AnyPath) -> bool:
    """Say whether a new file at this path would be one of those that a folder or a pattern means."""
    path, source = resolved(place), Path(os.path.expanduser(name))  # noqa: PTH111
    if os.path.isdir(source):  # noqa: PTH112 - a text in a query need not be a valid path
        folder = resolved(source)
        return path.is_relative_to(folder) and is_table_within(path.relative_to(folder))
    return glob.has_magic(name) and not source.is_file() and _matches(path.parts, resolved(source).parts)


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Say whether a path matches a pattern, with ** for any number of folders."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_matches(path[start:], pattern[1:]) for start in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])
