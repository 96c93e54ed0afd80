"""What a split is asked for: the shares of its parts, and the column whose groups or order it keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from chainrule._errors import InvalidParameterError, TableError
from chainrule.table import Table

PARTS = ("training", "validation", "test")
NO_TARGET, TRAINING, VALIDATION, TEST, UNUSED = range(5)


@dataclass(frozen=True)
class Shares:
    """The shares of a split, and what it keeps together.

    Parameters
    ----------
    test : float, default 0.2
        The share of test rows among the rows with a target value.
    validation : float, default 0.1
        The share of validation rows among the others.
    seed : int, default 0
    by : str or int, optional
        A column whose rows with the same value, a group, stay in one part; a row without a value is its own group.
    time : str or int, optional
        A column of dates or numbers, the order of the rows: the last ones are the test rows, those before them the
        validation rows. Rows of one time stay in one part.
    fold : tuple of int, optional
        (i, k): the test rows are the i-th of k folds, counted from 0, instead of a share. In order of time, fold i is
        the block i + 1 of k + 1 blocks, after which nothing is trained on.

    Raises
    ------
    InvalidParameterError
        If a share is not from 0 to below 1, or both `by` and `time` are given.
    """

    test: float = 0.2
    validation: float = 0.1
    seed: int = 0
    by: str | int | None = None
    time: str | int | None = None
    fold: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name, share in (("test", self.test), ("validation", self.validation)):
            if not 0 <= share < 1:
                raise InvalidParameterError(f"the share of {name} rows must be from 0 to below 1, got {share!r}.")
        if self.by is not None and self.time is not None:
            raise InvalidParameterError(
                f"a split is by groups ({self.by}) or by time ({self.time}), not both: give one of them."
            )

    def resolved(self, header: Table, targets: Sequence[str]) -> Shares:
        """Return the shares with the names of their columns, which may be given by position.

        Raises
        ------
        TableError, InvalidParameterError
            If there is no such column, it is a target, or its values have no order in time.
        """
        by, time = (None if key is None else header[key].name for key in (self.by, self.time))
        for name in {by, time} & {*targets}:
            raise InvalidParameterError(f"the column to split by, {name!r}, is the target: name another.")
        if time is not None and header[time].kind not in ("date", "number"):
            raise TableError(
                f"Column {time!r} has no order in time: its values must be dates or numbers, but it is "
                f"{header[time].kind}."
            )
        return replace(self, by=by, time=time)

    @property
    def drawn(self) -> list[tuple[str, float, int]]:
        """The parts to draw one after the other: name, share and code. A fold is no share."""
        test = [] if self.fold is not None else [("test", self.test, TEST)]
        return [*test, ("validation", self.validation, VALIDATION)]

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """Return the shares that `dataclasses.asdict` wrote to JSON."""
        return cls(**{**record, "fold": None if record["fold"] is None else tuple(record["fold"])})
