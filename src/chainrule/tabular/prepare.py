"""Prepare a table of any size: infer types, split, measure and encode, each in one pass over its batches."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from chainrule._errors import TargetError
from chainrule.fit.objective import Objective
from chainrule.network.rows import mix
from chainrule.network.types import Array
from chainrule.outofcore.remote_rows import Chosen, RemoteRows
from chainrule.outofcore.row_files import RowFiles
from chainrule.table import Encoder, Schema, Table, Target, infer_schema, infer_target
from chainrule.table.batches import Batches
from chainrule.table.column_summary import ColumnSummary
from chainrule.table.encoding.measures import ColumnMeasures, Rows, measure
from chainrule.table.encoding.moments import RunningMoments
from chainrule.table.reading.batches import ParquetBatches, ScanPlan
from chainrule.table.table_format import TableFormat
from chainrule.tabular.encode import EncodedRows, encode_parts, encoded_rows
from chainrule.tabular.split import PARTS, Shares, Split, split_table, with_target

_SAMPLE_VALUES, _SAMPLE_ROWS = 4_000_000, 200_000  # most values and rows of the sample for medians
ROLES = ("drop", "categorical", "numeric", "ordinal")


@dataclass(frozen=True)
class Overrides:
    """The user's choices for columns and task, which override what is inferred.

    With `embedding_size`, a number or "auto", categories become embedding vectors of that size instead of one feature
    each.
    """

    drop: Sequence[str] = ()
    categorical: Sequence[str] = ()
    numeric: Sequence[str] = ()
    ordinal: Sequence[str] = ()
    task: str = "auto"
    embedding_size: int | str | None = None


@dataclass(frozen=True)
class About:
    """A description of a table, shown before training."""

    source: str
    n_rows: int
    names: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PreparedTable:
    """A table with its schema, split and encoded.

    Attributes
    ----------
    about : About
    asked : Overrides
    objective : Objective
    shares : Shares
    schema, target, encoder
    rows : dict of str to ArrayRows or RowFiles
        The encoded rows of the parts "training", "validation" and "test", in memory or on disk.
    mean : tuple of float
        Mean of the network's targets over all rows except the test rows: the baseline's prediction.
    dropped_rows : int
        Number of rows without a target value, which are left out.
    notes : tuple of str
        Notes about the test table.
    scan_plan : ScanPlan, optional
        How another machine reads the table, if it can.
    chosen : tuple of Chosen
        The training rows of each of its batches.
    split : Split, optional
        The part of each row of the table; not restored with a checkpoint.
    format : TableFormat, optional
        How the texts of the table became values; the model reads later tables in the same way.
    """

    about: About
    asked: Overrides
    objective: Objective
    shares: Shares
    schema: Schema
    target: Target
    encoder: Encoder
    rows: dict[str, EncodedRows]
    mean: tuple[float, ...]
    dropped_rows: int = 0
    notes: tuple[str, ...] = ()
    scan_plan: ScanPlan | None = None
    chosen: tuple[Chosen, ...] = ()
    split: Split | None = None
    format: TableFormat | None = None

    @property
    def m(self) -> int:
        """The number of training rows, including those held out for early stopping."""
        return self.rows["training"].m + self.rows["validation"].m

    @property
    def class_shares(self) -> Array:
        """The share of each class among all rows except the test rows."""
        shares = np.array(self.mean)
        return shares if len(shares) > 1 else np.array([1 - shares[0], shares[0]])

    @property
    def weighted_mean(self) -> tuple[float, ...]:
        """The mean of the network's targets, each row with the weight of its class: where the last bias starts."""
        if self.class_weights is None:
            return self.mean
        shares = self.class_shares * np.array(self.class_weights)
        return tuple(shares[-len(self.mean) :].tolist())

    @property
    def class_weights(self) -> tuple[float, ...] | None:
        """The weight of each class, with a mean of 1 over the rows; None if all weigh the same."""
        return self.objective.class_weights(self.target, self.class_shares) if self.objective.class_weight else None

    @property
    def m_test(self) -> int:
        """The number of test rows."""
        return self.rows["test"].m

    def to_share(self, memory: int) -> RowFiles:
        """Return the training rows for other machines, which read them from the table itself if they can.

        Parameters
        ----------
        memory : int
            Most bytes for reading there.
        """
        rows = self.rows["training"]
        assert isinstance(rows, RowFiles)
        if self.scan_plan is None:
            return rows
        encode = partial(encoded_rows, encoder=self.encoder, target=self.target, class_weights=self.class_weights)
        return replace(rows, remote=RemoteRows(self.scan_plan, self.chosen, encode, memory).read_rows)


def prepare(
    batches: Batches,
    targets: Sequence[str | int],
    folder: Path | None = None,
    *,
    overrides: Overrides | None = None,
    objective: Objective | None = None,
    shares: Shares | None = None,
    test_batches: Batches | None = None,
    strict: bool = False,
    on_read: Any = None,
) -> PreparedTable:
    """Infer types, split, measure and encode a table, in the same way whether it is in memory or not.

    Parameters
    ----------
    batches : Batches
        `OneBatch.of(table)` for a table in memory.
    targets : sequence of str or int
        The columns to predict, by name or position.
    folder : Path, optional
        The folder to write the encoded rows to; by default they are kept in memory.
    overrides : Overrides, optional
    objective : Objective, optional
        Decides whether the target is standardised.
    shares : Shares, optional
        The shares of test and validation rows; with `test_batches` no test rows are taken from the table.
    test_batches : Batches, optional
        Another table to test on.
    strict : bool, default False
        Raise an error if rows lack a target value, instead of leaving them out.
    on_read : callable, optional
        Called with the name of the step, the number of rows done and the total.

    Raises
    ------
    TableError, TargetError, InvalidParameterError

    Examples
    --------
    >>> from chainrule.table import Column
    >>> from chainrule.table.batches import OneBatch
    >>> columns = Column("x", "number", np.arange(50) % 7 / 2), Column("y", "number", np.arange(50) % 2)
    >>> prepared = prepare(OneBatch.of(Table(columns)), ["y"])
    >>> prepared.target.task, prepared.rows["training"].m, prepared.rows["validation"].m, prepared.m_test
    ('classification', 36, 4, 10)
    """
    asked, objective, shares = overrides or Overrides(), objective or Objective(), shares or Shares()
    if test_batches is not None:
        shares = replace(shares, test=0.0)

    def watched(table: Batches, what: str) -> Batches:
        return table if on_read is None else table.watched(partial(on_read, what))

    target, schema = _infer(watched(batches, "reading"), targets, asked)
    features = [plan.name for plan in schema.used]
    split = split_table(watched(batches, "splitting"), target, features, shares)
    needed = watched(batches.select([*features, *target.names]), "measuring")
    y = _TargetMeasures(target, objective)
    measures = _measured(needed, split, schema, y, shares.seed)
    encoder, (target, mean) = Encoder.of(schema, measures, batches.source, asked.embedding_size), y.results()
    counts = {part: split.counts[part] for part in PARTS}
    without, notes = split.counts["without target"], dict[str, None]()
    for batch in test_batches or ():
        rows = with_target(batch, target)
        counts["test"] += len(rows)
        without += batch.n_rows - len(rows)
        notes |= dict.fromkeys(target.notes(batch))
    if strict and without:
        raise TargetError(
            f"{without:,} rows lack a value of {', '.join(target.names)}. Mend them, or leave out --strict."
        )
    encoded, chosen = encode_parts(folder, counts, encoder, target, watched(batches, "encoding"), split, test_batches)
    return PreparedTable(
        about=About(batches.source, batches.n_rows, batches.names, batches.notes),
        asked=asked,
        objective=objective,
        shares=shares,
        schema=schema,
        target=target,
        encoder=encoder,
        rows=encoded,
        mean=mean,
        dropped_rows=without,
        notes=tuple(notes),
        scan_plan=batches.scan_plan if isinstance(batches, ParquetBatches) else None,
        chosen=chosen,
        split=split,
        format=_format_of(batches.header, features, target.names),
    )


def _format_of(header: Table, features: Sequence[str], targets: Sequence[str]) -> TableFormat | None:
    """Return the format of the columns that the model uses; later tables need not have the targets."""
    found, names = header.format, {*features, *targets}
    columns = tuple(column for column in found.columns if column.name in names) if found else ()
    return found and replace(found, columns=columns, required=tuple(features))


def _infer(batches: Batches, targets: Sequence[str | int], asked: Overrides) -> tuple[Target, Schema]:
    """Infer the target and the role of each column from all rows."""
    header = batches.header
    names, categorical = header.resolve(targets), header.resolve(asked.categorical)
    summaries = summarize(batches, {*names, *categorical})
    target = infer_target(header, names, asked.task, summaries=summaries)
    schema = infer_schema(
        header,
        summaries=summaries,
        targets=names,
        drop=asked.drop,
        categorical=asked.categorical,
        numeric=asked.numeric,
        ordinal=asked.ordinal,
    )
    return target, schema


def summarize(batches: Batches, tallied: Collection[str]) -> dict[str, ColumnSummary]:
    """Summarise every column over all rows, to infer its role.

    Parameters
    ----------
    batches : Batches
    tallied : collection of str
        Names of columns whose distinct values are counted, whatever their kind.
    """
    total: dict[str, ColumnSummary] = {}
    for batch in batches:
        for column in batch.columns:
            summary = ColumnSummary.of(column, tally=column.name in tallied)
            total[column.name] = total[column.name] + summary if column.name in total else summary
    return total


def _measured(
    batches: Batches, split: Split, schema: Schema, y: _TargetMeasures, seed: int
) -> dict[str, ColumnMeasures]:
    """Measure all rows except the test rows: for the encoder, the target's units, and the baseline."""
    features = [plan.name for plan in schema.used]
    share = min(1.0, _SAMPLE_ROWS / batches.n_rows, _SAMPLE_VALUES / (batches.n_rows * len(features)))

    def rows() -> Iterator[Rows]:
        for start, batch, part in split.of(batches):
            untested = part.untested
            y.add(batch, untested)
            yield Rows(batch.select(features), untested, _sampled(start, untested, share, seed))

    return measure(batches.header.select(features), rows(), schema.categorical)


def _sampled(start: int, rows: Array, share: float, seed: int) -> Array:
    """Draw a share of a batch's rows, by their row numbers in the table."""
    draws = mix(np.uint64(start) + rows.astype(np.uint64) + mix(np.array([seed % 2**64], np.uint64)))
    return rows if share >= 1 else rows[draws < np.uint64(share * 2.0**64)]


class _TargetMeasures:
    """Statistics of the target over the measured rows: shares of classes, or mean and deviation of numbers."""

    def __init__(self, target: Target, objective: Objective) -> None:
        self.target, self.standardise = target, objective.standardises(target)
        self.loss = objective.loss_for(target)
        self.counts = np.zeros(len(target.classes))
        self.numbers = [RunningMoments() for _ in target.names]

    def add(self, batch: Table, rows: Array) -> None:
        """Add rows of a batch."""
        y = self.target.encode(batch, rows)
        if self.target.task == "classification":
            self.counts += np.bincount(y, minlength=len(self.counts))
        else:
            for moments, values in zip(self.numbers, y.T, strict=True):
                moments.add(values)

    def results(self) -> tuple[Target, tuple[float, ...]]:
        """Return the target with its units, and the mean of the network's targets.

        Raises
        ------
        TargetError
            If the loss is not defined for the least or the greatest number.
        """
        n = len(self.numbers)
        if self.target.task == "regression":
            found, zeros, ones = [moments.total() for moments in self.numbers], (0.0,) * n, (1.0,) * n
            means = tuple(each.mean for each in found)
            if not self.standardise:
                self.loss.check_target(np.array([[each.low for each in found], [each.high for each in found]]))
                return replace(self.target, centre=zeros, scale=ones), means
            return replace(self.target, centre=means, scale=tuple(each.deviation for each in found)), zeros
        codes = np.arange(len(self.counts))
        mean = np.average(self.target.to_network(codes), axis=0, weights=self.counts)
        return self.target, tuple(mean.tolist())
