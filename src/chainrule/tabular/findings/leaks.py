"""Leaks: columns, alone or in pairs, that determine the target of a table.

A column is accused only if it never contradicts itself, and if chance would hardly ever look like that. Labels that are
handed out at random to n rows, n[v] of them with the value v, can be arranged in n! / (n[1]! n[2]! ...) ways. In few of
these every group of rows with one value has a single label, or the labels follow the order of the column. Evidence is
the logarithm of the first number over the second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from chainrule.network.types import Array
from chainrule.table import Table, Target
from chainrule.table.columns import Column
from chainrule.tabular.findings.finding import Finding, quoted

_ENOUGH = math.log(1e9)  # evidence: one false alarm in so many columns or pairs
_FEWEST = 30  # different rows with a value; with fewer nothing is said
_GROUP = 5  # rows for each value, on average: fewer are those of an identifier
_PAIRED = 64  # columns of few values that are tried in pairs
_FEW_VALUES = 50
_ADDED = 200  # columns of numbers that are tried in pairs
_SCREENED = 2000  # rows on which all pairs are tried before the best are tried on all
_TINY = 1e-9  # relative residuals below are those of rounding, and above
_SMALL = 1e-3  # standard deviations, those of decimals that were cut
_POWERS = {1: "power", 2: "product"}
_MOST = 5  # leaks said of one kind


@dataclass(frozen=True, eq=False)
class _Sampled:
    """The sampled rows of a column: a code for each value, -1 for missing, and the values if they have an order."""

    name: str
    codes: Array
    values: Array | None
    is_date: bool

    @classmethod
    def of(cls, column: Column) -> _Sampled:
        if column.kind == "text":
            return cls(column.name, column.values.astype(np.int64), None, is_date=False)
        is_date = column.kind == "date"
        values = column.values.view(np.int64) if is_date else column.values
        values = np.where(column.missing, np.nan, values.astype(np.float64))
        present = ~np.isnan(values)
        codes = np.full(len(values), -1)
        codes[present] = np.unique(values[present], return_inverse=True)[1]
        return cls(column.name, codes, values, is_date)

    @property
    def n_values(self) -> int:
        return int(self.codes.max(initial=-1)) + 1


def find_leaks(table: Table, features: Sequence[str], target: Target) -> Iterator[Finding]:
    """Find the columns and pairs of columns that determine a target.

    Parameters
    ----------
    table : Table
        A sample of the training rows, all with a value of every target.
    features : sequence of str
        The columns that the network reads.
    target : Target

    Examples
    --------
    >>> k = np.arange(300)
    >>> columns = Column("x", "number", np.sin(k)), Column("z", "number", np.cos(k * k)), Column("w", "number", k % 7)
    >>> total = Column("y", "number", np.sin(k) + 3 * np.cos(k * k))
    >>> [leak.text for leak in find_leaks(Table((*columns, total)), ["x", "z", "w"], Target(("y",), "regression", ""))]
    ["'x' and 'z' together give 'y' exactly: a leak?"]
    """
    # Copies of a row agree with each other whatever the column.
    table = table.take(np.sort(np.unique(table.row_keys(), return_index=True)[1]))
    columns = [_Sampled.of(table[name]) for name in features if table[name].kind != "pixel"]
    y = target.encode(table)
    if table.n_rows < _FEWEST or not columns:
        return
    if target.task == "classification":
        yield from _of_classes(columns, y, target.names[0])
        return
    for name, values in zip(target.names, y.T, strict=True):
        yield from _of_numbers(columns, values, name)


def _of_classes(columns: list[_Sampled], y: Array, target: str) -> Iterator[Finding]:
    """Find leaks of a class: columns whose values or intervals have one class each, and pairs of values that have."""
    alone = [(column, how) for column in columns if (how := _gives_class(column, y))]
    yield from _said_of_columns(alone, target)
    accused = {column.name for column, _ in alone}
    few = [column for column in columns if column.n_values <= _FEW_VALUES and column.name not in accused]
    paired = sorted(few, key=lambda column: -_guessed(column.codes, y))[:_PAIRED]
    found = [
        (one.name, other.name)
        for one, other in combinations(sorted(paired, key=columns.index), 2)
        if _is_function(_joined(one.codes, other.codes), y)
        and min(_added(one.codes, other.codes, y), _added(other.codes, one.codes, y)) > _ENOUGH
    ]
    for names in found[:_MOST]:
        yield Finding("leak", names, f"{quoted(names)} together give {target!r} exactly: a leak?")
    if len(few) > _PAIRED:
        yield _bounded(_PAIRED, len(few), "with few values")


def _gives_class(column: _Sampled, y: Array) -> str:
    """Say how a column gives the class, or ""."""
    present = column.codes >= 0
    if not present.all() and _is_function(present.astype(np.int64), y):
        return "gives {} exactly by having a value or none"
    where = "" if present.all() else " where it has a value"
    codes, y = column.codes[present], y[present]
    if 2 * len(y) < len(present) or len(y) < _FEWEST:
        return ""
    if _is_function(codes, y) or (column.values is not None and _has_intervals(codes, y)):
        return f"alone gives {{}} exactly{where}"
    return ""


def _of_numbers(columns: list[_Sampled], y: Array, target: str) -> Iterator[Finding]:
    """Find leaks of a number: columns that give it by value or order, and sums and products of one or two columns."""
    alone = [(column, how) for column in columns if (how := _gives_number(column, y))]
    yield from _said_of_columns(alone, target)
    accused = {column.name for column, _ in alone}
    numbers = [column for column in columns if column.values is not None and not column.is_date]
    numbers = [column for column in numbers if column.name not in accused and column.n_values > 1]
    added, is_bounded = _strongest(numbers, y)
    sums = _combinations([(column.name, _values(column)) for column in added], y)
    positive = [column for column in added if np.nanmin(_values(column)) > 0] if y.min() > 0 else []
    products = _combinations(
        [(column.name, np.log(_values(column))) for column in positive], np.log(y) if positive else y
    )
    taken: set[str] = set()
    for names, how in [*sums, *((names, f"{how} by a {_POWERS[len(names)]}") for names, how in products)]:
        if not taken & set(names):
            who = f"{quoted(names)} {'together give' if len(names) > 1 else 'alone gives'}"
            yield Finding("leak", names, f"{who} {target!r} {how}: a leak?")
        taken |= set(names)
    if is_bounded:
        yield _bounded(_ADDED, len(numbers), "of numbers")


def _gives_number(column: _Sampled, y: Array) -> str:
    """Say how a column gives a number, or ""."""
    present = column.codes >= 0
    where = "" if present.all() else " where it has a value"
    codes, y = column.codes[present], y[present]
    if 2 * len(y) < len(present) or len(y) < _FEWEST:
        return ""
    if _is_function(codes, np.unique(y, return_inverse=True)[1]):
        return f"alone gives {{}} exactly{where}"
    if column.values is not None and not column.is_date and _is_monotone(codes, y):
        how = _how_exactly(column.values[present, None], y)
        return f"alone {f'gives {{}} {how}' if how else 'puts the rows in the order of {}'}{where}"
    return ""


def _said_of_columns(alone: list[tuple[_Sampled, str]], target: str) -> Iterator[Finding]:
    for column, how in alone[:_MOST]:
        yield Finding("leak", (column.name,), f"{column.name!r} {how.format(repr(target))}: a leak?")
    if len(alone) > _MOST:
        names = tuple(column.name for column, _ in alone[_MOST:])
        yield Finding("leak", names, f"{len(names):,} more columns each give {target!r}, such as {names[0]!r}: leaks?")


def _bounded(tried: int, of: int, kind: str) -> Finding:
    text = f"pairs of columns that give the target were sought among the {tried:,} strongest of {of:,} columns {kind}"
    return Finding("limit", (), text)


def _arrangements(counts: Array) -> float:
    """Return the logarithm of the number of ways to arrange labels, given how often each occurs."""
    return math.lgamma(counts.sum() + 1) - sum(math.lgamma(count + 1) for count in counts)


def _grouped(codes: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return the size of each group of equal codes, in their order, and the least and the greatest y in it."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0])
    sizes = np.diff(np.r_[starts, len(codes)])
    return sizes, np.minimum.reduceat(y[order], starts), np.maximum.reduceat(y[order], starts)


def _is_function(codes: Array, y: Array) -> bool:
    """Say whether rows of equal codes always have the same label, and most codes occur often enough to tell."""
    probe = min(len(y), 500)
    for part in (slice(probe), slice(None)):  # most columns contradict themselves soon
        sizes, low, high = _grouped(codes[part], y[part])
        if np.any(low != high):
            return False
    repeated = sizes > 1
    rows, groups = int(sizes[repeated].sum()), int(repeated.sum())
    if 2 * rows < len(y) or _GROUP * groups > rows:
        return False
    counts = np.bincount(low[repeated].astype(np.int64), sizes[repeated])
    counts = counts[counts > 0]
    return len(counts) > 1 and _arrangements(counts) - groups * math.log(len(counts)) > _ENOUGH


def _joined(one: Array, other: Array) -> Array:
    """Return a code for each pair of codes."""
    return (one + 1) * (other.max(initial=0) + 2) + other + 1


def _added(one: Array, other: Array, y: Array) -> float:
    """Return the evidence that a second column, with which y is a function of both, says what the first leaves open.

    Else whatever tells rows apart would make a pair with a column that is nearly always right.
    """
    evidence = 0.0
    for code in np.unique(one):
        rows = one == code
        counts = np.bincount(y[rows])
        counts = counts[counts > 0]
        if len(counts) > 1:
            evidence += _arrangements(counts) - len(np.unique(other[rows])) * math.log(len(counts))
    return evidence


def _has_intervals(codes: Array, y: Array) -> bool:
    """Say whether each class has an interval of the values for itself."""
    _, low, high = _grouped(codes, y)
    if np.any(low != high):
        return False
    counts = np.bincount(low.astype(np.int64))
    counts = counts[counts > 0]
    if 1 + np.count_nonzero(np.diff(low)) > len(counts):
        return False
    return _arrangements(counts) - math.lgamma(len(counts) + 1) > _ENOUGH


def _is_monotone(codes: Array, y: Array) -> bool:
    """Say whether y never falls, or never rises, along the values."""
    _, low, high = _grouped(codes, y)
    if np.any(low != high) or not (np.all(np.diff(low) >= 0) or np.all(np.diff(low) <= 0)):
        return False
    counts = np.unique(low, return_counts=True)[1]
    return _arrangements(counts) - math.log(2) > _ENOUGH


def _guessed(codes: Array, y: Array) -> float:
    """Return the share of rows whose class is the most frequent one of their value."""
    table = np.zeros((int(codes.max(initial=0)) + 2, int(y.max()) + 1))
    np.add.at(table, (codes + 1, y), 1)
    return float(table.max(axis=1).sum() / len(y))


def _values(column: _Sampled) -> Array:
    assert column.values is not None
    return column.values


def _strongest(numbers: list[_Sampled], y: Array) -> tuple[list[_Sampled], bool]:
    """Return the columns that are tried in pairs: all, or those with the greatest correlations with y."""
    if len(numbers) <= _ADDED:
        return numbers, False
    strengths = []
    for column in numbers:
        x = _values(column)
        present = ~np.isnan(x)
        x, z = x[present] - x[present].mean(), y[present] - y[present].mean()
        scale = math.sqrt(float(x @ x) * float(z @ z))
        strengths.append(abs(float(x @ z)) / scale if scale else 0.0)
    chosen = np.sort(np.argsort(strengths, kind="stable")[-_ADDED:])
    return [numbers[place] for place in chosen], True


def _combinations(numbers: list[tuple[str, Array]], y: Array) -> list[tuple[tuple[str, ...], str]]:
    """Return the columns, alone or in pairs, of which y is a linear combination, the most exact first."""
    if not numbers or y.min() == y.max():
        return []
    names = [name for name, _ in numbers]
    X = np.column_stack([values for _, values in numbers])
    unexplained = _unexplained(X[:_SCREENED], y[:_SCREENED])
    screened = np.argwhere(np.triu(unexplained < 10 * _SMALL**2)).tolist()
    candidates = sorted(screened, key=lambda pair: (pair[0] != pair[1], unexplained[pair[0], pair[1]]))
    found = []
    for one, other in candidates[: 4 * _MOST]:
        chosen = [one] if one == other else [one, other]
        how = _how_exactly(X[:, chosen], y)
        if how:
            found.append((tuple(names[place] for place in chosen), how))
    return found


def _unexplained(X: Array, y: Array) -> Array:
    """Return the share of y's variance that the best combination of each pair of columns leaves (p, p).

    On the diagonal stands what a column leaves alone. Each pair counts the rows where both are present, and has 1 if
    these are less than half, or if the two are copies of each other.
    """
    present = ~np.isnan(X)
    M = present.astype(np.float64)
    centre = np.where(present, X, 0).sum(axis=0) / np.maximum(M.sum(axis=0), 1)
    X = np.where(present, X - centre, 0)
    X /= np.maximum(np.abs(X).max(axis=0), np.finfo(float).tiny)
    y = (y - y.mean()) / max(float(np.abs(y - y.mean()).max()), np.finfo(float).tiny)
    n = np.maximum(M.T @ M, 1)
    x, z = (X.T @ M) / n, (M.T @ (M * y[:, None])) / n
    variance = ((X**2).T @ M) / n - x**2
    both = (X.T @ X) / n - x * x.T
    with_y = ((X * y[:, None]).T @ M) / n - x * z
    of_y = (M.T @ (M * (y**2)[:, None])) / n - z**2
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = variance * variance.T - both**2
        explained = with_y**2 * variance.T - 2 * with_y * with_y.T * both + with_y.T**2 * variance
        left = 1 - explained / determinant / of_y
        left[~(determinant > _TINY * variance * variance.T)] = 1.0
        np.fill_diagonal(left, np.diag(1 - with_y**2 / variance / of_y))
    left[(2 * n < len(y)) | (n < _FEWEST) | ~np.isfinite(left)] = 1.0
    return left


def _how_exactly(X: Array, y: Array) -> str:
    """Say how exactly a linear combination of columns gives y, or ""."""
    present = ~np.isnan(X).any(axis=1)
    X, y = X[present], y[present]
    X = np.column_stack([(X - X.mean(axis=0)) / np.maximum(X.std(axis=0), np.finfo(float).tiny), np.ones(len(y))])
    worst = float(np.abs(X @ np.linalg.lstsq(X, y, rcond=None)[0] - y).max())
    where = "" if present.all() else " where they have values"
    if worst <= _TINY * max(float(np.abs(y).max()), float(y.std())):
        return f"exactly{where}"
    return f"nearly exactly{where}" if worst <= _SMALL * y.std() else ""
