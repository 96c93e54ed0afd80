"""`grade`: mark the answers to a worksheet; numbers that follow from an earlier mistake count as right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chainrule._errors import InvalidParameterError, nearest
from chainrule.derivation.judge.mistakes import KINDS
from chainrule.lab.marking import GradeRow, Marking
from chainrule.lab.worksheet import Worksheet


@dataclass(frozen=True)
class Grade:
    """The marks of a worksheet; print it."""

    rows: tuple[GradeRow, ...]

    @property
    def score(self) -> int:
        """The sum of the points."""
        return sum(row.points for row in self.rows)

    @property
    def out_of(self) -> int:
        """The maximum number of points."""
        return sum(row.out_of for row in self.rows)

    def __str__(self) -> str:
        name, points = max(len(row.name) for row in self.rows), len(str(max(row.out_of for row in self.rows)))
        lines = [
            f"{row.name:<{name}}  {row.points:>{points}}/{row.out_of:<{points}}  {row.verdict}" for row in self.rows
        ]
        named = dict.fromkeys(id_ for row in self.rows for id_ in row.mistakes)
        cures = [f"{id_}: {KINDS[id_].what}. {KINDS[id_].cure}" for id_ in named]
        return "\n".join([f"{self.score} of {self.out_of} points", "", *lines, *([""] if cures else []), *cures])


def grade(worksheet: Worksheet, answers: Mapping[str, Any]) -> Grade:
    """Mark the answers to a worksheet.

    A number is right if it is the exact one rounded to the decimals it is given with, and these are as many as the
    sheet asks for (trailing zeros may be left out). A number computed correctly from rounded or wrong numbers also
    counts as right; if from wrong ones, the verdict names them.

    Parameters
    ----------
    worksheet : Worksheet
    answers : dict
        For some or all of `worksheet.blanks`: arrays, lists of rows, or a list for a single row or column. Entries are
        numbers or texts such as "0.25", "0,25" or "1/3"; None and "" are blank.

    Returns
    -------
    Grade
        `.score`, `.out_of`, `.rows`; print it.

    Raises
    ------
    InvalidParameterError
        If there is an answer that the sheet does not ask for.

    Examples
    --------
    >>> from chainrule import lab
    >>> sheet = lab.worksheet(blanks=["dZ[2]", "dW[2]", "db[2]"], seed=1)
    >>> print(lab.grade(sheet, {"dZ[2]": [1, 0.25], "db[2]": "5/8"}))
    1 of 5 points
    <BLANKLINE>
    dZ[2]  0/2  wrong: sign
    dW[2]  0/2  blank
    db[2]  1/1  follows from your dZ[2]
    <BLANKLINE>
    sign: wrong sign: this update increases the loss. The error is prediction minus target, dZ[L] = A[L] - Y, and \
the update subtracts: W := W - α dW.
    """
    _check(worksheet, answers)
    sheet = Marking(worksheet)
    return Grade(tuple(sheet.marked(name, answers.get(name)) for name in worksheet.blanks))


def _check(worksheet: Worksheet, answers: Any) -> None:
    if not isinstance(worksheet, Worksheet):
        raise InvalidParameterError(f"worksheet must be a Worksheet, got {type(worksheet).__name__}.")
    if not isinstance(answers, Mapping):
        raise InvalidParameterError(
            f"answers must be a dict from names to numbers, such as {{'dZ[2]': [[0.5]]}}; got {type(answers).__name__}."
        )
    for name in answers:
        if name not in worksheet.blanks:
            given = " It is given on the sheet." if name in worksheet.quantities else ""
            raise InvalidParameterError(f"{name!r} is not asked for.{given} {nearest(name, worksheet.blanks)}")
