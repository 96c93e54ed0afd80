"""Which part of a table a row belongs to: drawn by its content, so that copies of a row always travel together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.rows import mix
from chainrule.network.types import Array
from chainrule.table.columns import Table


class Places(NamedTuple):
    """The rows of a piece that belong to each part: row numbers, ascending."""

    training: Array
    validation: Array
    test: Array


@dataclass(frozen=True)
class Shares:
    """How a table is split without being counted first: every row for itself.

    A row is held out where its seeded key, a number drawn evenly from 0 to 2^64, is low. So the shares are met on
    average, not exactly.

    Parameters
    ----------
    test : float, default 0.2
        Of the rows.
    validation : float, default 0.1
        Of those that are not for the test.
    seed : int, default 0

    Raises
    ------
    InvalidParameterError
        If a share is not from 0 to below 1.

    Examples
    --------
    >>> from chainrule.table import Column
    >>> keys = row_keys(Table((Column("x", "number", np.arange(1000)),)))
    >>> [len(part) for part in Shares(0.3, 0.5).of(keys, np.arange(1000))]
    [361, 352, 287]
    """

    test: float = 0.2
    validation: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, share in (("test", self.test), ("validation", self.validation)):
            if not 0 <= share < 1:
                raise InvalidParameterError(f"the share of {name} rows must be from 0 to below 1, got {share!r}.")

    def of(self, keys: Array, rows: Array) -> Places:
        """Split the given rows of a piece by the keys of all its rows."""
        draw = mix(keys[rows] + mix(np.array([self.seed], np.uint64)))
        test = draw < border(self.test)
        held_out = draw < border(self.test + (1 - self.test) * self.validation)
        return Places(rows[~held_out], rows[held_out & ~test], rows[test])


def border(share: float) -> np.uint64:
    """Return the number that so large a share of all keys lies below."""
    return np.uint64(min(int(share * 2.0**64), 2**64 - 1))


def row_keys(piece: Table) -> Array:
    """Hash the rows of a piece; texts too many to keep do not count, since their codes mean nothing outside it."""
    nameless = (column.name for column in piece.columns if column.kind == "text" and not column.levels)
    return piece.without(nameless).row_keys()


def with_target(piece: Table, targets: tuple[str, ...]) -> Array:
    """Return the rows of a piece that have a value of every target."""
    return np.flatnonzero(~np.logical_or.reduce([piece[name].missing for name in targets]))
