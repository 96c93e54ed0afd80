"""A table of any size understood, split and encoded: its encoded rows are on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from chainrule._errors import TargetError
from chainrule.estimator.elsewhere import Chosen, Elsewhere
from chainrule.estimator.spooling import encoded_rows, spooled, write_parts
from chainrule.estimator.table_task import Overrides, Understood, check_complete, network_targets
from chainrule.scale.parts import Parts, Places, Shares, draw_parts, with_target
from chainrule.scale.spool import SpooledRows
from chainrule.scale.survey import Survey, facts_of, survey
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
        Of what the network learns, over the rows that are not for the test: where its last bias starts.
    where : Whereabouts or None
        How another machine reads the table, if it can.
    chosen : tuple of Chosen
        Which rows of each of its pieces are training rows.
    """

    about: About
    rows: dict[str, SpooledRows]
    mean: tuple[float, ...]
    where: Whereabouts | None
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
        return replace(rows, anywhere=Elsewhere(self.where, self.chosen, encode, memory).bring)


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
    """Understand, split, measure and encode a table, each in a pass over it.

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
    facts = facts_of(_watched(pieces, "reading", on_read), {*names, *categorical})
    target = understand_target(header, names, asked.task, facts=facts)
    schema = understand(
        header,
        facts=facts,
        targets=names,
        drop=asked.drop,
        categorical=asked.categorical,
        numeric=asked.numeric,
        ordinal=asked.ordinal,
    )
    features = [plan.name for plan in schema.used]
    parts = _drawn(_watched(pieces, "splitting", on_read), target, features, shares, strict)
    needed = _watched(pieces.select([*features, *names]), "measuring", on_read)
    found = survey(needed, parts, shares.seed, targets=names, tallied=categorical)
    target = _measured(target, found)
    encoder = merged_encoder(schema, {plan.name: found.measured(plan.name) for plan in schema.used}, pieces.source)
    m = {part: parts.counts[part] for part in Places._fields}
    without = parts.counts["without target"]
    if test_pieces is not None:
        m["test"] = sum(len(with_target(piece, names)) for piece in test_pieces)
        without += test_pieces.n_rows - m["test"]
        check_complete(names, without if strict else 0)
    rows = spooled(folder, encoder, target, m)
    chosen = write_parts(rows, encoder, target, _watched(pieces, "encoding", on_read), parts, test_pieces)
    return PreparedPieces(
        schema=schema,
        target=target,
        encoder=encoder,
        dropped_rows=without,
        about=About(pieces.source, pieces.n_rows, pieces.names, pieces.notes),
        rows=rows,
        mean=_mean(target, found),
        where=pieces.whereabouts,
        chosen=chosen,
    )


def _drawn(pieces: Pieces, target: Target, features: list[str], shares: Shares, strict: bool) -> Parts:
    """Split the table; raise TargetError if no row is left to train on, or none is held out though some should be."""
    parts = draw_parts(pieces, target, features, shares)
    counts = parts.counts
    check_complete(target.names, counts["without target"] if strict else 0)
    if not counts["training"]:
        raise TargetError(
            f"no row of {pieces.source} is left to train on: {counts['without target']:,} of {pieces.n_rows:,} "
            f"lack a value of {', '.join(target.names)}, the others are held out."
        )
    for part, wanted in (("validation", shares.validation), ("test", shares.test)):
        if wanted and not counts[part]:
            raise TargetError(
                f"{pieces.n_rows:,} rows are too few, or too alike, to hold {wanted:.0%} of them out for {part}: none "
                "was drawn. Ask for a larger share, or for none."
            )
    return parts


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
    facts = found.facts[target.names[0]]
    values, counts = facts.tally or (np.empty(0), np.empty(0))
    codes = target.encode(Table((replace(facts.column, values=values),)))
    return tuple(np.average(network_targets(target, codes), axis=0, weights=counts).tolist())
