"""Encode typed columns as one matrix, with statistics of the training rows only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule._errors import TableError, nearest
from chainrule.network.embeddings import Embedding
from chainrule.network.types import Array
from chainrule.table.columns import CHUNK_ROWS, Column, Table
from chainrule.table.encoding.blocks import Block, Codes, block_from_dict
from chainrule.table.encoding.fit_blocks import fit_blocks
from chainrule.table.encoding.measures import ColumnMeasures, Rows, measure
from chainrule.table.schema import Schema


@dataclass(frozen=True)
class Encoder:
    """Encodes tables as matrices, always with the statistics of the training rows.

    * numeric: missing values become the median, with an indicator feature if training had missing values; then
      standardised, outliers beyond about 4 standard deviations compressed. What is absurdly far out (`Fence`) does not
      count for mean and deviation, and is warned of.
    * ordinal: the same, for the numbers or for the rank of the texts in their order.
    * categorical: one feature per category, one for rare and one for missing values if there were any; two categories
      share one feature.
    * boolean: 0 or 1. Pixel: between 0 and 1.
    * date: elapsed days, year, month, day, weekday and hour, and month, weekday and hour as points on a circle;
      treated like numbers.

    Features that are constant in training are left out.

    Parameters
    ----------
    blocks : tuple of Scaled, OneHot or Codes
        From `Encoder.fit`, or fitted individually.

    Examples
    --------
    >>> from chainrule.table import infer_schema
    >>> size = Column("size", "number", np.array([1.0, 2.0, np.nan, 3.0]))
    >>> colour = Column("colour", "text", np.array([0, 1, 0, 1]), ("blue", "red"))
    >>> table = Table((size, colour))
    >>> encoder = Encoder.fit(table, infer_schema(table))
    >>> encoder.feature_names
    ('size', 'size (missing)', 'colour=red')
    """

    blocks: tuple[Block, ...]

    def __repr__(self) -> str:
        return f"Encoder({len(self.columns):,} columns, {len(self.feature_names):,} features)"

    @classmethod
    def fit(cls, table: Table, schema: Schema, rows: Array | None = None) -> Encoder:
        """Fit the encoder to the training rows.

        Parameters
        ----------
        table : Table
        schema : Schema
            From `infer_schema`.
        rows : ndarray of int or bool, optional
            The training rows; all by default.

        Raises
        ------
        TableError
            If every feature is constant in the training rows.
        """
        rows = np.arange(table.n_rows) if rows is None else rows
        chosen = table.select(plan.name for plan in schema.used)
        return cls.of(
            schema, measure(chosen.take(slice(0, 0)), [Rows(chosen, rows, rows)], schema.categorical), table.source
        )

    @classmethod
    def of(
        cls,
        schema: Schema,
        measures: Mapping[str, ColumnMeasures],
        source: str,
        embedding_size: int | str | None = None,
    ) -> Encoder:
        """Build the encoder from the measures of each column's training rows.

        With an `embedding_size`, "auto" or a number, categories become codes of embedding vectors.

        Raises
        ------
        TableError
            If every feature is constant in the training rows.
        """
        blocks = tuple(block for plan in schema.used for block in fit_blocks(plan, measures[plan.name], embedding_size))
        if not blocks:
            raise TableError(f"Every column of {source} is constant in the training rows: nothing to learn from.")
        return cls(blocks)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the matrix's columns, (n,)."""
        return tuple(name for block in self.blocks for name in block.names)

    @property
    def rows_at_once(self) -> int:
        """The number of rows to encode at a time to stay within 32 MB: encoded rows may be far wider than the table."""
        return -(-(1 << 22) // len(self.feature_names))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the table columns that it needs."""
        return tuple(dict.fromkeys(block.column for block in self.blocks))

    @cached_property
    def embeddings(self) -> tuple[Embedding, ...]:
        """The embeddings of the matrix's code columns."""
        first = np.cumsum([0, *(len(block.names) for block in self.blocks)]).tolist()
        return tuple(
            Embedding(column, len(block.shown), block.size)
            for block, column in zip(self.blocks, first, strict=False)
            if isinstance(block, Codes)
        )

    def transform(
        self, table: Table, rows: Array | None = None, dtype: np.dtype[Any] | type[np.floating[Any]] = np.float32
    ) -> Array:
        """Encode a table.

        Parameters
        ----------
        table : Table
            Must have the columns of training, in any order; others are ignored.
        rows : ndarray of int or bool, optional
            The rows to encode; all by default.
        dtype : dtype, default float32

        Returns
        -------
        ndarray of shape (m, n), C-contiguous

        Raises
        ------
        TableError
            If columns are missing, or the values of a column have another type than in training.
        """
        writers = [block.writer(column) for block, column in zip(self.blocks, self._inputs(table), strict=True)]
        widths = np.cumsum([0, *(len(block.names) for block in self.blocks)])
        if rows is not None and rows.dtype == bool:
            rows = np.flatnonzero(rows)
        m = table.n_rows if rows is None else len(rows)
        X = np.empty((m, widths[-1]), dtype)
        for start in range(0, m, CHUNK_ROWS):
            place = slice(start, min(start + CHUNK_ROWS, m))
            chosen = place if rows is None else rows[place]
            for write, first, end in zip(writers, widths, widths[1:], strict=False):
                write(chosen, X[place, first:end])
        return X

    def _inputs(self, table: Table) -> Iterator[Column]:
        """Return the column of each block, after checking that all exist."""
        absent = [name for name in self.columns if name not in table.names]
        if absent:
            hint = nearest(absent[0], table.names) if table.names else ""
            names = ", ".join(repr(name) for name in absent)
            raise TableError(f"{table.source} lacks {len(absent)} column(s) the model was trained on: {names}. {hint}")
        return (table[block.column] for block in self.blocks)

    def to_dict(self) -> dict[str, Any]:
        """Return the encoder as plain data for JSON; `from_dict` restores it exactly."""
        return {"blocks": [block.to_dict() for block in self.blocks]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Encoder:
        """Return the encoder that `to_dict` wrote."""
        return cls(tuple(block_from_dict(block) for block in data["blocks"]))
