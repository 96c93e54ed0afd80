"""Prepare a table of any size: infer types, split, measure and encode, each in one pass over its batches."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, TargetError
from chainrule.fit.objective import Objective
from chainrule.network.rows import mix
from chainrule.network.types import Array
from chainrule.outofcore.remote_rows import Chosen, RemoteRows
from chainrule.outofcore.row_files import RowFiles
from chainrule.table import ColumnPlan, Encoder, Schema, Table, Target, infer_schema, infer_target
from chainrule.table.batches import Batches
from chainrule.table.column_summary import ColumnSummary
from chainrule.table.encoding.measures import ColumnMeasures, Rows, measure
from chainrule.table.encoding.moments import RunningMoments
from chainrule.table.holdout import at
from chainrule.table.reading.batches import ParquetBatches, ScanPlan
from chainrule.table.table_format import TableFormat
from chainrule.tabular.encode import EncodedRows, RowEncoding, encode_parts, encoded_rows
from chainrule.tabular.findings.drift import Drift, Profile, profiles
from chainrule.tabular.findings.find import SAMPLE_ROWS, SAMPLE_VALUES, RowSample, find
from chainrule.tabular.findings.finding import Finding
from chainrule.tabular.log_target import is_skewed, with_logarithm
from chainrule.tabular.splitting.shares import PARTS, Shares
from chainrule.tabular.splitting.split import Split, split_table, with_target
from chainrule.tabular.splitting.split_by_column import not_apart
from chainrule.tabular.weights import Weighed, row_weights, weighed

_SAMPLE_VALUES, _SAMPLE_ROWS = 4_000_000, 200_000  # most values and rows of the sample for medians
ROLES = ("drop", "categorical", "numeric", "ordinal")


@dataclass(frozen=True)
class Overrides:
    """The user's choices for columns and task, which override what is inferred.

    With `embedding_size`, a number or "auto", categories become embedding vectors of that size instead of one feature
    each. The column `weight` holds the weight of each row.
    """

    drop: Sequence[str] = ()
    categorical: Sequence[str] = ()
    numeric: Sequence[str] = ()
    ordinal: Sequence[str] = ()
    task: str = "auto"
    embedding_size: int | str | None = None
    weight: str | None = None

    @property
    def weights(self) -> tuple[str, ...]:
        """The column of weights, if there is one."""
        return () if self.weight is None else (self.weight,)


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
    unit_means : tuple of float
        The means of regression targets over the same rows, in the units of the table; empty for classes.
    suggests_log : bool
        Whether the targets are so skewed that their logarithm may be easier to learn; not restored with a checkpoint.
    dropped_rows : int
        Number of rows without a target value, which are left out.
    zero_rows : int
        Number of rows of weight 0, which are left out, too.
    notes : tuple of str
        Notes about the test table.
    split_notes : tuple of str
        What a split by groups or by time did.
    in_order_of : tuple of str
        The date columns in whose order the rows are, if they were split at random.
    findings : tuple of Finding
        What a person should know about the table, and how the test table differs from it.
    profiles : tuple of Profile
        Of the columns that the network reads, to compare other tables with.
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
    unit_means: tuple[float, ...] = ()
    suggests_log: bool = False
    dropped_rows: int = 0
    zero_rows: int = 0
    notes: tuple[str, ...] = ()
    split_notes: tuple[str, ...] = ()
    in_order_of: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    profiles: tuple[Profile, ...] = ()
    scan_plan: ScanPlan | None = None
    chosen: tuple[Chosen, ...] = ()
    split: Split | None = None
    format: TableFormat | None = None

    def __repr__(self) -> str:
        rows = ", ".join(f"{self.rows[part].m:,} {part}" for part in PARTS)
        return f"PreparedTable({self.about.source!r}, {rows} rows, {self.target!r}, {self.schema!r})"

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
        encoding = RowEncoding(self.encoder, self.target, self.asked.weight)
        encode = partial(encoded_rows, encoding=encoding, class_weights=self.class_weights, unit=rows.mean_weight)
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
    asked, objective, shares = _named(overrides, batches.header), objective or Objective(), shares or Shares()
    if test_batches is not None:
        shares = replace(shares, test=0.0)

    def watched(table: Batches, what: str) -> Batches:
        return table if on_read is None else table.watched(partial(on_read, what))

    counted = Weighed(batches) if asked.weight is None else weighed(watched(batches, "weighing"), asked.weight)
    whole, batches, zeros = batches, counted.batches, counted.zeros
    if test_batches is not None and asked.weight is not None:
        tested = weighed(test_batches, asked.weight)
        test_batches, zeros = tested.batches, zeros + tested.zeros
    shares = shares.resolved(batches.header, batches.header.resolve(targets))
    target, schema = _infer(watched(batches, "reading"), targets, asked, shares)
    objective.loss_for(target)
    if objective.log_target:
        target = with_logarithm(target, [batches] if test_batches is None else [batches, test_batches])
    features = [plan.name for plan in schema.used]
    dates = [plan.name for plan in schema.used if plan.role == "date"]
    split = split_table(watched(batches, "splitting"), target, features, shares, dates)
    needed = watched(batches.select([*features, *target.names, *asked.weights]), "measuring")
    y = _TargetMeasures(target, objective)
    sample = RowSample(needed.header)
    measures = _measured(needed, split, schema, y, sample, shares.seed, asked.weight, counted.unit)
    encoder = Encoder.of(schema, measures, batches.source, asked.embedding_size)
    target, mean, unit_means = y.results()
    counts = {part: split.counts[part] for part in PARTS}
    without, notes = split.counts["without target"], dict[str, None]()
    of_rows = {name: found.as_rows for name, found in measures.items()}
    profiled = profiles(schema, of_rows)
    drift = Drift(profiled)
    for batch in test_batches or ():
        rows = with_target(batch, target)
        counts["test"] += len(rows)
        without += batch.n_rows - len(rows)
        notes |= dict.fromkeys(target.notes(batch))
        drift.add(batch)
    if test_batches is not None:
        notes |= dict.fromkeys(not_apart(batches, test_batches, shares))
    if strict and without:
        raise TargetError(
            f"{without:,} rows lack a value of {', '.join(target.names)}. Mend them, or leave out --strict."
        )
    encoding = RowEncoding(encoder, target, asked.weight)
    encoded, chosen = encode_parts(folder, counts, encoding, watched(batches, "encoding"), split, test_batches)
    return PreparedTable(
        about=About(whole.source, whole.n_rows, whole.names, (*whole.notes, *_notes_of(target, whole.header))),
        asked=asked,
        objective=objective,
        shares=shares,
        schema=schema,
        target=target,
        encoder=encoder,
        rows=encoded,
        mean=mean,
        unit_means=unit_means,
        suggests_log=y.suggests_log,
        dropped_rows=without,
        zero_rows=zeros,
        notes=tuple(notes),
        split_notes=split.notes,
        in_order_of=split.in_order_of,
        findings=(*find(sample, target, of_rows, y.rows, split.in_order_of), *drift.findings()),
        profiles=profiled,
        scan_plan=batches.scan_plan if isinstance(batches, ParquetBatches) else None,
        chosen=chosen,
        split=split,
        format=_format_of(batches.header, features, [*target.names, *asked.weights]),
    )


def _notes_of(target: Target, header: Table) -> Iterator[str]:
    """Yield what reading noted about the target's columns, which have no place in the schema."""
    columns = (header[name] for name in target.names)
    return (f"{column.name}: {column.note}" for column in columns if column.note)


def _format_of(header: Table, features: Sequence[str], others: Sequence[str]) -> TableFormat | None:
    """Return the format of the columns that the model uses; later tables need not have targets and weights."""
    found, names = header.format, {*features, *others}
    columns = tuple(column for column in found.columns if column.name in names) if found else ()
    return found and replace(found, columns=columns, required=tuple(features))


def _infer(batches: Batches, targets: Sequence[str | int], asked: Overrides, shares: Shares) -> tuple[Target, Schema]:
    """Infer the target and the role of each column from all rows; the column of groups is no feature."""
    header = batches.header
    names, categorical = header.resolve(targets), header.resolve(asked.categorical)
    summaries = summarize(batches, {*names, *categorical})
    if asked.weight in names:
        raise InvalidParameterError(f"column {asked.weight!r} cannot be both the target and the weight of a row.")
    target = infer_target(header, names, asked.task, summaries=summaries)
    schema = infer_schema(
        header,
        summaries=summaries,
        targets=names,
        drop=[*asked.drop, *([] if shares.by is None else [shares.by])],
        categorical=asked.categorical,
        numeric=asked.numeric,
        ordinal=asked.ordinal,
        weights=asked.weights,
    )
    return target, Schema(tuple(_said(plan, shares) for plan in schema.plans))


def _said(plan: ColumnPlan, shares: Shares) -> ColumnPlan:
    """Note at a column that the table is split by it."""
    if plan.name == shares.by:
        return replace(plan, note="its groups stay together in the split")
    if plan.name == shares.time:
        return replace(plan, note=", ".join(filter(None, [plan.note, "the order of the split"])))
    return plan


def _named(asked: Overrides | None, header: Table) -> Overrides:
    """Return the choices with the weight as a column's name, however it was given."""
    if asked is None or asked.weight is None:
        return asked or Overrides()
    return replace(asked, weight=header[asked.weight].name)


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
    batches: Batches,
    split: Split,
    schema: Schema,
    y: _TargetMeasures,
    sample: RowSample,
    seed: int,
    weight: str | None = None,
    unit: float = 1.0,
) -> dict[str, ColumnMeasures]:
    """Measure all rows except the test rows: for the encoder, the target's units, and the baseline; sample some.

    Each row counts as often as its weight says, with `unit` as once.
    """
    features = [plan.name for plan in schema.used]
    share = min(1.0, _SAMPLE_ROWS / batches.n_rows, _SAMPLE_VALUES / (batches.n_rows * len(features)))
    searched = min(1.0, SAMPLE_ROWS / batches.n_rows, SAMPLE_VALUES / (batches.n_rows * len(features)))

    def rows() -> Iterator[Rows]:
        for start, batch, part in split.of(batches):
            untested = part.untested
            weights = None if weight is None else row_weights(batch, weight) / unit
            sampled = _sampled(start, untested, share, seed)
            y.add(batch, untested, sampled, at(weights, untested))
            sample.add(batch, _sampled(start, untested, searched, seed))
            yield Rows(batch.select(features), untested, sampled, weights)

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
        self.counts = np.zeros(len(target.classes))  # weights of the rows of each class
        self.rows = np.zeros(len(target.classes), np.int64)
        self.numbers = [RunningMoments() for _ in target.names]
        self.learned = [RunningMoments() for _ in target.names]  # of what the network learns: numbers, or logarithms
        self.sample: list[Array] = []

    def add(self, batch: Table, rows: Array, sampled: Array, weights: Array | None = None) -> None:
        """Add rows of a batch, with the weight of each; some of them are a sample."""
        y = self.target.encode(batch, rows)
        if self.target.task == "classification":
            self.counts += np.bincount(y, weights, minlength=len(self.counts))
            self.rows += np.bincount(y, minlength=len(self.rows))
        else:
            for numbers, learned, values in zip(self.numbers, self.learned, y.T, strict=True):
                numbers.add(values, weights)
                learned.add(self.target.transformed(values), weights)
            self.sample.append(self.target.encode(batch, sampled))

    @property
    def suggests_log(self) -> bool:
        """Whether the logarithm of every target may be easier to learn than the target."""
        if not self.standardise or self.target.transform != "none":
            return False
        return all(map(is_skewed, np.concatenate(self.sample).T))

    def results(self) -> tuple[Target, tuple[float, ...], tuple[float, ...]]:
        """Return the target with its units, the mean of the network's targets, and the means of numbers in units.

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
                return replace(self.target, centre=zeros, scale=ones), means, means
            learned = [moments.total() for moments in self.learned]
            centre, scale = (each.mean for each in learned), (each.deviation for each in learned)
            return replace(self.target, centre=tuple(centre), scale=tuple(scale)), zeros, means
        codes = np.arange(len(self.counts))
        mean = np.average(self.target.to_network(codes), axis=0, weights=self.counts)
        return self.target, tuple(mean.tolist()), ()
