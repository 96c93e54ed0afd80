"""The role of each column, inferred before training unless the user sets it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import shorten
from typing import Any, Literal

import numpy as np

from chainrule._errors import InvalidParameterError, TableError
from chainrule.table.column_summary import ColumnSummary
from chainrule.table.columns import Table
from chainrule.table.ordered_scales import order_of

Role = Literal["numeric", "categorical", "boolean", "date", "ordinal", "pixel", "weight", "dropped"]
Key = str | int

MIN_IDENTIFIERS = 20  # with fewer rows, values that all differ are not taken for identifiers
MOST_ROWS = 30  # in a table with more columns, similar neighbours share a line
FREE_TEXT_LEVELS = 50  # text with more distinct values than this,
FREE_TEXT_SHARE = 0.1  # and more than this share of the rows, is free text
_ROLE_OF_KIND: dict[str, Role] = {
    "number": "numeric",
    "text": "categorical",
    "boolean": "boolean",
    "date": "date",
    "pixel": "pixel",
}


@dataclass(frozen=True)
class ColumnPlan:
    """The role of a column, with the reason or a note in words; and the order of its texts if it is ordinal."""

    name: str
    role: Role
    note: str = ""
    order: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        order = {"order": list(self.order)} if self.order else {}
        return {"name": self.name, "role": self.role, "note": self.note} | order

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ColumnPlan:
        """Return the plan that `to_dict` wrote."""
        return cls(data["name"], data["role"], data["note"], tuple(data.get("order", ())))


@dataclass(frozen=True)
class Schema:
    """The plans of all input columns, in the order of the table."""

    plans: tuple[ColumnPlan, ...]

    def __repr__(self) -> str:
        roles = Counter(plan.role for plan in self.plans)
        return f"Schema({', '.join(f'{count:,} {role}' for role, count in roles.items())})"

    @property
    def used(self) -> tuple[ColumnPlan, ...]:
        """The plans of the columns that are inputs: neither dropped nor the rows' weights."""
        return tuple(plan for plan in self.plans if plan.role not in ("dropped", "weight"))

    @property
    def categorical(self) -> frozenset[str]:
        """The names of the categorical columns."""
        return frozenset(plan.name for plan in self.plans if plan.role == "categorical")

    def rows(self) -> list[tuple[str, str, str]]:
        """Return (name, role, note) for display; in a wide table, neighbours with the same role and note share a row.

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
    summaries: Mapping[str, ColumnSummary] | None = None,
    targets: Iterable[Key] = (),
    drop: Iterable[Key] = (),
    categorical: Iterable[Key] = (),
    numeric: Iterable[Key] = (),
    ordinal: Iterable[Key] = (),
    dates: Iterable[Key] = (),
    weights: Iterable[Key] = (),
) -> Schema:
    """Decide the role of every column that is not a target.

    Numbers are numeric, text is categorical, truth values are boolean. Texts that are words of one scale, such as low,
    medium and high, are ordinal, and so are categories that a data frame has ordered. These are dropped, with the
    reason in the note: columns that are constant or all missing; identifiers (whole numbers that all differ and fill a
    range, or texts that all differ); free text (more than 50 distinct values, and more than a tenth of the rows).

    Parameters
    ----------
    table : Table
    summaries : mapping of str to ColumnSummary, optional
        The summary of each whole column, by name, if the table is only a batch or has no rows.
    targets : iterable of str or int
        The columns to predict, by name or position; they get no plan.
    drop, categorical, numeric, ordinal, dates, weights : iterable of str or int
        Columns whose role is set, by name or position. None of them by default. An ordinal column may come with its
        order: "size=S<M<L".

    Returns
    -------
    Schema

    Raises
    ------
    TableError
        If a column does not exist, its values do not suit the role set for it, or no column is left to learn from.
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
    orders = dict(filter(None, map(_order_asked, ordinal)))
    asked: dict[Role, Iterable[Key]] = {
        "dropped": drop,
        "categorical": categorical,
        "numeric": numeric,
        "ordinal": [_without_order(key) for key in ordinal],
        "date": dates,
        "weight": weights,
    }
    requested = _requested(table, asked)
    ordered = {table[key].name: order for key, order in orders.items()}
    measured = (
        ColumnSummary.of(column) if summaries is None else summaries[column.name]
        for column in table.columns
        if column.name not in skipped
    )
    plans = tuple(
        _requested_plan(column, requested[column.name], ordered.get(column.name, ()))
        if column.name in requested
        else _plan(column)
        for column in measured
    )
    schema = Schema(plans)
    if not schema.used:
        reasons = "; ".join(f"{plan.name}: {plan.note}" for plan in plans[:5]) or "there is none beside the target"
        raise TableError(f"No column of {table.source} is left to learn from ({reasons}).")
    return schema


def _requested(table: Table, asked: dict[Role, Iterable[Key]]) -> dict[str, Role]:
    """Return the requested roles by column name."""
    requested: dict[str, Role] = {}
    for role, keys in asked.items():
        for name in table.resolve(keys):
            if requested.setdefault(name, role) != role:
                raise InvalidParameterError(
                    f"Column {name!r} can have one role, but {requested[name]} and {role} are requested; name one."
                )
    return requested


def _order_asked(key: Key) -> tuple[str, tuple[str, ...]] | None:
    """Return name and order of a column that is asked for as "size=S<M<L"; None if it has no order."""
    name, _, order = str(key).rpartition("=")
    return (name, tuple(level.strip() for level in order.split("<"))) if name and "<" in order else None


def _without_order(key: Key) -> Key:
    found = _order_asked(key)
    return key if found is None else found[0]


def _requested_plan(summary: ColumnSummary, role: Role, order: tuple[str, ...] = ()) -> ColumnPlan:
    """Plan a column as requested, if its values allow it."""
    if role == "numeric" and summary.kind in {"text", "date"}:
        raise _unsuited(summary, "numeric", "numbers")
    if role == "date" and summary.kind != "date":
        raise _unsuited(summary, "a date", "dates such as 2024-12-31")
    if role in {"categorical", "ordinal"} and summary.kind == "text" and not summary.column.levels:
        raise TableError(f"Column {summary.name!r} cannot be {role}: it has {summary.column.note or 'no values'}.")
    if role != "ordinal" or summary.kind != "text":
        return ColumnPlan(summary.name, role, "as requested")
    if order and (absent := [level for level in summary.column.levels if level not in order]):
        raise TableError(f"The order of column {summary.name!r} lacks {', '.join(map(repr, absent[:5]))}.")
    order = order or summary.column.order or order_of(summary.column.levels) or summary.column.levels
    return ColumnPlan(summary.name, role, _order_note(order, "as requested"), order)


def _order_note(order: Sequence[str], reason: str) -> str:
    return f"{reason}: {shorten(' < '.join(order), 60, placeholder=' ...')}"


def _unsuited(summary: ColumnSummary, role: str, wanted: str) -> TableError:
    return TableError(
        f"Column {summary.name!r} cannot be {role}: its values must be {wanted}, but it has {summary.example}."
    )


def rare_below(n_rows: int) -> int:
    """Return the count below which a category is rare: 1 % of the rows, but at least 2 and at most 10.

    Examples
    --------
    >>> rare_below(100), rare_below(500), rare_below(32_561)
    (2, 5, 10)
    """
    return min(10, max(2, n_rows // 100))


def _plan(summary: ColumnSummary) -> ColumnPlan:
    """Plan a column from its values."""
    reason = "" if summary.kind == "pixel" else _reason_to_drop(summary)
    if reason:
        return ColumnPlan(summary.name, "dropped", reason)
    if order := _order_found(summary):
        missing = f", {summary.missing:,} missing" if summary.missing else ""
        return ColumnPlan(summary.name, "ordinal", _order_note(order, "in order") + missing, order)
    notes = [summary.column.note, _category_note(summary), f"{summary.missing:,} missing" if summary.missing else ""]
    return ColumnPlan(summary.name, _ROLE_OF_KIND[summary.kind], ", ".join(filter(None, notes)))


def _order_found(summary: ColumnSummary) -> tuple[str, ...]:
    """Return the order of a column's texts, if it has one."""
    return summary.column.order or order_of(summary.column.levels) if summary.kind == "text" else ()


def _category_note(summary: ColumnSummary) -> str:
    """Say how many categories a text column has, and how many of them are rare."""
    if summary.kind != "text" or summary.tally is None:
        return ""
    rare = np.count_nonzero(summary.tally.counts < rare_below(summary.rows))
    return f"{summary.different:,} categories" + (f", {rare:,} rare" if rare else "")


def _reason_to_drop(summary: ColumnSummary) -> str:
    """Return why nothing can be learnt from a column, or ""."""
    if not summary.present:
        return ", ".join(filter(None, ["all missing", summary.column.note]))
    if summary.low == summary.high and not summary.missing:
        return f"constant: always {summary.spelled(summary.low)}"
    if summary.kind == "number":
        return _identifier_range(summary)
    return _uninformative_text(summary) if summary.kind == "text" else ""


def _identifier_range(summary: ColumnSummary) -> str:
    """Name the range that the numbers fill without a gap or a repetition, or return "" if they do not."""
    if summary.rows < MIN_IDENTIFIERS or not summary.fills_range:
        return ""
    order = " in order" if summary.series and summary.series.in_order else ""
    return f"identifier-like: whole numbers {summary.low:,.0f} to {summary.high:,.0f}{order}"


def _uninformative_text(summary: ColumnSummary) -> str:
    different = summary.different
    if different is None:
        return summary.column.note
    if not summary.missing and different == summary.present >= MIN_IDENTIFIERS:
        return "identifier-like: every text is different"
    if different > max(FREE_TEXT_LEVELS, FREE_TEXT_SHARE * summary.present):
        return f"free text: {different:,} different values"
    return ""
