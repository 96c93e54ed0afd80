"""From the pieces of a table to the encoded rows of each of its parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chainrule.estimator.table_task import n_outputs, network_targets
from chainrule.network.types import Array
from chainrule.scale.parts import Places, Shares, with_target
from chainrule.scale.parts import row_keys as keys_of
from chainrule.scale.rows import Block
from chainrule.scale.spool import RowWriter, SpooledRows, row_writers
from chainrule.table import Encoder, Table, Target
from chainrule.table.pieces import Pieces


def spooled(folder: Path, encoder: Encoder, target: Target, m: dict[str, int]) -> dict[str, SpooledRows]:
    """Say where the rows of each part are, of which there are so many."""
    widths = len(encoder.feature_names), n_outputs(target)
    return {part: SpooledRows(folder / part, *widths, m[part]) for part in Places._fields}


def write_parts(
    rows: dict[str, SpooledRows],
    encoder: Encoder,
    target: Target,
    pieces: Pieces,
    shares: Shares,
    test_pieces: Pieces | None,
) -> tuple[int, ...]:
    """Encode every row, and write it to its part; return how many training rows each piece has."""
    counts = []
    with row_writers(list(rows.values())) as writers:
        for piece in pieces:
            places = _places(piece, target, shares)
            counts.append(len(places.training))
            for writer, inside in zip(writers, places, strict=True):
                _append(writer, encoder, target, piece, inside)
        for piece in test_pieces or ():
            _append(writers[-1], encoder, target, piece, with_target(piece, target.names))
    return tuple(counts)


def _places(piece: Table, target: Target, shares: Shares) -> Places:
    return shares.of(keys_of(piece), with_target(piece, target.names))


def training_rows(piece: Table, encoder: Encoder, target: Target, shares: Shares) -> Block:
    """Encode the training rows of a piece, to the bits of those that are spooled."""
    rows = _places(piece, target, shares).training
    Y = network_targets(target, target.encode(piece, rows))
    return Block(encoder.transform(piece, rows).astype(np.float32), Y.astype(np.float32))


def _append(writer: RowWriter, encoder: Encoder, target: Target, piece: Table, rows: Array) -> None:
    size = encoder.rows_at_once
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        writer.write(encoder.transform(piece, part), network_targets(target, target.encode(piece, part)))
