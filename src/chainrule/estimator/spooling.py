"""From the pieces of a table to the encoded rows of each of its parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chainrule.estimator.elsewhere import Chosen, digest_of
from chainrule.estimator.table_task import n_outputs, network_targets
from chainrule.network.types import Array
from chainrule.scale.parts import Parts, Places, with_target
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
    parts: Parts,
    test_pieces: Pieces | None,
) -> tuple[Chosen, ...]:
    """Encode every row, and write it to its part; return which rows of each piece are training rows."""
    chosen = []
    with row_writers(list(rows.values())) as writers:
        for _, piece, places in parts.of(pieces):
            training, *_ = [
                _append(writer, encoder, target, piece, inside) for writer, inside in zip(writers, places, strict=True)
            ]
            chosen.append(Chosen.of(places.training, piece.n_rows, training))
        for piece in test_pieces or ():
            _append(writers[-1], encoder, target, piece, with_target(piece, target.names))
    return tuple(chosen)


def encoded_rows(piece: Table, encoder: Encoder, target: Target) -> Block:
    """Encode all rows of a piece, to the bits of those that are spooled."""
    Y = network_targets(target, target.encode(piece))
    return Block(encoder.transform(piece).astype(np.float32), Y.astype(np.float32))


def _append(writer: RowWriter, encoder: Encoder, target: Target, piece: Table, rows: Array) -> int:
    """Encode and write some rows of a piece; return their digest."""
    size, digest = encoder.rows_at_once, 0
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        X, Y = encoder.transform(piece, part), network_targets(target, target.encode(piece, part))
        writer.write(X, Y)
        digest += digest_of(X, Y)
    return digest % 2**64
