"""`TensorBoard`: write the history for TensorBoard."""

from __future__ import annotations

import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule.callbacks.event_file import append_scalars, start_file

if TYPE_CHECKING:
    from chainrule.estimator.callbacks.context import Context


@dataclass
class TensorBoard:
    """Write the measures of every epoch to an event file, which `tensorboard --logdir LOG_DIR` shows as curves.

    One scalar per quantity of `history_`, under its name, with the epoch as the step. Every training adds a file.
    TensorBoard shows the files of one folder as one run, so give each training its own folder below a common one. No
    other library is needed.

    Parameters
    ----------
    log_dir : path
        Created if it does not exist.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from chainrule import LinearRegressor
    >>> X = np.arange(6.0).reshape(-1, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     reg = LinearRegressor(callbacks=TensorBoard(folder)).fit(X, 2 * X[:, 0])
    ...     [path.name for path in pathlib.Path(folder).iterdir()]
    ['events.out.tfevents...']
    """

    log_dir: str | os.PathLike[str]
    _file: Path = field(default=Path(), init=False, repr=False, compare=False)

    def on_fit_begin(self, ctx: Context) -> None:
        """Start a new file."""
        folder = Path(self.log_dir)
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{uuid.uuid4().hex[:8]}"
        start_file(self._file)

    def on_epoch_end(self, ctx: Context) -> None:
        """Append the epoch's scalars."""
        measured = ctx.history.last()
        append_scalars(self._file, int(measured.pop("epoch")), measured)
