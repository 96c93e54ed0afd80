"""The fingerprint of a fit, so that no other fit resumes from its checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule._version import __version__
from chainrule.checkpoints.checkpoint_file import CheckpointFile
from chainrule.distributed.distribution import Distribution, on_root
from chainrule.files.model_file import check_writable
from chainrule.fit.dataset import TrainingSet


@contextmanager
def alone_with(path: Any, distribution: Distribution | None) -> Iterator[None]:
    """Keep other fits away from a checkpoint; None is no checkpoint.

    Raises
    ------
    CheckpointError
        If another fit uses it now.
    ModelFileError
        If the file could not be written.
    ClusterError
        On the other ranks of an MPI job.
    """
    with ExitStack() as stack:

        def enter() -> None:
            check_writable(path)
            stack.enter_context(CheckpointFile(path, {}).alone())

        if path is not None:
            on_root(distribution, enter)
        yield


def checkpoint_of(
    path: Any,
    kind: str,
    parameters: Mapping[str, Any],
    seed: int,
    datasets: Iterable[TrainingSet | None],
    distribution: Distribution | None,
    goes_on: bool,
) -> CheckpointFile:
    """Return the checkpoint file of a fit of an estimator on datasets that are not yet encoded.

    Raises
    ------
    InvalidParameterError
        If the fit cannot be identified, for example because it continues from other weights.
    """
    if parameters["random_state"] is None or goes_on:
        raise InvalidParameterError(
            "checkpoint needs a fit that can be repeated: set random_state to a number, warm_start=False, and give no "
            "coef_init, intercept_init and embedding_init."
        )
    fingerprint = {
        "version": __version__,
        "estimator": kind,
        "settings": {name: _plain(value) for name, value in parameters.items()},
        "seed": seed,
        "shards": None if distribution is None else distribution.shards,
        "rows": [dataset.digest() for dataset in datasets if dataset is not None],
    }
    return CheckpointFile(path, fingerprint)


def _plain(value: Any) -> Any:
    """Describe a parameter: plain values as they are, functions by name and code, other objects by class."""
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if not hasattr(value, "__qualname__"):
        return f"{type(value).__module__}.{type(value).__qualname__}"
    from chainrule.fit.code_digest import digest  # few fits have functions among their parameters

    return f"{value.__module__}.{value.__qualname__}, code {digest(value)[:8]}"
