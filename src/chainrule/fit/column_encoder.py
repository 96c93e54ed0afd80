"""The fitted encoding of an estimator's columns as the network's inputs, measured on the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from chainrule._errors import InvalidParameterError, TableError, nearest
from chainrule.fit.build_network import working_dtype
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.parameters import Settings
from chainrule.network.architecture import Architecture
from chainrule.network.embeddings import Embedding
from chainrule.network.types import Array
from chainrule.table.columns import Column, Kind, Table
from chainrule.table.encoding.blocks import Block, Codes, Scaled
from chainrule.table.encoding.encoder import Encoder
from chainrule.table.encoding.fit_blocks import fit_codes, fit_number


@dataclass(frozen=True)
class Columns:
    """The encoder of a table's columns, and the kinds of their values in training.

    Attributes
    ----------
    encoder : Encoder
        One block per column, in order: `Scaled` for numbers, `Codes` or `OneHot` for categories.
    kinds : tuple of str
        The kind of each column's values.
    impute : bool
        Whether values may be missing.
    """

    encoder: Encoder
    kinds: tuple[Kind, ...]
    impute: bool

    @classmethod
    def fit(cls, training: TrainingSet, settings: Settings) -> Self:
        """Fit the columns of a RawTable to the rows that count, with their weights."""
        table, categorical = training.X, training.X.categorical
        counts = np.ones(table.n_rows) if training.weights is None else training.weights
        measured = slice(None) if training.counted is None else training.counted
        sizes = _sizes(settings.embedding_size, table, categorical)

        def block(place: int, column: Column) -> Block:
            if place in categorical:
                return fit_codes(column, measured, counts[measured], sizes.get(place))
            impute = settings.missing == "impute"
            return fit_number(column, measured, counts[measured], scale=bool(settings.scale), impute=impute)

        # A single pass over the columns: those on disk are read one at a time.
        blocks, kinds = zip(*((block(i, column), column.kind) for i, column in enumerate(table.columns)), strict=True)
        return cls(Encoder(blocks), kinds, settings.missing == "impute")

    @property
    def categorical(self) -> tuple[int, ...]:
        """The places of the categorical columns."""
        return tuple(place for place, block in enumerate(self.encoder.blocks) if not isinstance(block, Scaled))

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """The embeddings of the encoded table."""
        return self.encoder.embeddings

    @property
    def codes(self) -> tuple[Codes, ...]:
        """The blocks of the embedded columns."""
        return tuple(block for block in self.encoder.blocks if isinstance(block, Codes))

    def transform(self, table: Table) -> Array:
        """Encode a table: (m, n), float32 if all its numbers are, else float64.

        Raises
        ------
        TableError
            If a column holds values of another kind than in training.
        """
        for place in self.categorical:
            self._check_levels(place, table.columns[place])
        numbers = [column.values.dtype for place, column in enumerate(table.columns) if place not in self.categorical]
        dtype = working_dtype(np.empty(0, np.result_type(*numbers))) if numbers else np.float64
        return self.encoder.transform(table, dtype=dtype)

    def _check_levels(self, place: int, column: Column) -> None:
        """Accept values of another kind only if training had their spelling: a number 3 for the text "3"."""
        if column.kind == self.kinds[place]:
            return
        strange = [level for level in column.as_text().levels if level not in self.encoder.blocks[place].levels]
        if strange:
            raise TableError(
                f"Column {column.name!r} had {self.kinds[place]} values in training; now they are of the kind "
                f"{column.kind}, and {strange[0]!r} did not occur in training."
            )

    def fits(self, architecture: Architecture) -> bool:
        """Say whether the result of `transform` fits a network."""
        given = len(self.encoder.feature_names), self.embeddings
        return len(self.kinds) == len(self.encoder.blocks) and given == (
            architecture.n_columns,
            architecture.embeddings,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; `from_dict` restores it exactly."""
        return self.encoder.to_dict() | {"kinds": list(self.kinds), "impute": self.impute}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return what `to_dict` wrote."""
        return cls(Encoder.from_dict(data), tuple(data["kinds"]), bool(data["impute"]))


def _sizes(given: int | str | Mapping[str | int, int], table: Table, categorical: Sequence[int]) -> dict[int, int]:
    """Return the requested embedding sizes by the places of their columns, without those that the rule decides."""
    if not isinstance(given, Mapping):
        return {} if isinstance(given, str) else dict.fromkeys(categorical, int(given))
    places = {table.names[place]: place for place in categorical} | {place: place for place in categorical}
    for name in given:
        if name not in places:
            hint = nearest(str(name), [table.names[place] for place in categorical])
            raise InvalidParameterError(f"embedding_size names {name!r}, which is no categorical column. {hint}")
    return {places[name]: int(size) for name, size in given.items()}
