"""What makes the checkpoint of a fit its own: nobody else may go on from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule._version import __version__
from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.distributed.distribution import Distribution
from chainrule.files.model_file import check_writable
from chainrule.fit.dataset import TrainingSet
from chainrule.network.rows import row_keys
from chainrule.table.columns import Table


def checkpoint_of(
    estimator: Any,
    path: Any,
    tables: Iterable[TrainingSet | None],
    distribution: Distribution | None,
    goes_on: bool,
) -> CheckpointFile:
    """Return the checkpoint's file of a fit.

    Parameters
    ----------
    estimator : estimator
        Its seed is drawn already.
    path : path-like
    tables : iterable of TrainingSet or None
        All rows to train on, and those of a validation of its own, if any, as they were read.
    distribution : Distribution, optional
    goes_on : bool
        Whether it begins with weights from elsewhere.

    Raises
    ------
    InvalidParameterError
        If the fit could not be told from another one.
    ModelFileError
        If the file could not be written.
    """
    if estimator.random_state is None or goes_on:
        raise InvalidParameterError(
            "checkpoint is for a fit that can be begun again: set random_state to a number, warm_start=False, and give "
            "no coef_init, intercept_init and embedding_init."
        )
    if distribution is None or distribution.is_root:
        check_writable(path)
    fingerprint = {
        "version": __version__,
        "estimator": type(estimator).__name__,
        "settings": {name: _plain(value) for name, value in estimator.get_params(deep=False).items()},
        "seed": estimator._seed,
        "shards": None if distribution is None else distribution.shards,
        "rows": [_digest(table) for table in tables if table is not None],
    }
    return CheckpointFile(path, fingerprint)


def _plain(value: Any) -> Any:
    """Describe a parameter: values by themselves, functions by their names, other objects by their kinds."""
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


def _digest(table: TrainingSet) -> str:
    """Hash what is trained on, in its order."""
    keys = table.X.row_keys() if isinstance(table.X, Table) else row_keys(table.X)
    found = hashlib.sha256(keys.tobytes() + np.ascontiguousarray(table.Y).tobytes())
    if table.weights is not None:
        found.update(table.weights.tobytes())
    return found.hexdigest()
