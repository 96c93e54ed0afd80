"""Typed columns and tables: the form into which every source of data is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from textwrap import shorten
from typing import Any, Literal

import numpy as np

from chainrule._errors import TableError, nearest
from chainrule.network.draws import generator
from chainrule.network.rows import mix
from chainrule.network.types import Array
from chainrule.table.table_format import TableFormat

Kind = Literal["number", "text", "boolean", "date", "pixel"]

_FLOAT32 = np.finfo(np.float32)
CHUNK_ROWS = 4096  # rows handled at a time when all columns are visited, so that a block of images fits the cache


@dataclass(frozen=True, eq=False)
class Column:
    """A column: its name, the kind of its values, and the values.

    Parameters
    ----------
    name : str
    kind : {"number", "text", "boolean", "date", "pixel"}
    values : ndarray of shape (m,)
        number, boolean: integers, or floats with NaN for missing; date: datetime64 with NaT for missing;
        pixel: uint8; text: int32 codes into `levels`, -1 for missing.
    levels : tuple of str
        The categories: distinct texts, sorted. Empty for other kinds, and for text with too many to keep.
    note : str
        A note from reading, such as "numbers stored as text".
    order : tuple of str
        All categories from least to most, if the source has ordered them; else empty.
    misfits : int
        Number of values that did not have the column's format and are missing; the note names the first.

    Examples
    --------
    >>> colour = Column("colour", "text", np.array([1, 0, -1]), ("blue", "red"))
    >>> colour.missing
    array([False, False,  True])
    """

    name: str
    kind: Kind
    values: Array
    levels: tuple[str, ...] = ()
    note: str = ""
    misfits: int = 0
    order: tuple[str, ...] = ()

    def __repr__(self) -> str:
        levels = f", {len(self.levels):,} levels" if self.levels else ""
        return f"Column({self.name!r}, {self.kind}, {len(self.values):,} rows{levels})"

    @property
    def missing(self) -> Array:
        """A mask of the rows without a value: ndarray of shape (m,), bool."""
        if self.kind == "text":
            return self.values < 0
        if self.values.dtype.kind in "fM":
            return np.asarray(self.values != self.values)  # NaN and NaT differ from themselves
        return np.zeros(len(self.values), bool)

    def take(self, rows: Array | slice) -> Column:
        """Return the column at the given rows (numbers, mask or slice)."""
        return replace(self, values=self.values[rows])

    def as_text(self) -> Column:
        """Return the column as text: whole numbers without a decimal point, dates in ISO form.

        Examples
        --------
        >>> Column("grade", "number", np.array([2.0, 1.0, np.nan, 2.5])).as_text().levels
        ('1', '2', '2.5')
        """
        if self.kind == "text":
            return self
        missing = self.missing
        different, inverse = np.unique(self.values[~missing], return_inverse=True)
        spelled = [spell(value, self.kind) for value in different]
        levels = sorted(set(spelled))
        rank = {level: code for code, level in enumerate(levels)}
        codes = np.full(len(self.values), -1, np.int32)
        codes[~missing] = np.array([rank[text] for text in spelled], np.int32)[inverse]
        return replace(self, kind="text", values=codes, levels=tuple(levels))


def spell(value: Any, kind: Kind) -> str:
    """Write a value as a person would: 3 instead of 3.0, True instead of 1.0, no time of day at midnight.

    The text depends only on the value, not on the type that it is stored in.

    Examples
    --------
    >>> spell(np.float64(3), "number"), spell(np.int8(1), "boolean"), spell(np.datetime64("2024-02-29", "us"), "date")
    ('3', 'True', '2024-02-29')
    >>> spell(np.float64(0.1), "number"), spell(np.float32(0.1), "number"), spell(np.float64(1 / 3), "number")
    ('0.1', '0.1', '0.3333333333333333')
    """
    if kind == "boolean":
        return str(bool(value))
    if kind == "date":
        return str(value).removesuffix("T00:00:00.000000")
    number = value.item()
    return str(int(number)) if number == int(number) else _decimal(number)


def _decimal(number: float) -> str:
    """Write a float; if it is the float32 nearest to a decimal of six digits, write that decimal."""
    short = float(f"{number:.6g}")
    is_rounded = abs(number) < _FLOAT32.max and float(np.float32(short)) == number
    return repr(short if is_rounded else number)


@dataclass(frozen=True, eq=False)
class Table:
    """A table: columns of equal length, in order.

    Parameters
    ----------
    columns : tuple of Column
    source : str
        Where the rows come from, for messages.
    notes : tuple of str
        Notes from reading, about the whole table.
    format : TableFormat, optional
        How its texts became values, if it was read.

    Examples
    --------
    >>> table = Table((Column("x", "number", np.arange(3)), Column("y", "number", np.ones(3))))
    >>> table.names, table.n_rows
    (('x', 'y'), 3)
    >>> table["x"] is table[1] is table["1"]
    True
    """

    columns: tuple[Column, ...]
    source: str = "table"
    notes: tuple[str, ...] = ()
    format: TableFormat | None = None

    def __repr__(self) -> str:
        return f"Table({self.source!r}, {self.n_rows:,} rows, {len(self.columns):,} columns)"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def n_rows(self) -> int:
        """The number of rows, m."""
        return len(self.columns[0].values) if self.columns else 0

    def _find(self, key: str | int) -> Column | None:
        """Look up a column by name, or else by position, counted from 1."""
        if isinstance(key, str) and key in self._by_name:
            return self._by_name[key]
        if str(key).isdecimal() and 1 <= int(key) <= len(self.columns):
            return self.columns[int(key) - 1]
        return None

    def __contains__(self, key: str | int) -> bool:
        return self._find(key) is not None

    def __getitem__(self, key: str | int) -> Column:
        column = self._find(key)
        if column is None:
            hint = shorten(nearest(str(key), self.names), 300, placeholder=" ...")
            raise TableError(
                f"No column {key!r} in {self.source}, which has {len(self.columns)}. {hint} "
                "A column is given by its name or by its position, counted from 1."
            )
        return column

    def resolve(self, keys: Iterable[str | int]) -> tuple[str, ...]:
        """Return the names of columns given by name or position.

        Raises
        ------
        TableError
            If one of them is not in the table; the message names the nearest.
        """
        return tuple(self[key].name for key in keys)

    def take(self, rows: Array | slice) -> Table:
        """Return the table at the given rows (numbers, mask or slice)."""
        return replace(self, columns=tuple(column.take(rows) for column in self.columns))

    def select(self, names: Iterable[str | int]) -> Table:
        """Return the table with only the given columns, in that order."""
        return replace(self, columns=tuple(self[name] for name in names))

    def without(self, names: Iterable[str | int]) -> Table:
        """Return the table without the given columns.

        Examples
        --------
        >>> Table((Column("x", "number", np.arange(3)), Column("y", "number", np.ones(3)))).without(["y"]).names
        ('x',)
        """
        gone = set(self.resolve(names))
        return replace(self, columns=tuple(column for column in self.columns if column.name not in gone))

    def row_keys(self) -> Array:
        """Hash the content of every row, over all columns: equal rows have equal keys; missing equals missing.

        Returns
        -------
        ndarray of shape (m,), uint64

        Examples
        --------
        >>> keys = Table((Column("x", "number", np.array([1.0, np.nan, np.nan])),)).row_keys()
        >>> bool(keys[1] == keys[2]), bool(keys[0] == keys[1])
        (True, False)
        """
        odd = generator(0, "row keys").integers(0, 2**64, size=len(self.columns), dtype=np.uint64) | np.uint64(1)
        hashes = [_level_hashes(column.levels) for column in self.columns]
        keys = np.zeros(self.n_rows, np.uint64)
        for start in range(0, self.n_rows, CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            for column, factor, hashed in zip(self.columns, odd, hashes, strict=True):
                keys[rows] += _bits(column.kind, column.values[rows], hashed) * factor
        return mix(keys)


def _bits(kind: Kind, values: Array, hashed: Array) -> Array:
    """Return 64 bits per value, which depend on the value and not on the width it is stored in."""
    if kind == "pixel":
        return values.astype(np.uint64)
    if kind == "date":
        return values.view(np.uint64)
    if len(hashed):
        return np.asarray(hashed[values])
    numbers = values.astype(np.float64) + 0.0  # one bit pattern for zero
    numbers[np.isnan(numbers)] = np.nan  # and one for missing
    bits = numbers.view(np.uint64)
    return bits ^ (bits >> np.uint64(32))  # small whole numbers have all their bits in the upper half


def _level_hashes(levels: Sequence[str]) -> Array:
    """Hash every category; the last entry is for missing, whose code is -1."""
    if not levels:
        return np.zeros(0, np.uint64)
    digests = b"".join(blake2b(level.encode(), digest_size=8).digest() for level in levels)
    return np.append(np.frombuffer(digests, np.uint64), np.uint64(0))
