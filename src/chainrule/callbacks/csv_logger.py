"""`CSVLogger`: write the history to a CSV file, one line per epoch."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule._errors import InvalidParameterError
from chainrule.files.outputs import check_place
from chainrule.files.replacing import append, replace_file

if TYPE_CHECKING:
    from chainrule.estimator.callbacks.context import Context


@dataclass
class CSVLogger:
    """Write the measures of every epoch to a CSV file: a header, then a line per epoch.

    The columns are those of `history_`. A line is written when its epoch has ended.

    Parameters
    ----------
    path : path
    append : bool, default=False
        Append to an existing file, which must have the same columns. Otherwise an existing file is replaced, in one
        step, after the first epoch.

    Raises
    ------
    InvalidParameterError
        If the file to append to has other columns.
    OSError
        If the file cannot be written; if possible, this is checked before training.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from chainrule import LinearRegressor
    >>> X = np.arange(6.0).reshape(-1, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "log.csv")
    ...     reg = LinearRegressor(callbacks=CSVLogger(path)).fit(X, 2 * X[:, 0])
    ...     lines = path.read_text().splitlines()
    >>> lines[0]
    'epoch,running_loss,penalty,running_total,learning_rate,gradient_norm,seconds'
    >>> len(lines) == 1 + reg.n_iter_
    True
    """

    path: str | os.PathLike[str]
    append: bool = False
    _columns: list[str] | None = field(default=None, init=False, repr=False, compare=False)

    def on_fit_begin(self, ctx: Context) -> None:
        """Check that the file can be written; read the columns of a file to append to."""
        self._columns = None
        path = Path(self.path)
        check_place(path)
        if self.append and path.exists() and path.stat().st_size:
            with path.open(newline="", encoding="utf-8") as file:
                self._columns = next(csv.reader(file))

    def on_epoch_end(self, ctx: Context) -> None:
        """Write a line."""
        row = ctx.history.last()
        if self._columns is None:
            self._columns = list(row)
            replace_file(Path(self.path), _lines(self._columns, list(row.values())))
            return
        if self._columns != list(row):
            raise InvalidParameterError(
                f"{os.fspath(self.path)} has the columns {self._columns}, this training {list(row)}: "
                "set append=False or choose another path."
            )
        append(Path(self.path), _lines(list(row.values())))


def _lines(*rows: list[str] | list[float]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
