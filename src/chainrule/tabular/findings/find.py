"""What is found in the rows of a table before training: leaks, identifiers, spellings, rare classes, their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.network.types import Array
from chainrule.table import Table, Target
from chainrule.table.encoding.measures import ColumnMeasures
from chainrule.tabular.findings.finding import Finding, quoted
from chainrule.tabular.findings.leaks import find_leaks

SAMPLE_ROWS, SAMPLE_VALUES = 20_000, 2_000_000  # most rows and values of the sample in which leaks are looked for
FEW_ROWS = 30  # a class with fewer is said
_EXPECTED = 20.0  # pairs of equal numbers: the chance that there is none is e^-20
_TENTHS = 10
_ORDERED = 0.1  # share of the target's variance between the tenths of the table, from which on it is said


class RowSample:
    """Sampled rows of a table, from all its batches, in order.

    Parameters
    ----------
    header : Table
        The columns, without rows.
    """

    def __init__(self, header: Table) -> None:
        self._header = header
        self._values: list[list[Array]] = [[column.values] for column in header.columns]

    def add(self, batch: Table, rows: Array) -> None:
        """Add the given rows of a batch."""
        for values, column in zip(self._values, batch.columns, strict=True):
            values.append(column.values[rows])

    @property
    def table(self) -> Table:
        """The rows as one table."""
        both = zip(self._header.columns, self._values, strict=True)
        columns = (replace(column, values=np.concatenate(values[1:] or values)) for column, values in both)
        return replace(self._header, columns=tuple(columns))


def find(
    sample: RowSample,
    target: Target,
    measures: Mapping[str, ColumnMeasures],
    class_counts: Array,
    in_order_of: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Return what is found in the training rows, leaks first.

    Parameters
    ----------
    sample : RowSample
        Of the columns of `measures` and the targets.
    target : Target
    measures : mapping of str to ColumnMeasures
        Of the columns that the network reads.
    class_counts : ndarray of shape (n_classes,)
        The number of training rows of each class.
    in_order_of : sequence of str, default ()
        The date columns in whose order the rows are.
    """
    table = sample.table
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers whose squares overflow nothing is said
        return (
            *find_leaks(table, list(measures), target),
            *_identifiers(table, measures),
            *_spellings(target, measures),
            *_few_rows(target, class_counts),
            *_order(table, in_order_of, target),
        )


def _identifiers(table: Table, features: Iterable[str]) -> Iterator[Finding]:
    """Find whole numbers that never repeat although chance would repeat them, as those of customers or orders.

    Of n numbers drawn from r, n (n - 1) / 2r pairs are equal on average, and more if some are drawn more often.
    """
    for name in features:
        column = table[name]
        x = column.values[~column.missing]
        if column.kind != "number" or len(x) < FEW_ROWS or not np.all(x == np.trunc(x)):
            continue
        pairs = len(x) * (len(x) - 1) / 2 / (float(x.max()) - float(x.min()) + 1)
        if pairs > _EXPECTED and len(np.unique(x)) == len(x):
            yield Finding("identifier", (name,), f"{name!r} may be an identifier: no whole number occurs twice")


def _spellings(target: Target, measures: Mapping[str, ColumnMeasures]) -> Iterator[Finding]:
    """Find levels and classes that differ only by case or blanks."""
    labels = [label for label in target.classes if isinstance(label, str)]
    columns = [(target.names[0], labels, "classes")] if labels else []
    for name, found in measures.items():
        if found.tally is not None and found.header.kind == "text":
            columns.append((name, [found.header.levels[code] for code in found.tally.values], "categories"))
    for name, levels, what in columns:
        alike = _alike(levels)
        if alike:
            said = "; ".join(quoted(group) for group in alike[:3]) + (
                f" and {len(alike) - 3:,} more" * (len(alike) > 3)
            )
            text = f"{name!r}: {said} differ only by case or blanks, and count as different {what}"
            yield Finding("spelling", (name,), text)


def _alike(levels: Sequence[str]) -> list[list[str]]:
    """Group the levels that differ only by case or blanks.

    Examples
    --------
    >>> _alike(["Oslo", "oslo ", "Bergen", "New  York", "new york"])
    [['Oslo', 'oslo '], ['New  York', 'new york']]
    """
    groups: dict[str, list[str]] = {}
    for level in levels:
        groups.setdefault(" ".join(level.casefold().split()), []).append(level)
    return [group for group in groups.values() if len(group) > 1]


def _few_rows(target: Target, counts: Array) -> Iterator[Finding]:
    few = [(str(label), int(n)) for label, n in zip(target.classes, counts, strict=True) if n < FEW_ROWS]
    few.sort(key=lambda entry: entry[1])
    if few:
        said = ", ".join(f"{label!r} has {n:,}" for label, n in few[:5]) + (
            f" and {len(few) - 5:,} more" * (len(few) > 5)
        )
        yield Finding(
            "few rows", target.names, f"{target.names[0]!r}: fewer than {FEW_ROWS} rows to learn from: {said}"
        )


def _order(table: Table, in_order_of: Sequence[str], target: Target) -> Iterator[Finding]:
    """Find a target whose mean or class shares change along rows that are in the order of a date."""
    if not in_order_of or table.n_rows < 20 * _TENTHS:
        return
    when = in_order_of[0]
    tenth = np.arange(table.n_rows) * _TENTHS // table.n_rows
    y = target.encode(table)
    if target.task == "classification":
        series = [(f"share of {label!r}", (y == code) * 1.0) for code, label in enumerate(target.classes)]
    else:
        series = [(f"mean of {name!r}", values) for name, values in zip(target.names, y.T, strict=True)]
    what, values = max(series, key=lambda entry: _between(entry[1], tenth))
    if _between(values, tenth) < _ORDERED:
        return
    means = np.bincount(tenth, values) / np.bincount(tenth)
    low, high = sorted((int(means.argmin()), int(means.argmax())))
    said = " to ".join(f"{_written(means[tenth], target)} in tenth {tenth + 1}" for tenth in (low, high))
    text = f"the rows are in the order of {when!r}, and the {what} changes along them, from {said}"
    yield Finding("order", (when, *target.names), f"{text}: to predict later rows, test on the last ones")


def _between(values: Array, tenth: Array) -> float:
    """Return the share of the variance that is between the tenths, less what chance gives."""
    n, total = len(values), float(values.var())
    if not total:
        return 0.0
    sizes = np.bincount(tenth)
    means = np.bincount(tenth, values) / sizes
    return float(sizes @ (means - values.mean()) ** 2 / n / total) - 3 * _TENTHS / n


def _written(mean: float, target: Target) -> str:
    return f"{100 * mean:.0f} %" if target.task == "classification" else f"{mean:,.4g}"
