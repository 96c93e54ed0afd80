"""A table of any size understood, split and encoded: its encoded rows are on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from chainrule._errors import TargetError
from chainrule.outofcore.remote_rows import Chosen, RemoteRows
from chainrule.outofcore.row_files import SpooledRows
from chainrule.table import Table, Target, infer_schema, infer_target
from chainrule.table.encoding.merge_blocks import merged_encoder
from chainrule.table.reading.batches import Batches, ScanPlan
from chainrule.tabular.encode import encoded_rows, spooled, write_parts
from chainrule.tabular.split import Parts, Shares, SplitRows, draw_parts, with_target
from chainrule.tabular.summarize import TableSummary, facts_of, survey
from chainrule.tabular.task import Overrides, Understood, check_complete, network_targets

OnRead = Callable[[str, int, int], None]


@dataclass(frozen=True)
class About:
    """What is said of a table before training."""

    source: str
    n_rows: int
    names: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PreparedPieces(Understood):
    """A table understood, split and encoded, its rows on disk.

    Attributes
    ----------
    about : About
    rows : dict of str to SpooledRows
        Of the parts "training", "validation" and "test".
    mean : tuple of float
        Of what the network learns, over the rows that are not for the test: where its last bias starts.
    where : ScanPlan or None
        How another machine reads the table, if it can.
    chosen : tuple of Chosen
        Which rows of each of its batches are training rows.
    """

    about: About
    rows: dict[str, SpooledRows]
    mean: tuple[float, ...]
    where: ScanPlan | None
    chosen: tuple[Chosen, ...]

    @property
    def m(self) -> int:
        """How many rows there are to train on."""
        return self.rows["training"].m + self.rows["validation"].m

    @property
    def m_test(self) -> int:
        """How many rows there are to test on."""
        return self.rows["test"].m

    def to_share(self, memory: int) -> SpooledRows:
        """Return the training rows, which other machines read from the table itself, where they can.

        Parameters
        ----------
        memory : int
            Bytes that reading may take there.
        """
        rows = self.rows["training"]
        if self.where is None:
            return rows
        encode = partial(encoded_rows, encoder=self.encoder, target=self.target)
        return replace(rows, remote=RemoteRows(self.where, self.chosen, encode, memory).read_rows)


def prepare_batches(
    batches: Batches,
    targets: Sequence[str | int],
    folder: Path,
    *,
    overrides: Overrides | None = None,
    shares: Shares | None = None,
    test_batches: Batches | None = None,
    strict: bool = False,
    on_read: OnRead | None = None,
) -> PreparedPieces:
    """Understand, split, measure and encode a table, each in a pass over it.

    Parameters
    ----------
    batches : Batches
    targets : sequence of str or int
        The columns to predict, by name or number.
    folder : Path
        Where the encoded rows are put.
    overrides : Overrides, optional
    shares : Shares, optional
        Of the rows to test on, none of which are taken where `test_batches` are given, and of those held out.
    test_batches : Batches, optional
    strict : bool, default False
        Raise where rows lack a target value, instead of leaving them out.
    on_read : callable, optional
        Told what is done, on how many rows by now, and of how many.

    Raises
    ------
    TableError, TargetError, InvalidParameterError
    """
    asked, header = overrides or Overrides(), batches.header
    shares = shares or Shares()
    if test_batches is not None:
        shares = replace(shares, test=0.0)
    names, categorical = header.resolve(targets), header.resolve(asked.categorical)
    facts = facts_of(_watched(batches, "reading", on_read), {*names, *categorical})
    target = infer_target(header, names, asked.task, facts=facts)
    schema = infer_schema(
        header,
        facts=facts,
        targets=names,
        drop=asked.drop,
        categorical=asked.categorical,
        numeric=asked.numeric,
        ordinal=asked.ordinal,
    )
    features = [plan.name for plan in schema.used]
    parts = _drawn(_watched(batches, "splitting", on_read), target, features, shares, strict)
    needed = _watched(batches.select([*features, *names]), "measuring", on_read)
    found = survey(needed, parts, shares.seed, targets=names, tallied=categorical)
    target = _measured(target, found)
    encoder = merged_encoder(schema, {plan.name: found.measured(plan.name) for plan in schema.used}, batches.source)
    m = {part: parts.counts[part] for part in SplitRows._fields}
    without = parts.counts["without target"]
    if test_batches is not None:
        m["test"] = sum(len(with_target(batch, names)) for batch in test_batches)
        without += test_batches.n_rows - m["test"]
        check_complete(names, without if strict else 0)
    rows = spooled(folder, encoder, target, m)
    chosen = write_parts(rows, encoder, target, _watched(batches, "encoding", on_read), parts, test_batches)
    return PreparedPieces(
        schema=schema,
        target=target,
        encoder=encoder,
        dropped_rows=without,
        about=About(batches.source, batches.n_rows, batches.names, batches.notes),
        rows=rows,
        mean=_mean(target, found),
        where=batches.scan_plan,
        chosen=chosen,
    )


def _drawn(batches: Batches, target: Target, features: list[str], shares: Shares, strict: bool) -> Parts:
    """Split the table; raise TargetError if no row is left to train on, or none is held out though some should be."""
    parts = draw_parts(batches, target, features, shares)
    counts = parts.counts
    check_complete(target.names, counts["without target"] if strict else 0)
    if not counts["training"]:
        raise TargetError(
            f"no row of {batches.source} is left to train on: {counts['without target']:,} of {batches.n_rows:,} "
            f"lack a value of {', '.join(target.names)}, the others are held out."
        )
    for part, wanted in (("validation", shares.validation), ("test", shares.test)):
        if wanted and not counts[part]:
            raise TargetError(
                f"{batches.n_rows:,} rows are too few, or too alike, to hold {wanted:.0%} of them out for {part}: none "
                "was drawn. Ask for a larger share, or for none."
            )
    return parts


def _watched(batches: Batches, what: str, on_read: OnRead | None) -> Batches:
    return batches if on_read is None else replace(batches, on_read=partial(on_read, what))


def _measured(target: Target, found: TableSummary) -> Target:
    """Measure the centre and the scale of a regression target."""
    if target.task == "classification":
        return target
    moments = [found.moments[name]["value"] for name in target.names]
    return replace(target, centre=tuple(each.mean for each in moments), scale=tuple(each.deviation for each in moments))


def _mean(target: Target, found: TableSummary) -> tuple[float, ...]:
    """The mean of what the network learns over the training rows: the classes' shares, or 0."""
    if target.task == "regression":
        return (0.0,) * len(target.names)
    facts = found.facts[target.names[0]]
    values, counts = facts.tally or (np.empty(0), np.empty(0))
    codes = target.encode(Table((replace(facts.column, values=values),)))
    return tuple(np.average(network_targets(target, codes), axis=0, weights=counts).tolist())
