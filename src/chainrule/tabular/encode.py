"""From the batches of a table to the encoded rows of each of its parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chainrule.network.types import Array
from chainrule.outofcore.remote_rows import Chosen, digest_of
from chainrule.outofcore.row_files import RowWriter, SpooledRows, row_writers
from chainrule.outofcore.rows import Block
from chainrule.table import Encoder, Table, Target
from chainrule.table.reading.batches import Batches
from chainrule.tabular.split import Parts, SplitRows, with_target
from chainrule.tabular.task import n_outputs, network_targets


def spooled(folder: Path, encoder: Encoder, target: Target, m: dict[str, int]) -> dict[str, SpooledRows]:
    """Say where the rows of each part are, of which there are so many."""
    widths = len(encoder.feature_names), n_outputs(target)
    return {part: SpooledRows(folder / part, *widths, m[part]) for part in SplitRows._fields}


def write_parts(
    rows: dict[str, SpooledRows],
    encoder: Encoder,
    target: Target,
    batches: Batches,
    parts: Parts,
    test_batches: Batches | None,
) -> tuple[Chosen, ...]:
    """Encode every row, and write it to its part; return which rows of each batch are training rows."""
    chosen = []
    with row_writers(list(rows.values())) as writers:
        for _, batch, places in parts.of(batches):
            training, *_ = [
                _append(writer, encoder, target, batch, inside) for writer, inside in zip(writers, places, strict=True)
            ]
            chosen.append(Chosen.of(places.training, batch.n_rows, training))
        for batch in test_batches or ():
            _append(writers[-1], encoder, target, batch, with_target(batch, target.names))
    return tuple(chosen)


def encoded_rows(batch: Table, encoder: Encoder, target: Target) -> Block:
    """Encode all rows of a batch, to the bits of those that are spooled."""
    Y = network_targets(target, target.encode(batch))
    return Block(encoder.transform(batch).astype(np.float32), Y.astype(np.float32))


def _append(writer: RowWriter, encoder: Encoder, target: Target, batch: Table, rows: Array) -> int:
    """Encode and write some rows of a batch; return their digest."""
    size, digest = encoder.rows_at_once, 0
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        X, Y = encoder.transform(batch, part), network_targets(target, target.encode(batch, part))
        writer.write(X, Y)
        digest += digest_of(X, Y)
    return digest % 2**64
