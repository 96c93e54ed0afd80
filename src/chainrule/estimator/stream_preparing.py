"""A table of any size understood, split and encoded: its encoded rows are on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from chainrule.estimator.table_task import Overrides, Understood, check_complete, n_outputs, network_targets
from chainrule.network.types import Array
from chainrule.scale.parts import Places, Shares, with_target
from chainrule.scale.parts import row_keys as keys_of
from chainrule.scale.spool import RowWriter, SpooledRows, row_writers
from chainrule.scale.survey import Survey, survey
from chainrule.table import Encoder, Table, Target, understand, understand_target
from chainrule.table.merged_features import merged_encoder
from chainrule.table.pieces import Pieces


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
    """

    about: About
    rows: dict[str, SpooledRows]
    mean: tuple[float, ...]

    @property
    def m(self) -> int:
        """How many rows there are to train on."""
        return self.rows["training"].m + self.rows["validation"].m

    @property
    def m_test(self) -> int:
        """How many rows there are to test on."""
        return self.rows["test"].m


def prepare_pieces(
    pieces: Pieces,
    targets: Sequence[str | int],
    folder: Path,
    *,
    overrides: Overrides | None = None,
    shares: Shares | None = None,
    test_pieces: Pieces | None = None,
    strict: bool = False,
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

    Raises
    ------
    TableError, TargetError, InvalidParameterError
    """
    asked, header = overrides or Overrides(), pieces.header
    shares = shares or Shares()
    if test_pieces is not None:
        shares = replace(shares, test=0.0)
    names, categorical = header.resolve(targets), header.resolve(asked.categorical)
    found = survey(pieces, names, shares, tallied=categorical)
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
    _spool(rows, encoder, target, pieces, shares, test_pieces)
    return PreparedPieces(
        schema=schema,
        target=target,
        encoder=encoder,
        dropped_rows=without,
        about=About(pieces.source, pieces.n_rows, pieces.names, pieces.notes),
        rows=rows,
        mean=_mean(target, found),
    )


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


def spooled(folder: Path, encoder: Encoder, target: Target, m: dict[str, int]) -> dict[str, SpooledRows]:
    """Say where the rows of each part are, of which there are so many."""
    widths = len(encoder.feature_names), n_outputs(target)
    return {part: SpooledRows(folder / part, *widths, m[part]) for part in Places._fields}


def _spool(
    rows: dict[str, SpooledRows],
    encoder: Encoder,
    target: Target,
    pieces: Pieces,
    shares: Shares,
    test_pieces: Pieces | None,
) -> None:
    """Encode every row, and write it to its part."""
    with row_writers(list(rows.values())) as writers:
        for piece in pieces:
            places = shares.of(keys_of(piece), with_target(piece, target.names))
            for writer, inside in zip(writers, places, strict=True):
                _append(writer, encoder, target, piece, inside)
        for piece in test_pieces or ():
            _append(writers[-1], encoder, target, piece, with_target(piece, target.names))


def _append(writer: RowWriter, encoder: Encoder, target: Target, piece: Table, rows: Array) -> None:
    size = encoder.rows_at_once
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        writer.write(encoder.transform(piece, part), network_targets(target, target.encode(piece, part)))
