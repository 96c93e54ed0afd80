"""The record of a search: one SQLite file, one row for each evaluation that is finished.

A row is written in one transaction when its evaluation ends, so a search that was killed finds every finished
evaluation. A row is found again by its parameters, so a search may get further candidates later. Fingerprints of the
data, the estimator and the scoring, also of their code, prevent the use of the record by another search.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from chainrule._errors import InvalidParameterError, SearchRecordError
from chainrule._json import parsed
from chainrule.files.lock import locked
from chainrule.files.outputs import refusal
from chainrule.files.records import OUTCOME
from chainrule.files.shape import require
from chainrule.fit.code_digest import digest
from chainrule.many.evaluation import Evaluation, Outcome

_SECONDS_TO_WAIT = 60  # for another process that is writing
_LONGEST = 2**24  # bytes of a text in the record
_TABLES = (
    "CREATE TABLE search (part TEXT PRIMARY KEY, fingerprint TEXT NOT NULL)",
    "CREATE TABLE evaluation (candidate TEXT, split INTEGER, parameters TEXT, outcome TEXT, "
    "PRIMARY KEY (candidate, split))",
)


def fingerprint(part: Any) -> str:
    """Return a hash of something that decides the results of a search, and of the code in it.

    Raises
    ------
    InvalidParameterError
        If it cannot be known what it is.
    """
    try:
        return digest(part)
    except InvalidParameterError as error:
        raise InvalidParameterError(
            f"a search with a record needs an estimator, parameters, scoring and data that are the same at each start: "
            f"{error}. Use objects that can be pickled, or record=None."
        ) from error


class SearchRecord:
    """An open record."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def finished(self, tasks: Iterable[Evaluation]) -> dict[tuple[int, int, int], Outcome]:
        """Return the outcomes so far of those tasks that are finished, by their places."""
        found = {}
        for task in tasks:
            asked = "SELECT outcome FROM evaluation WHERE candidate = ? AND split = ?"
            for (text,) in self._connection.execute(asked, (_key(task), task.split)):
                found[task.place] = _outcome(text)
        return found

    def add(self, task: Evaluation, outcome: Outcome) -> None:
        """Write one outcome; it is on the disk when this returns. Floating-point numbers keep every bit."""
        text = json.dumps(outcome, default=float)  # NumPy's numbers are not all Python's
        row = (_key(task), task.split, repr(dict(task.parameters)), text)
        self._connection.execute("INSERT OR REPLACE INTO evaluation VALUES (?, ?, ?, ?)", row)


def _key(task: Evaluation) -> str:
    """Identify a candidate, and with halving the rows that it is given."""
    return fingerprint((dict(task.parameters), task.share))


@contextmanager
def open_record(path: Any, parts: Mapping[str, Any]) -> Iterator[SearchRecord]:
    """Open the record of a search, or create it.

    Parameters
    ----------
    path : path-like
    parts : mapping of str to object
        What decides the results of the search, by the names that are given to it in messages.

    Raises
    ------
    SearchRecordError
        If the file belongs to another search, is not a record, cannot be read or written, or another search uses it
        now.
    """
    if reason := refusal(path):
        raise SearchRecordError(f"the search record {path} cannot be used: {reason}. Give another file.")
    marks = {name: fingerprint(part) for name, part in parts.items()}
    file = Path(path)
    alone = locked(file.with_name(f"{file.name}.lock"), f"the search record {path}", SearchRecordError)
    try:
        with alone, closing(sqlite3.connect(path, timeout=_SECONDS_TO_WAIT, isolation_level=None)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            _check(connection, path, marks)
            yield SearchRecord(connection)
    except sqlite3.Error as error:
        raise SearchRecordError(f"the search record {path} cannot be used: {error}. Give another file.") from error


def _check(connection: sqlite3.Connection, path: Any, marks: dict[str, str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    made = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    if not made:
        for statement in _TABLES:
            connection.execute(statement)
        connection.executemany("INSERT INTO search VALUES (?, ?)", marks.items())
    elif made != set(_TABLES):  # a trigger or a computed column is refused, too
        raise SearchRecordError(f"{path} is a database, but not the record of a search. Give another file.")
    else:
        theirs = dict(connection.execute("SELECT part, fingerprint FROM search").fetchall())
        if differing := [name for name, mark in marks.items() if theirs.get(name) != mark]:
            raise SearchRecordError(
                f"{path} is the record of another search: what differs is {', '.join(differing)}. Restore what it was, "
                "give another file, or delete this one."
            )
    connection.execute("COMMIT")


def _outcome(text: Any) -> Outcome:
    try:
        outcome: Outcome = parsed(text)
        require(outcome, OUTCOME, "an outcome")
    except (TypeError, ValueError) as error:
        raise SearchRecordError(f"the search record is damaged: {error}. Give another file, or delete it.") from error
    return outcome
