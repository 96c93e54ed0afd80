"""Encode the batches of a table into the rows of each part of its split, in memory or on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from chainrule.network.types import Array
from chainrule.outofcore.remote_rows import Chosen, digest_of
from chainrule.outofcore.row_files import RowFiles, RowWriter, row_writers, weights_of
from chainrule.outofcore.rows import ArrayRows, Block
from chainrule.outofcore.shuffle import joined
from chainrule.table import Encoder, Table, Target
from chainrule.table.batches import Batches
from chainrule.tabular.split import PARTS, Split, with_target

EncodedRows = ArrayRows | RowFiles


def row_files(
    folder: Path, encoder: Encoder, target: Target, counts: Mapping[str, int], digests: Mapping[str, str] | None = None
) -> dict[str, RowFiles]:
    """Return the files of each part's rows, given how many rows each has, and their digests if they are written."""
    widths, known = (len(encoder.feature_names), target.n_outputs), digests or {}
    return {part: RowFiles(folder / part, *widths, m, digest=known.get(part, "")) for part, m in counts.items()}


def encode_parts(
    folder: Path | None,
    counts: Mapping[str, int],
    encoder: Encoder,
    target: Target,
    batches: Batches,
    split: Split,
    test_batches: Batches | None,
) -> tuple[dict[str, EncodedRows], tuple[Chosen, ...]]:
    """Encode every row into its part.

    Parameters
    ----------
    folder : Path or None
        The folder to write the rows to; None keeps them in memory.
    counts : mapping of str to int
        The number of rows of each part.

    Returns
    -------
    rows : dict of str to ArrayRows or RowFiles
    chosen : tuple of Chosen
        Which rows of each batch are training rows.
    """
    if folder is None:
        return _in_memory(encoder, target, batches, split, test_batches), ()
    rows = row_files(folder, encoder, target, counts)
    chosen = []
    with row_writers(list(rows.values())) as writers:
        for _, batch, part in split.of(batches):
            digests = [
                _append(writer, encoder, target, batch, part.rows(name))
                for name, writer in zip(rows, writers, strict=True)
            ]
            chosen.append(Chosen.of(part.rows("training"), batch.n_rows, digests[0]))
        for batch in test_batches or ():
            _append(writers[-1], encoder, target, batch, with_target(batch, target))
    named = zip(rows.items(), writers, strict=True)
    return {name: replace(part, digest=writer.digest) for (name, part), writer in named}, tuple(chosen)


def _in_memory(
    encoder: Encoder, target: Target, batches: Batches, split: Split, test_batches: Batches | None
) -> dict[str, EncodedRows]:
    blocks: dict[str, list[Block]] = {part: [] for part in PARTS}
    for _, batch, part in split.of(batches):
        for name, encoded in blocks.items():
            encoded.append(_block(encoder, target, batch, part.rows(name)))
    blocks["test"] += [_block(encoder, target, batch, with_target(batch, target)) for batch in test_batches or ()]
    return {part: ArrayRows(encoded[0] if len(encoded) == 1 else joined(encoded)) for part, encoded in blocks.items()}


def _block(encoder: Encoder, target: Target, batch: Table, rows: Array) -> Block:
    return Block(encoder.transform(batch, rows), target.to_network(target.encode(batch, rows)))


def encoded_rows(
    batch: Table, encoder: Encoder, target: Target, class_weights: tuple[float, ...] | None = None
) -> Block:
    """Encode all rows of a batch, to the same bits as those on disk."""
    Y = target.to_network(target.encode(batch)).astype(np.float32)
    return Block(encoder.transform(batch).astype(np.float32), Y, weights_of(Y, class_weights))


def _append(writer: RowWriter, encoder: Encoder, target: Target, batch: Table, rows: Array) -> int:
    """Encode and write some rows of a batch; return their digest."""
    size, digest = encoder.rows_at_once, 0
    for start in range(0, len(rows), size):
        block = _block(encoder, target, batch, rows[start : start + size])
        writer.write(block.X, block.Y)
        digest += digest_of(block.X, block.Y)
    return digest % 2**64
