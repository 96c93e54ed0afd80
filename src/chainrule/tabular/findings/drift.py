"""Drift: how another table differs from the one that a model was trained on, column by column.

The model's record has a `Profile` of each column: deciles of numbers, counts of levels. Two tables differ by the
greatest difference of shares: below any of the deciles (the statistic of Kolmogorov and Smirnov), or of any single
level. It is said where it is both large and larger than chance makes it between two halves of one table.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule._errors import ModelFileError
from chainrule.network.types import Array
from chainrule.table import Schema, Table
from chainrule.table.columns import Column
from chainrule.table.encoding.blocks import reader
from chainrule.table.encoding.measures import ColumnMeasures
from chainrule.tabular.findings.finding import Finding

MOST_LEVELS = 1000  # levels kept of a column; the rest are counted together
_MOVED = 0.2  # the least difference of shares that is said
_NOISE = 2.5  # in units of sqrt(1/n + 1/m): exceeded by chance once in 100,000 columns
_RARE = math.log(1e-6)  # the chance of as many new or missing values as are found must be below
_FARTHEST = 1.1e8  # days that 64 bits of microseconds reach
_GAPS, _NEW = 0.05, 0.01  # least shares of missing values, beyond that of training, and of new ones, that are said


@dataclass(frozen=True)
class Profile:
    """What is kept of a column of the training rows, to compare another table with.

    Parameters
    ----------
    column : str
    rows, missing : int
        The number of rows, and of those without a value.
    counts : tuple of int
        Of each level, or of the numbers below the first edge, from each edge up to the next, and from the last edge on.
    levels : tuple of str, optional
        The most frequent levels, for categories.
    once, rest : int
        How many levels occur once, and the number of rows of levels that are not kept.
    edges : tuple of float
        The different deciles, for numbers; days since 1970 for dates.
    low, high : float
    unit : {"number", "date", "boolean"}
        What the numbers are.
    """

    column: str
    rows: int
    missing: int
    counts: tuple[int, ...]
    levels: tuple[str, ...] | None = None
    once: int = 0
    rest: int = 0
    edges: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    unit: str = "number"

    @property
    def present(self) -> int:
        """The number of rows with a value that were counted: all, or for numbers those of a sample."""
        return sum(self.counts) + self.rest

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as plain data for JSON; `from_dict` restores it exactly."""
        common = {"column": self.column, "rows": self.rows, "missing": self.missing, "counts": list(self.counts)}
        if self.levels is not None:
            own = {"levels": list(self.levels), "once": self.once, "rest": self.rest}
            return {"kind": "levels"} | common | own
        own = {"edges": list(self.edges), "low": self.low, "high": self.high, "unit": self.unit}
        return {"kind": "numbers"} | common | own

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Profile:
        """Return the profile that `to_dict` wrote.

        Raises
        ------
        ModelFileError
            If counts do not belong to levels or edges, these are not all different and in order, or a date is too far.
        """
        levels = tuple(data["levels"]) if data["kind"] == "levels" else None
        edges = tuple(map(float, data.get("edges", ())))
        rising = all(one < other for one, other in pairwise(edges))
        bins = len(edges) + 1 if levels is None else len(set(levels))
        if len(data["counts"]) != bins or (levels is not None and bins < len(levels)) or not rising:
            raise ModelFileError(f"the profile of column {data['column']!r} must have a count for each level or edge")
        if data.get("unit") == "date" and max(map(abs, (*edges, data["low"], data["high"]))) > _FARTHEST:
            raise ModelFileError(f"the profile of column {data['column']!r} has dates that no table can have")
        given = {name: data[name] for name in ("once", "rest", "low", "high", "unit") if name in data}
        return cls(data["column"], data["rows"], data["missing"], tuple(data["counts"]), levels, edges=edges, **given)


def profiles(schema: Schema, measures: Mapping[str, ColumnMeasures]) -> tuple[Profile, ...]:
    """Return the profile of each column that the network reads, except pixels, from the measures of its rows."""
    return tuple(
        _levels(measures[plan.name])
        if plan.role == "categorical" or measures[plan.name].header.kind == "text"
        else _numbers(measures[plan.name])
        for plan in schema.used
        if plan.role != "pixel" and measures[plan.name].rows > measures[plan.name].missing
    )


def _levels(found: ColumnMeasures) -> Profile:
    assert found.tally is not None
    text = replace(found.header, values=found.tally.values).as_text()
    counts = np.bincount(text.values, found.tally.counts, minlength=len(text.levels)).astype(np.int64)
    kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_LEVELS])
    kept = kept[counts[kept] > 0]
    return Profile(
        found.header.name,
        int(found.rows),
        int(found.missing),
        tuple(counts[kept].tolist()),
        tuple(text.levels[code] for code in kept),
        once=int((counts == 1).sum()),
        rest=int(counts.sum() - counts[kept].sum()),
    )


def _numbers(found: ColumnMeasures) -> Profile:
    unit = found.header.kind
    part = "days" if unit == "date" else "value"
    if found.tally is not None:
        values = reader(part, replace(found.header, values=found.tally.values), ())(slice(None))
        weights, low, high = found.tally.counts, values[0], values[-1]
    else:
        (values, weights), moments = found.sampled(part), found.moments(part)
        low, high = moments.low, moments.high
    edges, counts = _binned(values, weights.astype(np.int64))
    return Profile(
        found.header.name,
        int(found.rows),
        int(found.missing),
        tuple(counts.tolist()),
        edges=tuple(edges.tolist()),
        low=float(low),
        high=float(high),
        unit=unit,
    )


def _binned(values: Array, weights: Array) -> tuple[Array, Array]:
    """Return the different deciles of ascending values, and the total weight of the bins between them."""
    if not len(values):
        return values, np.zeros(1, np.int64)
    below = np.cumsum(weights)
    edges = values[np.unique(np.searchsorted(below, np.arange(1, 10) / 10 * below[-1]))]
    counts = np.zeros(len(edges) + 1, np.int64)
    np.add.at(counts, np.searchsorted(edges, values, side="right"), weights)
    return edges, counts


@dataclass
class _Compared:
    """The counts of another table's column beside its profile."""

    profile: Profile
    rows: int = 0
    missing: int = 0
    outside: int = 0
    new: Counter[str] = field(default_factory=Counter)
    counts: Array = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros(len(self.profile.counts), np.int64)

    def add(self, column: Column) -> None:
        """Count the rows of a batch."""
        absent = int(column.missing.sum())
        self.rows += len(column.values)
        self.missing += absent
        if self.profile.levels is not None:
            self._add_levels(column.as_text(), self.profile.levels)
            return
        x = reader("days" if self.profile.unit == "date" else "value", column, ())(slice(None))
        x = x[~np.isnan(x)]
        self.outside += int(((x < self.profile.low) | (x > self.profile.high)).sum())
        places = np.searchsorted(np.array(self.profile.edges), x, side="right")
        self.counts += np.bincount(places, minlength=len(self.counts))

    def _add_levels(self, text: Column, known: tuple[str, ...]) -> None:
        found = np.bincount(text.values[text.values >= 0], minlength=len(text.levels))
        place = {level: number for number, level in enumerate(known)}
        for code in np.flatnonzero(found).tolist():
            level = text.levels[code] if text.levels else text.note  # the encoder refuses so many
            if level in place:
                self.counts[place[level]] += found[code]
            else:
                self.new[level] += int(found[code])

    def worst(self) -> tuple[float, str] | None:
        """Return what differs most, as a share of the rows, in words; None if nothing does."""
        if not self.rows:
            return None
        found = [*self._gaps(), *(self._news() if self.profile.levels is not None else self._beyond()), *self._moves()]
        return max(found, key=lambda severity_and_text: severity_and_text[0], default=None)

    def _expected(self, trained: int) -> float:
        """Return in how many rows something is expected that so many rows of training had, or a few more."""
        return self.rows * (trained + 3 * math.sqrt(trained) + 1) / self.profile.rows

    def _gaps(self) -> Iterator[tuple[float, str]]:
        profile, share = self.profile, self.missing / self.rows
        trained = profile.missing / profile.rows
        if share > trained + _GAPS and _surprising(self.missing, self._expected(profile.missing)):
            yield share - trained, f"{_percent(share)} of the rows lack a value, in training {_percent(trained)}"

    def _news(self) -> Iterator[tuple[float, str]]:
        """Compare new levels with as many as training leads to expect: the share of those seen once (Good, 1953)."""
        profile, count = self.profile, sum(self.new.values())
        if profile.rest:
            return
        share = count / self.rows
        if share > _NEW and _surprising(count, self._expected(profile.once)):
            examples = ", ".join(
                repr(level) for level, _ in sorted(self.new.items(), key=lambda at: (-at[1], at[0]))[:3]
            )
            more = ", ..." if len(self.new) > 3 else ""
            yield share, f"{_percent(share)} of the rows have values that training did not have: {examples}{more}"

    def _beyond(self) -> Iterator[tuple[float, str]]:
        profile, share = self.profile, self.outside / self.rows
        if share > _NEW and _surprising(self.outside, self._expected(2)):
            low, high = self._spelled(profile.low), self._spelled(profile.high)
            text = f"{_percent(share)} of the values are outside the range of training, {low} to {high}"
            yield share + _NEW, text  # rather than that the values are large, where as many are

    def _moves(self) -> Iterator[tuple[float, str]]:
        profile, m = self.profile, int(self.counts.sum()) + sum(self.new.values())
        if not m or not profile.present:
            return
        theirs, ours = np.array(profile.counts) / profile.present, self.counts / m
        noise = _NOISE * math.sqrt(1 / profile.present + 1 / m)
        if profile.levels is not None:
            apart = np.abs(ours - theirs)
        else:
            theirs, ours = np.cumsum(theirs)[:-1], np.cumsum(ours)[:-1]
            apart = np.abs(ours - theirs)
        if not len(apart) or apart.max() <= max(_MOVED, noise):
            return
        place = int(apart.argmax())
        yield float(apart.max()), self._moved(place, float(ours[place]), float(theirs[place]))

    def _moved(self, place: int, ours: float, theirs: float) -> str:
        profile = self.profile
        if profile.levels is not None:
            return f"{profile.levels[place]!r} is {_percent(ours)} of the values, in training {_percent(theirs)}"
        if profile.unit == "boolean":  # there is one edge that counts, 1
            more, share, before = ("false", ours, theirs) if ours > theirs else ("true", 1 - ours, 1 - theirs)
            return f"{_percent(share)} of the values are {more}, in training {_percent(before)}"
        edge = self._spelled(profile.edges[place])
        if ours > theirs:
            return f"{_percent(ours)} of the values are below {edge}, in training {_percent(theirs)}"
        return f"{_percent(1 - ours)} of the values are {edge} or more, in training {_percent(1 - theirs)}"

    def _spelled(self, value: float) -> str:
        if self.profile.unit != "date":
            return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
        return str(np.datetime64("1970-01-01") + np.timedelta64(math.floor(value), "D"))


class Drift:
    """The differences of a table, which comes in batches, from the training rows.

    Parameters
    ----------
    profiles : iterable of Profile

    Examples
    --------
    >>> drift = Drift([Profile("city", 100, 0, (60, 40), ("Bergen", "Oslo"))])
    >>> drift.add(Table((Column("city", "text", np.arange(90) % 3, ("Bergen", "Oslo", "Rome")),)))
    >>> [finding.text for finding in drift.findings()]
    ["'city': 33 % of the rows have values that training did not have: 'Rome'"]
    """

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._columns = [_Compared(profile) for profile in profiles]

    def add(self, batch: Table) -> None:
        """Count the rows of a batch."""
        for column in self._columns:
            if column.profile.column in batch.names:  # the encoder says what is absent
                column.add(batch[column.profile.column])

    def findings(self) -> tuple[Finding, ...]:
        """Return a finding for each column that differs, the worst first."""
        found = [(column.profile.column, worst) for column in self._columns if (worst := column.worst()) is not None]
        found.sort(key=lambda entry: -entry[1][0])
        return tuple(Finding("drift", (name,), f"{name!r}: {text}") for name, (_, text) in found)


def _surprising(count: int, expected: float) -> bool:
    """Say whether chance hardly ever gives so many (Chernoff's bound for a Poisson count)."""
    return count > expected and count - expected - count * math.log(count / expected) < _RARE


def _percent(share: float) -> str:
    """Write a share: 31 %, and what is neither none nor all as such.

    Examples
    --------
    >>> _percent(0.314), _percent(0.0004), _percent(0.0), _percent(0.9999)
    ('31 %', '0.04 %', '0 %', '99.99 %')
    """
    percent = 100 * share
    whole = 1 <= percent <= 99 or percent in (0, 100)
    return f"{percent:.0f} %" if whole else f"{percent:.2g} %" if percent < 1 else f"{percent:.4g} %"
