"""Feature blocks: each kind encodes one column as features, and serialises to JSON."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from chainrule._errors import TableError
from chainrule.network.types import Array
from chainrule.table.columns import Column
from chainrule.table.encoding.date_parts import DATE_PARTS
from chainrule.table.reading.csv.dialect import is_typed

TAIL = 4.0  # standard deviations at which a scaled number x is compressed to x/sqrt(2)
_FAR = 1e100  # standard deviations; numbers beyond are clipped first
OTHER, MISSING = "(other)", "(missing)"

Writer = Callable[[slice | Array, Array], None]  # encodes the given rows into an array of shape (rows, width)


def smooth_clip(x: Array) -> Array:
    """Compress outliers, in place: x / sqrt(1 + (x / TAIL)^2), smooth, monotone, bounded by TAIL.

    Examples
    --------
    >>> smooth_clip(np.array([0.0, 0.5, 4.0, 1e6, 1e200])).round(3)
    array([0.   , 0.496, 2.828, 4.   , 4.   ])
    """
    np.clip(x, -_FAR, _FAR, out=x)  # the square must not overflow
    x /= np.sqrt(1 + np.square(x / TAIL))
    return x


@dataclass(frozen=True)
class Scaled:
    """A number per row: (value - centre) / scale, missing filled in, with an indicator if training had missing values.

    Parameters
    ----------
    column : str
    part : str
        What to take from the column: "value", "rank" (of its category) or a part of a date (see `DATE_PARTS`).
    centre, scale : float
    fill : float
        The value that replaces a missing one: the median in training.
    indicator : bool
        Whether a second feature says where values are missing.
    clip : bool
        Whether `smooth_clip` compresses outliers.
    levels : tuple of str
        For "rank": the categories, in order.

    Raises
    ------
    TableError
        If a column's numbers are so large that centre, scale or fill are not finite.
    """

    column: str
    part: str = "value"
    centre: float = 0.0
    scale: float = 1.0
    fill: float = 0.0
    indicator: bool = False
    clip: bool = False
    levels: tuple[str, ...] = ()

    kind: ClassVar[str] = "scaled"

    def __post_init__(self) -> None:
        if not (all(map(math.isfinite, (self.centre, self.scale, self.fill))) and self.scale > 0):
            raise TableError(
                f"Column {self.column!r} is too large to be standardised: its variance is not finite. Scale it, mend "
                "its largest values, or leave it out."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        name = self.column if self.part in {"value", "rank"} else f"{self.column}.{self.part}"
        return (name, f"{name} {MISSING}") if self.indicator else (name,)

    def writer(self, column: Column) -> Writer:
        """Return the function that writes the features of given rows.

        Raises
        ------
        TableError
            If the column holds anything but numbers (or dates, if training had dates).
        """
        read = reader(self.part, column, self.levels)

        def write(rows: slice | Array, out: Array) -> None:
            x = read(rows)
            missing = np.isnan(x)
            x[missing] = self.fill
            x -= self.centre
            x /= self.scale
            out[:, 0] = smooth_clip(x) if self.clip else x
            if self.indicator:
                out[:, 1] = missing

        return write

    def to_dict(self) -> dict[str, Any]:
        """Return the block as plain data, without default values."""
        default = asdict(Scaled(self.column))
        changed = {key: value for key, value in asdict(self).items() if value != default[key]}
        return {"kind": self.kind, "column": self.column} | changed


@dataclass(frozen=True)
class OneHot:
    """One feature per category, 1 where the row has it; if there are only two, they share a single feature.

    Parameters
    ----------
    column : str
    levels : tuple of str
        Categories with a feature of their own.
    other : bool
        Whether one more feature stands for all other categories, because training had rare ones. Without it a category
        that is new is all zeros (0.5 if two share a feature).
    missing : bool
        Whether the last feature says where values are missing, because training had some; else they are encoded like
        other categories.
    """

    column: str
    levels: tuple[str, ...]
    other: bool
    missing: bool

    kind: ClassVar[str] = "one_hot"

    @property
    def shown(self) -> tuple[str, ...]:
        """The categories that the features stand for, with the buckets for others and missing."""
        buckets = (OTHER,) * self.other + (MISSING,) * self.missing
        return (*self.levels, *(_apart(bucket, self.levels) for bucket in buckets))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        shown = self.shown[1:] if len(self.shown) == 2 else self.shown
        return tuple(f"{self.column}={level}" for level in shown)

    def writer(self, column: Column) -> Writer:
        """Return the function that writes the features of given rows; values that are not text are spelled as text."""
        n = len(self.shown)
        unseen = len(self.levels) if self.other else n
        place_of = _places(self.levels, column, first=0, unseen=unseen, missing=n - 1 if self.missing else unseen)
        shared = np.array([0.0, 1.0, 0.5], np.float32)  # the two categories that share a feature, and any other

        def write(rows: slice | Array, out: Array) -> None:
            places = place_of(rows)
            if n == 2:
                out[:, 0] = shared[places]
                return
            known = np.flatnonzero(places < n)
            out[:] = 0
            out[known, places[known]] = 1

        return write

    def to_dict(self) -> dict[str, Any]:
        """Return the block as plain data."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Codes:
    """One number per row, the code of its category: the index of its embedding vector.

    Parameters
    ----------
    column : str
    levels : tuple of str
        Categories with a code of their own, from 1 on. 0 is for all others: rare or absent in training.
    size : int
        Number of entries of a vector.
    missing : bool
        Whether one more code, the last, stands for missing values, because training had some; else they have 0, too.
    """

    column: str
    levels: tuple[str, ...]
    size: int
    missing: bool

    kind: ClassVar[str] = "codes"

    @property
    def shown(self) -> tuple[str, ...]:
        """The categories that the codes stand for, with the buckets for others and missing."""
        buckets = [_apart(bucket, self.levels) for bucket in (OTHER, MISSING)]
        return (buckets[0], *self.levels, *buckets[1:] * self.missing)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the feature."""
        return (self.column,)

    def writer(self, column: Column) -> Writer:
        """Return the function that writes the codes of given rows; values that are not text are spelled as text."""
        missing = len(self.levels) + 1 if self.missing else 0
        place_of = _places(self.levels, column, first=1, unseen=0, missing=missing)

        def write(rows: slice | Array, out: Array) -> None:
            out[:, 0] = place_of(rows)

        return write

    def to_dict(self) -> dict[str, Any]:
        """Return the block as plain data."""
        return {"kind": self.kind, **asdict(self)}


Block = Scaled | OneHot | Codes
_KINDS: dict[str, type[Block]] = {block.kind: block for block in (Scaled, OneHot, Codes)}


def block_from_dict(data: dict[str, Any]) -> Block:
    """Return the block that `to_dict` wrote."""
    fields: dict[str, Any] = {
        key: tuple(value) if key == "levels" else value for key, value in data.items() if key != "kind"
    }
    return _KINDS[data["kind"]](**fields)


def _places(
    levels: tuple[str, ...], column: Column, *, first: int, unseen: int, missing: int
) -> Callable[[slice | Array], Array]:
    """Return the function from rows to codes: those of `levels` are counted from `first`."""
    text = column.as_text()
    place = {level: number for number, level in enumerate(levels, first)}
    # True in a frame is true in a file.
    place = {level.capitalize(): place[level] for level in ("true", "false") if level in place} | place
    places = np.array([*(place.get(level, unseen) for level in text.levels), missing], np.intp)
    return lambda rows: places[text.values[rows]]  # the code of missing, -1, means the last entry


def _apart(bucket: str, levels: tuple[str, ...]) -> str:
    """Put a bucket's name in parentheses until no category has that name.

    Examples
    --------
    >>> _apart("(other)", ("a", "b")), _apart("(other)", ("(other)", "b"))
    ('(other)', '((other))')
    """
    while bucket in levels:
        bucket = f"({bucket})"
    return bucket


def reader(part: str, column: Column, levels: tuple[str, ...]) -> Callable[[slice | Array], Array]:
    """Return the function from rows to a part of a column, as new float64, NaN where missing."""
    if part == "rank":
        text = column.as_text()
        place = {level: float(rank) for rank, level in enumerate(levels)}
        ranks = np.array([place.get(level, np.nan) for level in text.levels] + [np.nan])
        return lambda rows: ranks[text.values[rows]]
    if part == "value":
        if column.kind == "date" or (column.kind == "text" and column.levels):
            raise _changed(column, "numbers")
        values = np.full(len(column.values), np.nan) if column.kind == "text" else column.values
        return lambda rows: values[rows].astype(np.float64)
    if column.kind != "date" and not column.missing.all():
        raise _changed(column, "dates")
    dates = column.values if column.kind == "date" else np.full(len(column.values), np.datetime64("NaT", "us"))
    return lambda rows: DATE_PARTS[part](dates[rows])


def _changed(column: Column, wanted: str) -> TableError:
    text = column.as_text()
    odd = np.array([not is_typed(level) for level in text.levels] or [True])
    codes = text.values[text.values >= 0]
    found = codes[odd[codes]] if text.levels and odd.any() else codes
    example = repr(text.levels[found[0]]) if text.levels else "text"
    return TableError(f"Column {column.name!r} had {wanted} in training, but here it has {example}.")
