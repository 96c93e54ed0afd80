"""Several files as one table: what some of them lack is said, and what a model needs must be in each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from chainrule._errors import TableError
from chainrule.table.table_format import TableFormat

_MOST_NOTES = 5


def check_columns(columns: Mapping[Path, Collection[str]], known: TableFormat | None) -> Iterator[str]:
    """Yield a note for each column that some of the files lack; it is missing in their rows.

    Parameters
    ----------
    columns : mapping of Path to collection of str
        The names of each file's columns.
    known : TableFormat, optional
        The recorded format.

    Raises
    ------
    TableError
        If the files have no column in common, or one lacks a column that the format requires and others have.
    """
    names = tuple(dict.fromkeys(name for each in columns.values() for name in each))
    if len(columns) > 1 and not set.intersection(*map(set, columns.values())):
        first, *_, last = columns
        raise TableError(f"{last} has other columns than {first}; give tables of one kind.")
    without = {name: [path for path, each in columns.items() if name not in each] for name in names}
    lacking = {name: paths for name, paths in without.items() if paths}
    for name in known.required if known is not None else ():
        if paths := lacking.get(name):
            raise TableError(f"{paths[0]} lacks column {name!r}, which the model needs{_and_others(paths)}.")
    for name, paths in islice(lacking.items(), _MOST_NOTES):
        count = f"{len(paths):,} files lack" if len(paths) > 1 else f"{paths[0].name} lacks"
        yield f"{count} column {name!r}: missing there"
    if len(lacking) > _MOST_NOTES:
        yield f"{len(lacking) - _MOST_NOTES:,} more columns are not in all files"


def _and_others(paths: Sequence[Path]) -> str:
    return f"; so do {len(paths) - 1:,} more files" if len(paths) > 1 else ""
