"""What each column is good for, decided before training and open to the user's overrides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np

from chainrule._errors import InvalidParameterError, TableError
from chainrule.table.column_summary import ColumnSummary
from chainrule.table.columns import Table

Role = Literal["numeric", "categorical", "boolean", "date", "ordinal", "pixel", "dropped"]
Key = str | int

MIN_IDENTIFIERS = 20  # fewer rows that all differ prove nothing
MOST_ROWS = 30  # a table with more columns is shown with neighbours together
FREE_TEXT_LEVELS = 50  # a category has at most this many levels,
FREE_TEXT_SHARE = 0.1  # or this share of the rows; text with more is free text
_ROLE_OF_KIND: dict[str, Role] = {
    "number": "numeric",
    "text": "categorical",
    "boolean": "boolean",
    "date": "date",
    "pixel": "pixel",
}


@dataclass(frozen=True)
class ColumnPlan:
    """What one column becomes: its role, and the reason or what is worth knowing, in words."""

    name: str
    role: Role
    note: str = ""


@dataclass(frozen=True)
class Schema:
    """The plan of every input column, in the order of the table."""

    plans: tuple[ColumnPlan, ...]

    @property
    def used(self) -> tuple[ColumnPlan, ...]:
        """The plans of the columns that are not dropped."""
        return tuple(plan for plan in self.plans if plan.role != "dropped")

    @property
    def categorical(self) -> frozenset[str]:
        """The names of the columns that are taken as categories."""
        return frozenset(plan.name for plan in self.plans if plan.role == "categorical")

    def rows(self) -> list[tuple[str, str, str]]:
        """Return (name, role, note) for display; in a wide table, neighbours of the same role and note share a row.

        Examples
        --------
        >>> Schema((ColumnPlan("x", "numeric"), ColumnPlan("y", "numeric", "3 missing"))).rows()
        [('x', 'numeric', ''), ('y', 'numeric', '3 missing')]
        >>> Schema(tuple(ColumnPlan(f"p{k}", "pixel") for k in range(1, 785))).rows()
        [('p1 ... p784', 'pixel', '784 columns')]
        """
        if len(self.plans) <= MOST_ROWS:
            return [(plan.name, plan.role, plan.note) for plan in self.plans]
        shown = []
        for (role, note), run in groupby(self.plans, key=lambda plan: (plan.role, plan.note)):
            first, *others = run
            if others:
                names, count = f"{first.name} ... {others[-1].name}", f"{1 + len(others):,} columns"
                shown.append((names, role, f"{count}, {note}" if note else count))
            else:
                shown.append((first.name, role, note))
        return shown


def infer_schema(
    table: Table,
    *,
    facts: Mapping[str, ColumnSummary] | None = None,
    targets: Iterable[Key] = (),
    drop: Iterable[Key] = (),
    categorical: Iterable[Key] = (),
    numeric: Iterable[Key] = (),
    ordinal: Iterable[Key] = (),
    dates: Iterable[Key] = (),
) -> Schema:
    """Decide the role of every column that is not a target.

    Numbers are numeric, text is categorical, truth values are boolean. Dropped, and said so: columns that are
    constant or all missing; identifiers (whole numbers that all differ and fill a range, or texts that all differ);
    free text (more different values than 50 and than a tenth of the rows).

    Parameters
    ----------
    table : Table
    facts : mapping of str to ColumnSummary, optional
        What each column says as a whole, by name, where the table is a batch of what they were measured on.
    targets : iterable of str or int
        The columns to predict, by name or position; they get no plan.
    drop, categorical, numeric, ordinal, dates : iterable of str or int
        Columns whose role is set, by name or position. None of them by default.

    Returns
    -------
    Schema

    Raises
    ------
    TableError
        If a column is not there, its values do not suit the role set for it, or no column is left to learn from.
    InvalidParameterError
        If two roles are set for one column.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.table import Column
    >>> columns = Column("id", "number", np.arange(30)), Column("x", "number", np.arange(30) % 7 / 2)
    >>> infer_schema(Table(columns)).rows()
    [('id', 'dropped', 'identifier-like: whole numbers 0 to 29 in order'), ('x', 'numeric', '')]
    >>> infer_schema(Table(columns), drop=["x"], numeric=[1]).rows()
    [('id', 'numeric', 'as requested'), ('x', 'dropped', 'as requested')]
    """
    skipped = set(table.resolve(targets))
    asked: dict[Role, Iterable[Key]] = {
        "dropped": drop,
        "categorical": categorical,
        "numeric": numeric,
        "ordinal": ordinal,
        "date": dates,
    }
    requested = _requested(table, asked)
    measured = (
        ColumnSummary.of(column) if facts is None else facts[column.name]
        for column in table.columns
        if column.name not in skipped
    )
    plans = tuple(
        _requested_plan(column, requested[column.name]) if column.name in requested else _plan(column)
        for column in measured
    )
    schema = Schema(plans)
    if not schema.used:
        reasons = "; ".join(f"{plan.name}: {plan.note}" for plan in plans[:5]) or "there is none beside the target"
        raise TableError(f"No column of {table.source} is left to learn from ({reasons}).")
    return schema


def _requested(table: Table, asked: dict[Role, Iterable[Key]]) -> dict[str, Role]:
    """Return the role requested for each column by name."""
    requested: dict[str, Role] = {}
    for role, keys in asked.items():
        for name in table.resolve(keys):
            if requested.setdefault(name, role) != role:
                raise InvalidParameterError(
                    f"Column {name!r} can have one role, but {requested[name]} and {role} are requested; name one."
                )
    return requested


def _requested_plan(facts: ColumnSummary, role: Role) -> ColumnPlan:
    """Plan a column as requested, if its values allow it."""
    if role == "numeric" and facts.kind in {"text", "date"}:
        raise _unsuited(facts, "numeric", "numbers")
    if role == "date" and facts.kind != "date":
        raise _unsuited(facts, "a date", "dates such as 2024-12-31")
    if role in {"categorical", "ordinal"} and facts.kind == "text" and not facts.column.levels:
        raise TableError(f"Column {facts.name!r} cannot be {role}: it has {facts.column.note or 'no values'}.")
    return ColumnPlan(facts.name, role, "as requested")


def _unsuited(facts: ColumnSummary, role: str, wanted: str) -> TableError:
    return TableError(
        f"Column {facts.name!r} cannot be {role}: its values must be {wanted}, but it has {facts.example}."
    )


def rare_below(n_rows: int) -> int:
    """Return the count below which a level is rare: 1 % of the rows, but at least 2 and at most 10.

    Examples
    --------
    >>> rare_below(100), rare_below(500), rare_below(32_561)
    (2, 5, 10)
    """
    return min(10, max(2, n_rows // 100))


def _plan(facts: ColumnSummary) -> ColumnPlan:
    """Plan a column from its values alone."""
    reason = "" if facts.kind == "pixel" else _reason_to_drop(facts)
    if reason:
        return ColumnPlan(facts.name, "dropped", reason)
    notes = [facts.column.note, _level_note(facts), f"{facts.missing:,} missing" if facts.missing else ""]
    return ColumnPlan(facts.name, _ROLE_OF_KIND[facts.kind], ", ".join(filter(None, notes)))


def _level_note(facts: ColumnSummary) -> str:
    """Say how many levels a text column has, and how many of them are rare."""
    if facts.kind != "text" or facts.tally is None:
        return ""
    rare = np.count_nonzero(facts.tally.counts < rare_below(facts.rows))
    return f"{facts.different:,} levels" + (f", {rare:,} rare" if rare else "")


def _reason_to_drop(facts: ColumnSummary) -> str:
    """Return why nothing can be learnt from a column, or ""."""
    if not facts.present:
        return "all missing"
    if facts.low == facts.high and not facts.missing:
        return f"constant: always {facts.spelled(facts.low)}"
    if facts.kind == "number":
        return _identifier_range(facts)
    return _uninformative_text(facts) if facts.kind == "text" else ""


def _identifier_range(facts: ColumnSummary) -> str:
    """Say which range the numbers fill without a gap or a repetition, or return "" where they do not."""
    if facts.rows < MIN_IDENTIFIERS or not facts.fills_range:
        return ""
    order = " in order" if facts.series and facts.series.in_order else ""
    return f"identifier-like: whole numbers {facts.low:,.0f} to {facts.high:,.0f}{order}"


def _uninformative_text(facts: ColumnSummary) -> str:
    different = facts.different
    if different is None:
        return facts.column.note
    if not facts.missing and different == facts.present >= MIN_IDENTIFIERS:
        return "identifier-like: every text is different"
    if different > max(FREE_TEXT_LEVELS, FREE_TEXT_SHARE * facts.present):
        return f"free text: {different:,} different values"
    return ""
