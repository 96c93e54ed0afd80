"""How the columns of X become the network's inputs, measured on training rows: the fitted state of an estimator."""

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
    """The encoder of a table's columns, and what they held in training.

    Attributes
    ----------
    encoder : Encoder
        One block a column, in order: `Scaled` for numbers, `Codes` or `OneHot` for categories.
    kinds : tuple of str
        The kind of values of each column.
    impute : bool
        Whether values may be missing.
    """

    encoder: Encoder
    kinds: tuple[Kind, ...]
    impute: bool

    @classmethod
    def fit(cls, training: TrainingSet, settings: Settings) -> Self:
        """Measure the columns of a RawTable in the rows that count, each as often as its weight says."""
        table, categorical = training.X, training.X.categorical
        counts = np.ones(table.n_rows) if training.weights is None else training.weights
        measured = slice(None) if training.counted is None else training.counted
        sizes = _sizes(settings.embedding_size, table, categorical)

        def block(place: int, column: Column) -> Block:
            if place in categorical:
                return fit_codes(column, measured, counts[measured], sizes.get(place))
            impute = settings.missing == "impute"
            return fit_number(column, measured, counts[measured], scale=bool(settings.scale), impute=impute)

        # Once over the columns: where they are on disk, each is read when its turn comes.
        blocks, kinds = zip(*((block(i, column), column.kind) for i, column in enumerate(table.columns)), strict=True)
        return cls(Encoder(blocks), kinds, settings.missing == "impute")

    @property
    def categorical(self) -> tuple[int, ...]:
        """The places of the columns that hold categories."""
        return tuple(place for place, block in enumerate(self.encoder.blocks) if not isinstance(block, Scaled))

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """The embeddings of the encoded table."""
        return self.encoder.embeddings

    @property
    def codes(self) -> tuple[Codes, ...]:
        """What each of the embeddings stands for."""
        return tuple(block for block in self.encoder.blocks if isinstance(block, Codes))

    def transform(self, table: Table) -> Array:
        """Encode a table: (m, n), float32 if all its numbers are, else float64.

        Raises
        ------
        TableError
            If a column holds values of another kind than in training, which say nothing.
        """
        for place in self.categorical:
            self._check_levels(place, table.columns[place])
        numbers = [column.values.dtype for place, column in enumerate(table.columns) if place not in self.categorical]
        dtype = working_dtype(np.empty(0, np.result_type(*numbers))) if numbers else np.float64
        return self.encoder.transform(table, dtype=dtype)

    def _check_levels(self, place: int, column: Column) -> None:
        """Other kinds of values count by their spelling, if training had it: a code 3 for the text "3"."""
        if column.kind == self.kinds[place]:
            return
        strange = [level for level in column.as_text().levels if level not in self.encoder.blocks[place].levels]
        if strange:
            raise TableError(
                f"Column {column.name!r} had {self.kinds[place]} values in training; now they are of the kind "
                f"{column.kind}, and {strange[0]!r} is none that it had."
            )

    def fits(self, architecture: Architecture) -> bool:
        """Whether a network takes what `transform` gives."""
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
    """The size asked for each embedding by its column's place; those left to the rule are not in it."""
    if not isinstance(given, Mapping):
        return {} if isinstance(given, str) else dict.fromkeys(categorical, int(given))
    places = {table.names[place]: place for place in categorical} | {place: place for place in categorical}
    for name in given:
        if name not in places:
            hint = nearest(str(name), [table.names[place] for place in categorical])
            raise InvalidParameterError(f"embedding_size names {name!r}, which is no categorical column. {hint}")
    return {places[name]: int(size) for name, size in given.items()}
