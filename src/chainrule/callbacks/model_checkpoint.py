"""`ModelCheckpoint`: save the model during training."""

from __future__ import annotations

import glob
import math
import os
from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING

from chainrule._errors import InvalidParameterError, nearest
from chainrule.files.model_file import check_writable
from chainrule.storage.models import save

if TYPE_CHECKING:
    from chainrule.estimator.callbacks.context import Context


@dataclass
class ModelCheckpoint:
    """Save the model at the end of epochs with `chainrule.save`, for `chainrule.load`.

    A file is replaced in one step, so it is always complete. Saving evaluates the loss on the training examples, which
    takes a forward pass.

    Parameters
    ----------
    path : path
        May contain the epoch and its measured values: "model-{epoch:03d}-{running_loss:.3f}.safetensors".
    save_best_only : bool, default=True
        Save only epochs that are better than all earlier ones of this training; if False, every epoch.
    monitor : str, optional
        The quantity of `history_` that decides which epoch is best: the highest "val_score", or the lowest value of any
        other quantity. None is "val_loss" if there is one, else "running_total".

    Raises
    ------
    InvalidParameterError
        If `monitor` or a name in `path` is not measured; if an input file could be overwritten.
    ModelFileError
        If the file cannot be written; if possible, this is checked before training.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from chainrule import LinearRegressor, load
    >>> X = np.arange(6.0).reshape(-1, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "best.safetensors")
    ...     reg = LinearRegressor(callbacks=ModelCheckpoint(path)).fit(X, 2 * X[:, 0])
    ...     again = load(path)
    >>> bool((again.predict(X) == reg.predict(X)).all())
    True
    """

    path: str | os.PathLike[str]
    save_best_only: bool = True
    monitor: str | None = None
    _best: float = field(default=math.inf, init=False, repr=False, compare=False)

    @property
    def places(self) -> list[str]:
        """The paths it may write to: the path itself; or an example of its pattern, and existing files that match."""
        path, pattern, example = os.fspath(self.path), "", ""
        if "{" not in path:
            return [path]
        try:
            for text, name, form, conversion in Formatter().parse(path):
                pattern += glob.escape(text) + ("" if name is None else "*")
                example += text + ("" if name is None else format(1 if conversion is None else "1", form or ""))
        except ValueError as error:
            raise InvalidParameterError(f"path={path!r} cannot be filled ({error}).") from error
        return [example, *glob.glob(pattern)]  # noqa: PTH207 - a Path has no pattern with a root

    def on_fit_begin(self, ctx: Context) -> None:
        """Reset the best value; check that the file can be written."""
        self._best = math.inf
        if "{" not in os.fspath(self.path):
            check_writable(self.path)

    def on_epoch_end(self, ctx: Context) -> None:
        """Save the model, if this epoch is the best or every epoch is saved."""
        measured = ctx.history.last()
        value = self._value(measured)
        if not self.save_best_only or value < self._best:
            self._best = value
            save(ctx.fitted_estimator(), self._filled(measured))

    def _value(self, measured: dict[str, float]) -> float:
        """Return the monitored quantity, with its sign such that lower is better."""
        name = self.monitor or ("val_loss" if "val_loss" in measured else "running_total")
        if name not in measured:
            raise InvalidParameterError(
                f"monitor={name!r} is nothing that this training measures. {nearest(name, measured)}"
            )
        return -measured[name] if name == "val_score" else measured[name]

    def _filled(self, measured: dict[str, float]) -> str:
        path = os.fspath(self.path)
        try:
            return path.format(**measured)
        except (LookupError, ValueError) as error:
            raise InvalidParameterError(
                f"path={path!r} cannot be filled ({error!r}). It may name {', '.join(measured)}."
            ) from error
