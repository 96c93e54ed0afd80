"""The files that sources of tables mean, so that no output is put in their place or among them."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from chainrule._errors import InvalidParameterError
from chainrule.files.outputs import AnyPath, check_apart, resolved
from chainrule.table.database import connect
from chainrule.table.files import is_named_as_table, list_files
from chainrule.table.idx import labels_beside
from chainrule.table.query import Query, is_query


def check_outputs(outputs: Mapping[str, Iterable[AnyPath]], sources: Iterable[Any], *others: AnyPath) -> None:
    """See, before anything is read, that no output is an input, or would be one the next time.

    Parameters
    ----------
    outputs : mapping of str to iterable of path
        What each output is called in messages, and the places it takes.
    sources : iterable
        Tables to be read: paths, folders, patterns and queries; None and what is in memory hold no files.
    *others : path
        Other files that are read.

    Raises
    ------
    InvalidParameterError
        If an output is an input, lies among the files of a folder or a pattern that is read, or is another output.
    TableError
        If a query is none that reads.
    """
    names = [name for source in sources for name in _paths(source)]
    check_apart(outputs, [*others, *(path for name in names for path in _files(name))])
    for what, places in outputs.items():
        for place in places:
            if among := next((name for name in names if _would_take(name, place)), None):
                raise InvalidParameterError(
                    f"{what} would be one of the tables that {among} means. Give it a place elsewhere."
                )


def _paths(source: Any) -> Iterator[str]:
    if not isinstance(source, str | os.PathLike):
        return
    text = os.fspath(source)
    if not is_query(text):
        yield text
        return
    with closing(connect()) as connection:
        yield from Query.parsed(connection, text).paths


def _files(name: str) -> Iterator[Path]:
    for path in list_files(name):
        yield path
        if "idx" in path.name and (labels := labels_beside(path)) is not None:
            yield labels


def _would_take(name: str, place: AnyPath) -> bool:
    """Say whether a new file at a place would be read with those that a folder or a pattern means."""
    path, source = resolved(place), Path(os.path.expanduser(name))  # noqa: PTH111
    if os.path.isdir(source):  # noqa: PTH112 - a text in a query may be no path at all
        return path.parent == resolved(source) and is_named_as_table(path)
    return glob.has_magic(name) and not source.is_file() and path.match(str(resolved(source)))
