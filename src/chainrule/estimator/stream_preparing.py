"""A table of any size understood, split and encoded: its encoded rows are on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from chainrule.estimator.elsewhere import Elsewhere
from chainrule.estimator.spooling import spooled, training_rows, write_parts
from chainrule.estimator.table_task import Overrides, Understood, check_complete, network_targets
from chainrule.scale.parts import Places, Shares, with_target
from chainrule.scale.spool import SpooledRows
from chainrule.scale.survey import Survey, survey
from chainrule.table import Table, Target, understand, understand_target
from chainrule.table.merged_features import merged_encoder
from chainrule.table.pieces import Pieces, Whereabouts

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
        Of what the network learns, over the training rows: where its last bias starts.
    shares : Shares
    where : Whereabouts or None
        How another machine reads the table, if it can.
    counts : tuple of int
        How many training rows each of its pieces has.
    """

    about: About
    rows: dict[str, SpooledRows]
    mean: tuple[float, ...]
    shares: Shares
    where: Whereabouts | None
    counts: tuple[int, ...]

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
        encode = partial(training_rows, encoder=self.encoder, target=self.target, shares=self.shares)
        return replace(rows, anywhere=Elsewhere(self.where, self.counts, encode, memory).bring)


def prepare_pieces(
    pieces: Pieces,
    targets: Sequence[str | int],
    folder: Path,
    *,
    overrides: Overrides | None = None,
    shares: Shares | None = None,
    test_pieces: Pieces | None = None,
    strict: bool = False,
    on_read: OnRead | None = None,
) -> PreparedPieces:
    """Understand, split and encode a table in two passes over it.

    Parameters
    ----------
    pieces : Pieces
    targets : sequence of str or int
        The columns to predict, by name or number.
    folder : Path
        Where the encoded rows are put.
    overrides : Overrides, optional
    shares : Shares, optional
        Of the rows to test on, none of which are taken where `test_pieces` are given, and of those held out.
    test_pieces : Pieces, optional
    strict : bool, default False
        Raise where rows lack a target value, instead of leaving them out.
    on_read : callable, optional
        Told what is done, on how many rows by now, and of how many.

    Raises
    ------
    TableError, TargetError, InvalidParameterError
    """
    asked, header = overrides or Overrides(), pieces.header
    shares = shares or Shares()
    if test_pieces is not None:
        shares = replace(shares, test=0.0)
    names, categorical = header.resolve(targets), header.resolve(asked.categorical)
    found = survey(_watched(pieces, "measuring", on_read), names, shares, tallied=categorical)
    check_complete(names, found.rows["without target"] if strict else 0)
    target = understand_target(header, names, asked.task, facts=found.facts)
    schema = understand(
        header,
        facts=found.facts,
        targets=names,
        drop=asked.drop,
        categorical=asked.categorical,
        numeric=asked.numeric,
        ordinal=asked.ordinal,
    )
    target = _measured(target, found)
    encoder = merged_encoder(schema, {plan.name: found.measured(plan.name) for plan in schema.used}, pieces.source)
    m = {part: found.rows[part] for part in Places._fields}
    without = found.rows["without target"]
    if test_pieces is not None:
        m["test"] = sum(len(with_target(piece, names)) for piece in test_pieces)
        without += test_pieces.n_rows - m["test"]
        check_complete(names, without if strict else 0)
    rows = spooled(folder, encoder, target, m)
    counts = write_parts(rows, encoder, target, _watched(pieces, "encoding", on_read), shares, test_pieces)
    return PreparedPieces(
        schema=schema,
        target=target,
        encoder=encoder,
        dropped_rows=without,
        about=About(pieces.source, pieces.n_rows, pieces.names, pieces.notes),
        rows=rows,
        mean=_mean(target, found),
        shares=shares,
        where=pieces.whereabouts,
        counts=counts,
    )


def _watched(pieces: Pieces, what: str, on_read: OnRead | None) -> Pieces:
    return pieces if on_read is None else replace(pieces, on_read=partial(on_read, what))


def _measured(target: Target, found: Survey) -> Target:
    """Measure the centre and the scale of a regression target."""
    if target.task == "classification":
        return target
    moments = [found.moments[name]["value"] for name in target.names]
    return replace(target, centre=tuple(each.mean for each in moments), scale=tuple(each.deviation for each in moments))


def _mean(target: Target, found: Survey) -> tuple[float, ...]:
    """The mean of what the network learns over the training rows: the classes' shares, or 0."""
    if target.task == "regression":
        return (0.0,) * len(target.names)
    facts = found.training[target.names[0]]
    values, counts = facts.tally or (np.empty(0), np.empty(0))
    codes = target.encode(Table((replace(facts.column, values=values),)))
    return tuple(np.average(network_targets(target, codes), axis=0, weights=counts).tolist())
