"""Shapes of plain data, and the check that data have a shape.

A shape is a `Leaf`, a dict of shapes by key (`Maybe` if a key may be missing; further keys are ignored), `Each` for a
list or a dict whose entries have one shape, `OrNone`, or `Kinds` for records whose shape depends on one of their keys.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from reprlib import repr as shortened
from typing import Any, NoReturn, TypeAlias

from chainrule._errors import ModelFileError

MOST = 2**53  # larger whole numbers are not exact as floating-point numbers


@dataclass(frozen=True)
class Leaf:
    """A single value: the condition that it must meet, and the same in words."""

    holds: Callable[[Any], bool]
    words: str


@dataclass(frozen=True)
class Each:
    """A list or a dict (`of`) with at least `least` entries, all of one shape."""

    entry: Shape
    least: int = 0
    of: type[list[Any]] | type[dict[str, Any]] = list


@dataclass(frozen=True)
class Maybe:
    """An entry that may be missing from a record."""

    entry: Shape


@dataclass(frozen=True)
class OrNone:
    """Null, or a value of a shape."""

    entry: Shape


@dataclass(frozen=True)
class Kinds:
    """A record whose key `key` selects one of several shapes; all share the shape `common`."""

    key: str
    kinds: Mapping[str, Shape]
    common: Mapping[str, Shape] = field(default_factory=dict)


Shape: TypeAlias = "Leaf | Each | Maybe | OrNone | Kinds | Mapping[str, Shape]"

ANYTHING = Leaf(lambda value: True, "anything")
TEXT = Leaf(lambda value: isinstance(value, str), "a text")
FLAG = Leaf(lambda value: isinstance(value, bool), "true or false")


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) <= MOST)


MEASURED = Leaf(_is_number, "a number")  # may be infinite or NaN after a training that diverged


def whole(low: int = 0) -> Leaf:
    """Return the shape of a whole number of at least `low`, and at most 2^53."""
    return Leaf(lambda value: type(value) is int and low <= value <= MOST, f"a whole number of at least {low}")


def number(low: float = -math.inf, high: float = math.inf, *, open_low: bool = False) -> Leaf:
    """Return the shape of a finite number of at least `low`, or above it, and at most `high`."""
    words = "a finite number" + (f" {'above' if open_low else 'of at least'} {low:g}" if low > -math.inf else "")
    words += f" and at most {high:g}" if high < math.inf else ""

    def holds(value: Any) -> bool:
        inside = _is_number(value) and math.isfinite(value) and (low < value if open_low else low <= value)
        return inside and value <= high

    return Leaf(holds, words)


def one_of(*names: str) -> Leaf:
    """Return the shape of one of a few words."""
    return Leaf(lambda value: isinstance(value, str) and value in names, f"one of {', '.join(names)}")


def require(value: Any, shape: Shape, place: str = "the record") -> None:
    """Raise ModelFileError unless a value has a shape; the message names the place.

    Examples
    --------
    >>> require({"widths": [3, 1], "more": None}, {"widths": Each(whole(1), least=2), "note": Maybe(TEXT)})
    >>> require({"widths": [3, 0]}, {"widths": Each(whole(1), least=2)}, "architecture")
    Traceback (most recent call last):
    chainrule._errors.ModelFileError: architecture.widths[1] must be a whole number of at least 1, got 0
    """
    match shape:
        case Leaf():
            if not shape.holds(value):
                _refuse(place, shape.words, value)
        case Each():
            _require_each(value, shape, place)
        case OrNone():
            if value is not None:
                require(value, shape.entry, place)
        case Kinds():
            named = value.get(shape.key) if isinstance(value, dict) else None
            if not isinstance(named, str) or named not in shape.kinds:
                _refuse(place, f"a record whose {shape.key!r} is one of {', '.join(shape.kinds)}", value)
            require(value, shape.common, place)
            require(value, shape.kinds[named], place)
        case Maybe():
            require(value, shape.entry, place)
        case _:
            _require_record(value, shape, place)


def _require_each(value: Any, shape: Each, place: str) -> None:
    if not isinstance(value, shape.of) or len(value) < shape.least:
        kind = "list" if shape.of is list else "record"
        _refuse(place, f"a {kind} of at least {shape.least} entries" if shape.least else f"a {kind}", value)
    if isinstance(value, dict):
        entries = [(f"{place}.{key}", entry) for key, entry in value.items()]
    else:
        entries = [(f"{place}[{number}]", entry) for number, entry in enumerate(value)]
    for name, entry in entries:
        require(entry, shape.entry, name)


def _require_record(value: Any, shape: Mapping[str, Shape], place: str) -> None:
    if not isinstance(value, dict):
        _refuse(place, "a record", value)
    for key, entry in shape.items():
        if key in value:
            require(value[key], entry, f"{place}.{key}")
        elif not isinstance(entry, Maybe):
            raise ModelFileError(f"{place} lacks {key!r}")


def _refuse(place: str, words: str, value: Any) -> NoReturn:
    raise ModelFileError(f"{place} must be {words}, got {shortened(value)}")
