"""The record of a search: one SQLite file, one row for each evaluation that is finished.

A row is written in one transaction when its evaluation ends, so a search that was killed finds every finished
evaluation. A fingerprint of data, candidates and settings prevents the use of the record by another search.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pickle import PicklingError
from typing import Any

import joblib  # type: ignore[import-untyped]

from chainrule._errors import InvalidParameterError, SearchRecordError
from chainrule._json import parsed
from chainrule._version import __version__
from chainrule.files.outputs import refusal
from chainrule.files.records import OUTCOME
from chainrule.files.shape import require
from chainrule.many.evaluation import Evaluation, Outcome

_SECONDS_TO_WAIT = 60  # for another process that is writing
_LONGEST = 2**24  # bytes of a text in the record
_TABLES = (
    "CREATE TABLE search (fingerprint TEXT NOT NULL)",
    "CREATE TABLE evaluation (iteration INTEGER, candidate INTEGER, split INTEGER, parameters TEXT, outcome TEXT, "
    "PRIMARY KEY (iteration, candidate, split))",
)


def fingerprint(*parts: Any) -> str:
    """Return a hash of everything that decides a search's results, including the version of chainrule.

    Raises
    ------
    InvalidParameterError
        If a part cannot be pickled.
    """
    try:
        return str(joblib.hash((__version__, parts)))
    except (PicklingError, TypeError, AttributeError) as error:
        raise InvalidParameterError(
            f"a search with a record needs parameters, scoring and data that can be pickled: {error}. Use functions of "
            "a module, or record=None."
        ) from error


class SearchRecord:
    """An open record."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def finished(self) -> dict[tuple[int, int, int], Outcome]:
        """Return the outcomes so far, by iteration, candidate and split."""
        rows = self._connection.execute("SELECT iteration, candidate, split, outcome FROM evaluation")
        return {(iteration, candidate, split): _outcome(text) for iteration, candidate, split, text in rows}

    def add(self, task: Evaluation, outcome: Outcome) -> None:
        """Write one outcome; it is on the disk when this returns. Floating-point numbers keep every bit."""
        text = json.dumps(outcome, default=float)  # NumPy's numbers are not all Python's
        row = (*task.place, repr(dict(task.parameters)), text)
        self._connection.execute("INSERT OR REPLACE INTO evaluation VALUES (?, ?, ?, ?, ?)", row)


@contextmanager
def open_record(path: Any, mark: str) -> Iterator[SearchRecord]:
    """Open the record of the search with this fingerprint, or create it.

    Raises
    ------
    SearchRecordError
        If the file belongs to another search, is not a record, or cannot be read or written.
    """
    if reason := refusal(path):
        raise SearchRecordError(f"the search record {path} cannot be used: {reason}. Give another file.")
    try:
        with closing(sqlite3.connect(path, timeout=_SECONDS_TO_WAIT, isolation_level=None)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            _check(connection, path, mark)
            yield SearchRecord(connection)
    except sqlite3.Error as error:
        raise SearchRecordError(f"the search record {path} cannot be used: {error}. Give another file.") from error


def _check(connection: sqlite3.Connection, path: Any, mark: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    made = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    if not made:
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute("INSERT INTO search VALUES (?)", (mark,))
    elif made != set(_TABLES):  # a trigger or a computed column is refused, too
        raise SearchRecordError(f"{path} is a database, but not the record of a search. Give another file.")
    elif connection.execute("SELECT fingerprint FROM search").fetchall() != [(mark,)]:
        raise SearchRecordError(
            f"{path} is the record of another search: data, estimator, candidates, splits, scoring, halving or the "
            "version of chainrule differ. Give another file, or delete this one. (With random_state=None, or a cv that "
            "shuffles without a seed, every start is another search.)"
        )
    connection.execute("COMMIT")


def _outcome(text: Any) -> Outcome:
    try:
        outcome: Outcome = parsed(text)
        require(outcome, OUTCOME, "an outcome")
    except (TypeError, ValueError) as error:
        raise SearchRecordError(f"the search record is damaged: {error}. Give another file, or delete it.") from error
    return outcome
