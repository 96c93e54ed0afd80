"""Mark a worksheet line by line: right, follows from a mistake above, or wrong and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.lab.quantities import Quantity, computed
from chainrule.lab.reading import Reading, reading
from chainrule.lab.slips import slips
from chainrule.lab.worksheet import Worksheet
from chainrule.network.types import Array

RIGHT, FOLLOWS, WRONG, BLANK = "right", "follows", "wrong", "blank"
_FINER = 2  # further decimals, beyond those of the sheet, that are also checked
_ROUNDING = 1e-9  # tolerance for floating point, added to the rounding of the answers


@dataclass(frozen=True)
class GradeRow:
    """The marks of one line.

    Attributes
    ----------
    name : str
    points, out_of : int
        One for each number.
    marks : tuple of tuple of str
        For each number "right", "follows" (from a wrong number above; it counts), "wrong" or "blank".
    verdict : str
        The marks in words.
    mistakes : tuple of str
        Ids of the known mistakes that give exactly these numbers; one of them was made.
    """

    name: str
    points: int
    out_of: int
    marks: tuple[tuple[str, ...], ...]
    verdict: str
    mistakes: tuple[str, ...] = ()


class Marking:
    """Marks line by line, and keeps the numbers written on the sheet so far."""

    def __init__(self, sheet: Worksheet) -> None:
        self.sheet = sheet
        self.written = {name: sheet.on_sheet(name) for name in sheet.quantities}
        self.wrong: set[str] = set()  # lines with a number that is not the right one

    def marked(self, name: str, given: Any) -> GradeRow:
        """Mark a line."""
        quantity = self.sheet.quantities[name]
        answer = reading(given, _shape(quantity))
        if answer is None or answer.values.shape != quantity.value.shape:
            return self._misshapen(quantity, answer)
        marks = self._marks(quantity, answer)
        row = self._row(quantity, answer, marks)
        self.written[name] = np.where(np.isnan(answer.values), self.written[name], answer.values)
        if {WRONG, FOLLOWS} & set(marks.flat):
            self.wrong.add(name)
        return row

    def _marks(self, quantity: Quantity, answer: Reading) -> Array:
        """Mark each number; results of the exact numbers or those on the sheet, and any number between, are right."""
        from_sheet = computed(quantity, self.sheet.trace, self.written)
        places = np.clip(answer.decimals, self.sheet.decimals, self.sheet.decimals + _FINER)
        rounding = 0.5 * 10.0**-places + _ROUNDING
        low, high = quantity.value, quantity.value
        if not self._misled(quantity):
            low, high = np.fmin(low, from_sheet), np.fmax(high, from_sheet)
        right = (answer.values >= low - rounding) & (answer.values <= high + rounding)
        follows = np.abs(answer.values - from_sheet) <= rounding
        marks = np.where(right, RIGHT, np.where(follows, FOLLOWS, WRONG))
        return np.where(answer.blank, BLANK, marks)

    def _misled(self, quantity: Quantity) -> tuple[str, ...]:
        return tuple(name for name in quantity.sources if name in self.wrong)

    def _row(self, quantity: Quantity, answer: Reading, marks: Array) -> GradeRow:
        points, size = int(np.isin(marks, (RIGHT, FOLLOWS)).sum()), marks.size
        mistakes = self._slips(quantity, answer) if WRONG in marks else ()
        verdict = self._verdict(quantity, answer, marks, mistakes)
        return GradeRow(quantity.name, points, size, tuple(map(tuple, marks.tolist())), verdict, mistakes)

    def _verdict(self, quantity: Quantity, answer: Reading, marks: Array, mistakes: tuple[str, ...]) -> str:
        counts = {mark: int((marks == mark).sum()) for mark in (RIGHT, FOLLOWS, WRONG, BLANK)}
        source = f" from your {' and '.join(self._misled(quantity))}"
        kinds = [mark + (source if mark == FOLLOWS else "") for mark, n in counts.items() if n]
        if len(kinds) > 1:
            kinds = [f"{n} {kind}" for n, kind in zip(filter(None, counts.values()), kinds, strict=True)]
        reasons = [*([" or ".join(mistakes)] if mistakes else []), *(f"{t!r} is no number" for t in answer.unreadable)]
        return ", ".join(kinds) + (f": {'; '.join(reasons)}" if reasons else "")

    def _slips(self, quantity: Quantity, answer: Reading) -> tuple[str, ...]:
        """Return the known mistakes that give the answer, from the numbers on the sheet or the right ones."""
        tolerance = 2 * 10.0**-self.sheet.decimals
        right = {name: line.value for name, line in self.sheet.quantities.items()}
        found = (slips(quantity, self.sheet.trace, n, answer.values, tolerance) for n in (self.written, right))
        return next(filter(None, found), ())

    def _misshapen(self, quantity: Quantity, answer: Reading | None) -> GradeRow:
        """Give no points; lines below are marked as if this line were right."""
        rows, columns = _shape(quantity)
        mistakes = self._slips(quantity, answer) if answer else ()
        came = f"{answer.values.shape[0]}×{answer.values.shape[1]}" if answer else "rows of different lengths"
        named = f"{' or '.join(mistakes)}; " if mistakes else ""
        verdict = f"wrong: {named}it must be {rows}×{columns}, got {came}"
        return GradeRow(quantity.name, 0, rows * columns, ((WRONG,) * columns,) * rows, verdict, mistakes)


def _shape(quantity: Quantity) -> tuple[int, int]:
    rows, columns = quantity.value.shape
    return rows, columns
