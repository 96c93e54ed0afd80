"""The sample weights of a table's rows: a column of numbers, checked once; rows of weight 0 are as good as absent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chainrule._errors import TableError
from chainrule.network.types import Array
from chainrule.table import Column, Table
from chainrule.table.batches import Batches, SomeRows
from chainrule.table.column_summary import ColumnSummary


@dataclass(frozen=True, eq=False)
class Weighed:
    """A table without its rows of weight 0.

    Attributes
    ----------
    batches : Batches
    zeros : int
        The number of rows of weight 0, which are left out.
    unit : float
        The weight that counts as one copy of a row: 1, or the mean weight if it is lower.
    """

    batches: Batches
    zeros: int = 0
    unit: float = 1.0


def weighed(batches: Batches, name: str) -> Weighed:
    """Check the weights of all rows in one pass, and leave out the rows of weight 0.

    Raises
    ------
    TableError
        If a weight is missing, negative or infinite, naming the first such row; or if all weights are 0.

    Examples
    --------
    >>> from chainrule.table.batches import OneBatch
    >>> table = Table((Column("x", "number", np.arange(3)), Column("w", "number", np.array([2.0, 0.0, 1.0]))))
    >>> found = weighed(OneBatch.of(table), "w")
    >>> found.batches.column("x").values.tolist(), found.zeros
    ([0, 2], 1)
    """
    kept, total, done = list[Array](), 0.0, 0
    for batch in batches.select([name]):
        weights = row_weights(batch, name, done)
        kept.append(weights > 0)
        with np.errstate(over="ignore"):  # an infinite sum is refused below
            total += float(weights.sum())
        done += batch.n_rows
    mask = np.concatenate(kept) if kept else np.zeros(0, bool)
    positive = int(np.count_nonzero(mask))
    if not positive:
        raise TableError(f"every row of {batches.source} has weight 0 in column {name!r}: give some a positive weight.")
    if not math.isfinite(total):
        raise TableError(
            f"the weights in column {name!r} of {batches.source} are too large to be added up: scale them."
        )
    some = batches if positive == len(mask) else SomeRows.of(batches, mask)
    return Weighed(some, len(mask) - positive, min(1.0, total / positive))


def row_weights(batch: Table, name: str, first: int = 0) -> Array:
    """Return the weights of a batch, float64, whose first row has the number `first` in the table.

    Raises
    ------
    TableError
        If they are no numbers, or one is missing, negative or infinite.
    """
    column = batch[name]
    if column.kind not in ("number", "boolean"):
        raise TableError(
            f"Column {name!r} cannot hold the weights: they must be numbers, but it has "
            f"{ColumnSummary.of(column).example}."
        )
    weights = column.values.astype(np.float64)
    bad = np.flatnonzero(~((weights >= 0) & (weights < np.inf)) | column.missing)
    if len(bad):
        raise _refused(column, int(bad[0]), first, batch.source)
    return weights


def _refused(column: Column, row: int, first: int, source: str) -> TableError:
    where = f"row {first + row:,}, counted from 0, of {source}"
    if column.missing[row]:
        return TableError(
            f"{where} has no weight, or none that is finite, in column {column.name!r}. Fill it in; 0 leaves a row out."
        )
    return TableError(f"{where} has the weight {column.values[row]:g}; weights must be finite and at least 0.")
