"""The target: classes or numbers to predict, inferred from the target column and fixed for every later table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from chainrule._errors import InvalidParameterError, TargetError
from chainrule.network.types import Array
from chainrule.table.column_summary import MAX_DIFFERENT, ColumnSummary
from chainrule.table.columns import Column, Table, spell
from chainrule.table.schema import MIN_IDENTIFIERS

Task = Literal["classification", "regression"]
Label = str | int | float | bool
Transform = Literal["none", "log", "log1p"]

MAX_NUMBER_CLASSES = 20  # up to this many whole numbers, from 0 or 1 without a gap, are class labels


@dataclass(frozen=True)
class Target:
    """The columns to predict, and how their values are encoded for the network.

    Parameters
    ----------
    names : tuple of str
        One column, or several for regression with several outputs.
    task : {"classification", "regression"}
    reason : str
        The reason for this task, in words.
    classes : tuple
        The labels in sorted order, in their own type; empty for regression.
    centre, scale : tuple of float
        Mean and standard deviation of each regression target over the training rows, of its logarithm if it has one.
    transform : {"none", "log", "log1p"}
        The logarithm of each regression target that is learned instead of it: log(y), or log(1 + y).

    Raises
    ------
    TargetError
        If centre or scale are not finite.
    """

    names: tuple[str, ...]
    task: Task
    reason: str
    classes: tuple[Label, ...] = ()
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    transform: Transform = "none"

    def __post_init__(self) -> None:
        for name, centre, scale in zip(self.names, self.centre, self.scale, strict=False):
            if not (math.isfinite(centre) and math.isfinite(scale) and scale > 0):
                raise TargetError(
                    f"Target {name!r} is too large to be standardised: its variance is not finite. Scale it, or mend "
                    "its largest values."
                )

    def __repr__(self) -> str:
        classes = f", {len(self.classes):,} classes" if self.classes else ""
        return f"Target({_listed(self.names)}, {self.task}{classes})"

    def missing(self, table: Table) -> Array:
        """Return a mask of the rows without a target value: ndarray of shape (m,), bool."""
        return np.logical_or.reduce([table[name].missing for name in self.names])

    def encode(self, table: Table, rows: Array | None = None) -> Array:
        """Encode the target values, numbers in the units of the table.

        Parameters
        ----------
        table : Table
        rows : ndarray of int or bool, optional
            Rows that have a target value; all by default.

        Returns
        -------
        ndarray
            Class codes of shape (m,), int64; or numbers of shape (m, k), float64.

        Raises
        ------
        TargetError
            If a value is missing, is none of the classes, or is not a number.
        """
        chosen = table if rows is None else Table(tuple(table[name].take(rows) for name in self.names), table.source)
        missing = self.missing(chosen)
        if missing.any():
            raise TargetError(f"{missing.sum():,} rows lack a value of {', '.join(self.names)}; leave them out first.")
        if self.task == "regression":
            return np.column_stack([_numbers(chosen[name]) for name in self.names])
        text = chosen[self.names[0]].as_text()
        codes, _ = self._matched(text)
        return codes[text.values]

    def strata(self, y: Array) -> dict[str, Array]:
        """Return the strata of a split, as arguments of `chainrule.table.holdout.holdout`.

        These are the encoded classes, or the numbers of the first target.
        """
        return {"classes": y} if self.task == "classification" else {"values": y[:, 0]}

    def notes(self, table: Table) -> tuple[str, ...]:
        """List the labels of a table that are spelled differently from training, but were recognised."""
        if self.task == "regression":
            return ()
        _, respelled = self._matched(table[self.names[0]].as_text())
        said = ", ".join(f"{label!r} read as {known!r}" for label, known in respelled.items())
        return (f"{self.names[0]}: {said}",) if said else ()

    def _matched(self, text: Column) -> tuple[Array, dict[str, str]]:
        """Return the class code of every label, and the labels spelled differently with the class each was read as.

        Case, surrounding blanks and a final full stop are ignored unless two classes differ only by them.
        """
        spelled = [
            spell(np.float64(label), "number") if isinstance(label, float) else str(label) for label in self.classes
        ]
        exact = {label: code for code, label in enumerate(spelled)}
        loose = {_loosely(label): code for code, label in enumerate(spelled)}
        if len(loose) < len(exact):
            loose = {}
        codes = np.array([exact.get(level, loose.get(_loosely(level), -1)) for level in text.levels], np.int64)
        used = np.unique(text.values[text.values >= 0])
        unknown = [text.levels[level] for level in used if codes[level] < 0]
        if unknown:
            raise TargetError(
                f"Target {self.names[0]!r} has labels that training did not have: {_listed(unknown)}; "
                f"the classes are {_listed(spelled)}."
            )
        return codes, {text.levels[level]: spelled[codes[level]] for level in used if text.levels[level] not in exact}

    @property
    def n_outputs(self) -> int:
        """The number of outputs of the network; two classes share one."""
        if self.task == "regression":
            return len(self.names)
        return 1 if len(self.classes) == 2 else len(self.classes)

    def to_network(self, y: Array) -> Array:
        """Return the network's targets from encoded ones, (m, n[L]): 0/1 or one-hot columns, or standardised numbers.

        Examples
        --------
        >>> Target(("grade",), "classification", "", ("a", "b", "c")).to_network(np.array([2, 0])).astype(int).tolist()
        [[0, 0, 1], [1, 0, 0]]
        """
        if self.task == "regression":
            return self.standardise(y)
        return (y == 1)[:, None] if self.n_outputs == 1 else y[:, None] == np.arange(len(self.classes))

    def from_network(self, Y: Array) -> Array:
        """Return class codes (m,) or numbers (m, k) in the units of the table, the inverse of `to_network`."""
        if self.task == "regression":
            return self.to_units(Y.astype(np.float64))
        return Y[:, 0].astype(np.int64) if self.n_outputs == 1 else Y.argmax(axis=1)

    def standardise(self, y: Array) -> Array:
        """Standardise regression targets (m, k), or their logarithms, by those of the training rows."""
        return (self.transformed(y) - np.array(self.centre)) / np.array(self.scale)

    def transformed(self, y: Array) -> Array:
        """Return regression targets, or their logarithms if these are learned."""
        return y if self.transform == "none" else np.log(y) if self.transform == "log" else np.log1p(y)

    def to_units(self, Z: Array) -> Array:
        """Return standardised values (m, k) in the units of the table, the inverse of `standardise`.

        Examples
        --------
        >>> target = Target(("price",), "regression", "", centre=(100.0,), scale=(10.0,))
        >>> target.to_units(np.array([[0.0], [1.5]])).tolist()
        [[100.0], [115.0]]
        """
        y: Array = Z * np.array(self.scale) + np.array(self.centre)
        if self.transform == "none":
            return y
        with np.errstate(over="ignore"):  # far from the training rows: infinite
            return np.exp(y) if self.transform == "log" else np.maximum(np.expm1(y), 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the target as plain data for JSON; `from_dict` restores it exactly."""
        data = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return data if self.transform != "none" else {key: data[key] for key in data if key != "transform"}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Target:
        """Return the target that `to_dict` wrote."""
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**fields)


def infer_target(
    table: Table,
    names: Iterable[str | int],
    task: str = "auto",
    *,
    summaries: Mapping[str, ColumnSummary] | None = None,
) -> Target:
    """Infer from the target's values whether to predict classes or numbers.

    Text and truth values are classes; so are two different numbers, and at most 20 whole numbers that run from 0 or 1
    without a gap. Other numbers are regression targets; several targets always are.

    Parameters
    ----------
    table : Table
    names : iterable of str or int
        The target columns, by name or position.
    task : {"auto", "classification", "regression"}
        "auto", the default, infers it.
    summaries : mapping of str to ColumnSummary, optional
        The summary of each whole target column, with its tally, if the table is only a batch or has no rows.

    Returns
    -------
    Target
        Its `centre` and `scale` have still to be measured on the training rows.

    Raises
    ------
    TableError
        If there is no such column.
    TargetError
        If there is no value or only one class, nearly every value is a class of its own, or a regression target does
        not hold numbers.
    InvalidParameterError
        If `task` is none of the three.

    Examples
    --------
    >>> table = Table((Column("grade", "number", np.array([1, 2, 3, 2])), Column("price", "number", np.arange(4) / 3)))
    >>> infer_target(table, ["grade"]).classes
    (1, 2, 3)
    >>> infer_target(table, ["price"]).task
    'regression'
    """
    columns = [table[name] for name in names]
    if task not in {"auto", "classification", "regression"}:
        raise InvalidParameterError(f"task must be 'auto', 'classification' or 'regression', got {task!r}.")
    if not columns:
        raise TargetError("At least one target column must be named.")
    measured = [
        ColumnSummary.of(column, tally=True) if summaries is None else summaries[column.name] for column in columns
    ]
    for column in measured:
        if not column.present:
            raise TargetError(f"Target {column.name!r} has no values: all {column.rows:,} rows are missing.")
    inferred, reason = _infer(measured)
    chosen = inferred if task == "auto" else task
    found = tuple(column.name for column in columns)
    if chosen == "regression":
        for column in measured:
            if column.kind in {"text", "date"}:
                raise _no_numbers(column)
        return Target(found, "regression", reason if task == "auto" else "as requested")
    if len(columns) > 1:
        raise TargetError(f"Classification predicts one column, got {len(columns)}: {_listed(found)}. Name one target.")
    return Target(found, "classification", reason if task == "auto" else "as requested", _classes(measured[0]))


def _infer(columns: list[ColumnSummary]) -> tuple[Task, str]:
    """Return the task that fits the values, and why."""
    if len(columns) > 1:
        return "regression", f"{len(columns)} targets"
    column = columns[0]
    if column.kind in {"text", "boolean"}:
        return "classification", "text" if column.kind == "text" else "true or false"
    if column.kind == "date":
        return "regression", "dates"
    if column.tally is None:
        return "regression", f"numbers, over {MAX_DIFFERENT:,} different"
    different = column.tally.values.astype(np.float64)
    k = len(different)
    if k <= 2:
        return "classification", f"{k} different numbers"
    if k <= MAX_NUMBER_CLASSES and different[0] in {0, 1} and np.array_equal(np.diff(different), np.ones(k - 1)):
        return "classification", f"whole numbers {different[0]:.0f} to {different[-1]:.0f}"
    return "regression", f"numbers, {k:,} different"


def _classes(summary: ColumnSummary) -> tuple[Label, ...]:
    """Return the labels of a column in sorted order, in their own type; there must be at least two."""
    if summary.low == summary.high:
        raise TargetError(
            f"Target {summary.name!r} has one class only, {summary.spelled(summary.low)!r}; at least two are needed to "
            "learn from."
        )
    column = summary.column
    if summary.tally is None:
        raise TargetError(f"Target {summary.name!r} has over {MAX_DIFFERENT:,} classes. Is it the right column?")
    found = summary.tally.values
    if len(found) > summary.present / 2 and summary.present >= MIN_IDENTIFIERS:
        raise TargetError(
            f"Target {summary.name!r} has {len(found):,} classes in {summary.present:,} rows; a class must repeat "
            "to be learnt. Is it the right column, or should its numbers be predicted (regression)?"
        )
    if column.kind == "text":
        if not column.levels:
            raise TargetError(f"Target {column.name!r} has {column.note}: {len(found):,} classes.")
        return tuple(column.levels[code] for code in found)
    if column.kind == "boolean":
        return tuple(bool(value) for value in found)
    numbers = [value.item() for value in found.astype(np.float64)]
    return tuple(int(number) if number.is_integer() else number for number in numbers)


def _numbers(column: Column) -> Array:
    """Return a regression target as float64, NaN where missing."""
    if column.kind in {"text", "date"}:
        raise _no_numbers(ColumnSummary.of(column))
    return column.values.astype(np.float64)


def _no_numbers(summary: ColumnSummary) -> TargetError:
    return TargetError(f"Regression target {summary.name!r} must hold numbers, but it has {summary.example}.")


def _loosely(label: str) -> str:
    return label.strip().removesuffix(".").rstrip().casefold()


def _listed(labels: Iterable[str], most: int = 8) -> str:
    labels = list(labels)
    return ", ".join(map(repr, labels[:most])) + (f" and {len(labels) - most} more" if len(labels) > most else "")
