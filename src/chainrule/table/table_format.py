"""What was understood of a table when it was first read: its dialect, and how the texts of each column become values.

A model records it, and every later table is read by the record, so that a value means the same whichever rows come with
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

ValueKind = Literal["number", "text", "boolean", "date", "duration"]

# Lower-case "none" is left out: it is a common answer ("damage: none").
MISSING_MARKS = (
    *("", "?", "-", "NA", "N/A", "#N/A", "<NA>", "na", "n/a"),
    *("NaN", "nan", "NAN", "NULL", "null", "Null", "None"),
    *("#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"),  # of spreadsheets
)
# These mean missing where the other values are numbers, dates or the like; among texts they are texts.
MARKS_AMONG_NUMBERS = (
    *("n.a.", "N.A.", "n.a", "N.A", "N/D", "n/d", "ND", "nd", ".", "..", "...", "\\N", "--", "---"),
    *("none", "NONE", "nil", "missing", "Missing", "MISSING", "unknown", "Unknown", "UNKNOWN"),
    *("#SPILL!", "#CALC!", "#GETTING_DATA", "-1.#IND", "1.#QNAN", "-1.#QNAN", "1.#IND"),
)


@dataclass(frozen=True)
class Dialect:
    """How a text file is cut into records and fields.

    Parameters
    ----------
    delimiter, quote, escape : str
        One character each; the delimiter " " means any run of blanks.
    header : bool
        Whether the first record names the columns.
    skip : int
        Number of lines above the first record.
    encoding : str
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    header: bool = True
    skip: int = 0
    encoding: str = "utf-8"


@dataclass(frozen=True)
class ColumnFormat:
    """How the texts of a column become values.

    Parameters
    ----------
    name : str
    kind : {"number", "text", "boolean", "date", "duration"}
        A duration is read as a number of seconds, and so is a time of day, counted from midnight.
    decimal : {".", ","}
        The decimal sign of numbers; the other one, blanks and apostrophes may group thousands.
    unit : str
        What stands before or after numbers: "$", "%", "USD".
    order : str
        The order of the parts of dates: "ymd", "dmy", "mdy", or a format of strptime.
    values : tuple of str
        The marks of missing values that are values in this column: a class named "NA".
    """

    name: str
    kind: ValueKind
    decimal: str = "."
    unit: str = ""
    order: str = "ymd"
    values: tuple[str, ...] = ()

    def marks(self, missing: Sequence[str]) -> tuple[str, ...]:
        """Return the texts that mean missing in this column, given those of the whole table."""
        more = () if self.kind == "text" else MARKS_AMONG_NUMBERS
        return tuple(mark for mark in (*missing, *more) if mark not in self.values)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, without default values."""
        default = asdict(ColumnFormat(self.name, self.kind))
        found = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {key: value for key, value in found.items() if key in ("name", "kind") or value != default[key]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ColumnFormat:
        """Return the format that `to_dict` wrote."""
        fields: dict[str, Any] = {key: tuple(value) if key == "values" else value for key, value in data.items()}
        return cls(**fields)


@dataclass(frozen=True)
class TableFormat:
    """The format of a table.

    Parameters
    ----------
    columns : tuple of ColumnFormat
    dialect : Dialect, optional
        Of a text file; None for other sources.
    missing : tuple of str
        The texts that mean missing.
    files : tuple of ColumnFormat
        The columns of the text files in a query.
    required : tuple of str
        The columns that every file must have: the features of a model.

    Examples
    --------
    >>> found = TableFormat((ColumnFormat("price", "number", unit="$"),))
    >>> found.of("price").unit, TableFormat.from_dict(found.to_dict()) == found
    ('$', True)
    """

    columns: tuple[ColumnFormat, ...]
    dialect: Dialect | None = None
    missing: tuple[str, ...] = MISSING_MARKS
    files: tuple[ColumnFormat, ...] = ()
    required: tuple[str, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, ColumnFormat]:
        return {column.name: column for column in self.columns}

    def of(self, name: str) -> ColumnFormat | None:
        """Return the format of a column, None if the table had no such column."""
        return self._by_name.get(name)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; `from_dict` restores it exactly."""
        return {
            "columns": [column.to_dict() for column in self.columns],
            "dialect": None if self.dialect is None else asdict(self.dialect),
            "missing": list(self.missing),
            "files": [column.to_dict() for column in self.files],
            "required": list(self.required),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TableFormat:
        """Return the format that `to_dict` wrote."""
        columns, files = (tuple(map(ColumnFormat.from_dict, data[key])) for key in ("columns", "files"))
        dialect = None if data["dialect"] is None else Dialect(**data["dialect"])
        return cls(columns, dialect, tuple(data["missing"]), files, tuple(data["required"]))


@dataclass(frozen=True)
class ReadOptions:
    """What a person says about a table, which is then not inferred.

    Parameters
    ----------
    delimiter : str, optional
        One character, "tab" or "blanks".
    header : bool, optional
    encoding : str, optional
        A name that Python knows, such as "cp1252" or "shift_jis".
    decimal : {".", ","}, optional
    date_format : str, optional
        "ymd", "dmy", "mdy", or a format of strptime such as "%d.%m.%y".
    missing : sequence of str, optional
        The texts that mean missing, beside empty fields.
    skip : int, optional
        Number of lines above the header.
    numeric : sequence of str or int
        Columns of numbers, by name or position: what is none is counted and taken as missing.
    """

    delimiter: str | None = None
    header: bool | None = None
    encoding: str | None = None
    decimal: str | None = None
    date_format: str | None = None
    missing: Sequence[str] | None = None
    skip: int | None = None
    numeric: Sequence[str | int] = ()
