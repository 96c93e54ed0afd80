"""A table model's predictions and figures on a table in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainrule._errors import TargetError
from chainrule.metrics.summed import sums_of
from chainrule.network.types import Array
from chainrule.table.columns import Table
from chainrule.table.reading.batches import Batches
from chainrule.tabular.model import TableModel


@dataclass(frozen=True)
class Evaluation:
    """The figures of a model on a table, and what is to be said with them.

    Attributes
    ----------
    source : str
    figures : dict of str to float
    rows, without_target : int
        How many rows counted, and how many lack a target value.
    notes : tuple of str
    """

    source: str
    figures: dict[str, float]
    rows: int
    without_target: int
    notes: tuple[str, ...]


def answers(model: TableModel, batch: Table, rows: Array | None = None) -> Array:
    """What the network says of the rows of a batch: the probability of each class, or numbers in the table's units."""
    rows = np.arange(batch.n_rows) if rows is None else rows
    size = model.encoder.rows_at_once
    starts = range(0, max(len(rows), 1), size)
    parts = [model.answers(model.encoder.transform(batch, rows[start : start + size])) for start in starts]
    return np.concatenate(parts)


def evaluate_batches(model: TableModel, batches: Batches) -> Evaluation:
    """Judge a model on a table in batches, as `TableModel.evaluate` does on a table in memory.

    Raises
    ------
    TableError, TargetError
        If columns are missing, or every row lacks a target value.
    """
    target, sums = model.target, sums_of(model.target.task)
    counted, notes = 0, dict[str, None]()
    for batch in batches:
        rows = np.flatnonzero(~target.missing(batch))
        if len(rows):
            sums.add(target.encode(batch, rows), answers(model, batch, rows))
        counted += len(rows)
        notes |= dict.fromkeys(target.notes(batch))
    if not counted:
        raise TargetError(f"every row of {batches.source} lacks a value of {', '.join(target.names)}.")
    return Evaluation(batches.source, sums.figures(), counted, batches.n_rows - counted, tuple(notes))


def evaluate_table(model: TableModel, table: Table) -> Evaluation:
    """Judge a model on a table in memory."""
    missing = int(model.target.missing(table).sum())
    figures = model.evaluate(table)
    return Evaluation(table.source, figures, table.n_rows - missing, missing, model.target.notes(table))


def predictions(model: TableModel, answer: Array) -> Iterator[tuple[str, Array]]:
    """Name the columns that say what the network says: the prediction and the classes' probabilities, or numbers."""
    target = model.target
    if target.task == "classification":
        yield "prediction", np.array(target.classes)[answer.argmax(axis=1)]
        yield from ((f"p_{name}", answer[:, k]) for k, name in enumerate(target.classes))
    elif answer.shape[1] == 1:
        yield "prediction", answer[:, 0]
    else:
        yield from ((f"prediction_{name}", answer[:, k]) for k, name in enumerate(target.names))
