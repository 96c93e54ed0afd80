"""Encode the batches of a table into the rows of each part of its split, in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from chainrule.network.types import Array
from chainrule.outofcore.remote_rows import Chosen, digest_of
from chainrule.outofcore.row_files import RowFiles, RowWriter, row_writers, weights_of
from chainrule.outofcore.rows import ArrayRows, Block
from chainrule.outofcore.shuffle import joined
from chainrule.table import Encoder, Table, Target
from chainrule.table.batches import Batches
from chainrule.tabular.splitting.shares import PARTS
from chainrule.tabular.splitting.split import Split, with_target
from chainrule.tabular.weights import row_weights

EncodedRows = ArrayRows | RowFiles


@dataclass(frozen=True)
class RowEncoding:
    """How rows of a table become rows of numbers: the inputs, the targets and, in a column, the weights."""

    encoder: Encoder
    target: Target
    weight: str | None = None

    def block(self, batch: Table, rows: Array) -> Block:
        """Encode some rows of a batch."""
        weights = None if self.weight is None else row_weights(batch, self.weight)[rows]
        return Block(
            self.encoder.transform(batch, rows), self.target.to_network(self.target.encode(batch, rows)), weights
        )

    def blocks(self, batch: Table, rows: Array) -> Iterator[Block]:
        """Encode some rows of a batch, a few at a time."""
        size = self.encoder.rows_at_once
        for start in range(0, len(rows), size):
            yield self.block(batch, rows[start : start + size])


def row_files(
    folder: Path, encoding: RowEncoding, counts: Mapping[str, int], digests: Mapping[str, str] | None = None
) -> dict[str, RowFiles]:
    """Return the files of each part's rows, given how many rows each has, and their digests if they are written."""
    widths, known = (len(encoding.encoder.feature_names), encoding.target.n_outputs), digests or {}
    weighted = encoding.weight is not None
    return {
        part: RowFiles(folder / part, *widths, m, weighted=weighted, digest=known.get(part, ""))
        for part, m in counts.items()
    }


def encode_parts(
    folder: Path | None,
    counts: Mapping[str, int],
    encoding: RowEncoding,
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
    encoding : RowEncoding

    Returns
    -------
    rows : dict of str to ArrayRows or RowFiles
    chosen : tuple of Chosen
        Which rows of each batch are training rows.
    """
    if folder is None:
        return _in_memory(encoding, batches, split, test_batches), ()
    rows = row_files(folder, encoding, counts)
    chosen = []
    with row_writers(list(rows.values())) as writers:
        for _, batch, part in split.of(batches):
            digests = [
                _append(writer, encoding.blocks(batch, part.rows(name)))
                for name, writer in zip(rows, writers, strict=True)
            ]
            chosen.append(Chosen.of(part.rows("training"), batch.n_rows, digests[0]))
        for batch in test_batches or ():
            _append(writers[-1], encoding.blocks(batch, with_target(batch, encoding.target)))
    named = zip(rows.items(), writers, strict=True)
    return {name: replace(part, digest=writer.digest) for (name, part), writer in named}, tuple(chosen)


def _in_memory(
    encoding: RowEncoding, batches: Batches, split: Split, test_batches: Batches | None
) -> dict[str, EncodedRows]:
    blocks: dict[str, list[Block]] = {part: [] for part in PARTS}
    for _, batch, part in split.of(batches):
        for name, encoded in blocks.items():
            encoded.append(encoding.block(batch, part.rows(name)))
    blocks["test"] += [encoding.block(batch, with_target(batch, encoding.target)) for batch in test_batches or ()]
    return {part: ArrayRows(encoded[0] if len(encoded) == 1 else joined(encoded)) for part, encoded in blocks.items()}


def encoded_rows(
    batch: Table, encoding: RowEncoding, class_weights: tuple[float, ...] | None = None, unit: float = 1.0
) -> Block:
    """Encode all rows of a batch, to the same bits as those on disk; a weight of `unit` counts as 1."""
    block = encoding.block(batch, np.arange(batch.n_rows))
    Y, own = block.Y.astype(np.float32), None if block.weights is None else block.weights / unit
    return Block(block.X.astype(np.float32), Y, weights_of(Y, class_weights, own))


def _append(writer: RowWriter, blocks: Iterable[Block]) -> int:
    """Write encoded rows; return their digest."""
    digest = 0
    for block in blocks:
        writer.write(block.X, block.Y, block.weights)
        digest += digest_of(block.X, block.Y)
    return digest % 2**64
