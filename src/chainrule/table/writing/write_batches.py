"""Write columns batch by batch, to the same file that `write_columns` would write of all batches together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from chainrule.files.parts import part_beside
from chainrule.network.types import Array
from chainrule.table.columns import Column, Kind
from chainrule.table.reading.database import connect
from chainrule.table.reading.sql import identifier, literal
from chainrule.table.writing.write import copy, plain_values, write_columns, write_file

Columns = dict[str, Column | Array]


def write_batches(
    batches: Iterable[Columns], destination: str | os.PathLike[str] | IO[bytes], *, memory: int = 2**29
) -> None:
    """Write batches with the same columns one after the other, with a header.

    The file appears once the last batch is written; until then the batches are temporary files beside it.

    Parameters
    ----------
    batches : iterable of dict of str to Column or ndarray
        At least one.
    destination : path or binary stream
        A path must end in .csv or .tsv (perhaps .gz), .json, .jsonl or .parquet; CSV is written to a stream.
    memory : int, default 512 MiB
        Most memory for joining the batches.

    Raises
    ------
    TableError
        If the ending is unknown or the file cannot be written; an older file is then left as it was.
    """

    def write(path: Path, form: str) -> None:
        folder = part_beside(path)
        folder.mkdir()
        try:
            _write(batches, folder, path, form, memory)
        finally:
            shutil.rmtree(folder)

    write_file(write, destination)


@dataclass
class _Narrowing:
    """Whether a column can be written as whole numbers or as days; known only after its last batch."""

    kind: Kind
    whole: bool = True
    missing: bool = False

    def observe(self, column: Column) -> None:
        absent = column.missing
        self.missing |= bool(absent.any())
        self.whole = self.whole and _is_whole(column.values[~absent])

    @property
    def cast(self) -> str:
        """The SQL type to write the column as; "" for its own."""
        if self.kind == "boolean":
            return "::BOOLEAN"
        if self.kind == "date":
            return "::DATE" if self.whole else ""
        return "::BIGINT" if self.kind == "number" and self.whole and self.missing else ""


def _is_whole(present: Array) -> bool:
    """Say whether all values are whole numbers that are exact as floats, or days without a time."""
    if present.dtype.kind == "M":
        return np.array_equal(present.astype("datetime64[D]"), present)
    return present.dtype.kind == "f" and bool(np.all((present == np.trunc(present)) & (np.abs(present) < 2**53)))


def _write(batches: Iterable[Columns], folder: Path, path: Path, form: str, memory: int) -> None:
    narrowings: dict[str, _Narrowing] = {}
    parts: list[str] = []
    for batch in batches:
        part = folder / f"{len(parts)}.parquet"
        write_columns({name: _wide(values) for name, values in batch.items()}, part)
        parts.append(literal(str(part)))
        for name, values in batch.items():
            if isinstance(values, Column):
                narrowings.setdefault(name, _Narrowing(values.kind)).observe(values)
    casts = {name: narrowing.cast for name, narrowing in narrowings.items()}
    changed = ", ".join(f"{identifier(name)}{cast} AS {identifier(name)}" for name, cast in casts.items() if cast)
    columns = f"* REPLACE ({changed})" if changed else "*"
    with closing(connect(memory_limit=f"'{memory // 2**20}MiB'")) as connection:
        # A batch with only missing values has no type of its own: union_by_name finds one for all batches.
        copy(connection, f"SELECT {columns} FROM read_parquet([{', '.join(parts)}], union_by_name=true)", path, form)


def _wide(values: Column | Array) -> Array:
    """Return values in a type that all batches share."""
    if not isinstance(values, Column):
        return values
    return values.values if values.kind in ("number", "date") else plain_values(values)
