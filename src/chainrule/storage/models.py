"""`save` and `load`: write a model to a file, and read it."""

from __future__ import annotations

import importlib
import os
from typing import Any

from chainrule._errors import ChainruleError, ModelFileError
from chainrule._version import __version__
from chainrule.files.model_file import packed, read_model, unpacked, write_model
from chainrule.files.records import MODELS
from chainrule.files.shape import require
from chainrule.network.types import Array

# The kinds of model that a file may hold, and the modules of their classes; nothing else is ever imported for a file.
_KINDS = {
    "TableModel": "chainrule.tabular.model",
    "MLPClassifier": "chainrule.estimator",
    "MLPRegressor": "chainrule.estimator",
    "LinearClassifier": "chainrule.estimator",
    "LinearRegressor": "chainrule.estimator",
    "MLPEnsembleClassifier": "chainrule.many",
    "MLPEnsembleRegressor": "chainrule.many",
}


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator, an ensemble or a table model to a safetensors file.

    The file holds what predicting needs and the history of training, but not the optimiser's state.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor, an ensemble of them, TabularClassifier,
            TabularRegressor, or the TableModel of one of the last two
    path : path
        Replaced in one step, after checking that `load` can read the content; if anything fails, an older file is kept.

    Raises
    ------
    ModelFileError
        If the model is of another kind, holds something that a file cannot, or the file cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from chainrule import LinearRegressor, load, save
    >>> X = np.arange(6.0).reshape(-1, 1)
    >>> model = LinearRegressor().fit(X, 2 * X[:, 0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, pathlib.Path(folder, "line.safetensors"))
    ...     again = load(pathlib.Path(folder, "line.safetensors"))
    >>> bool((again.predict(X) == model.predict(X)).all())
    True
    """
    model = getattr(model, "model_", model)  # of a tabular estimator the table model is saved
    kind = type(model).__name__
    if kind not in _KINDS or not hasattr(model, "to_record"):
        raise ModelFileError(f"a {kind} cannot be saved; it must be one of {', '.join(_KINDS)}.")
    record, tensors = model.to_record()
    content = packed({"kind": kind, "chainrule": __version__, **record}, tensors)
    try:
        _restored(*unpacked(content, "its file"))
    except ModelFileError as error:
        raise ModelFileError(f"the model cannot be saved, for no file of it could be loaded again: {error}") from error
    write_model(path, content)


def load(path: str | os.PathLike[str]) -> Any:
    """Load the model that `save` or `chainrule train` wrote; executes nothing from the file.

    Returns
    -------
    The fitted estimator or ensemble; for a table model, a `TabularClassifier` or a `TabularRegressor`.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of another program, or of a newer format.
    """
    return _loaded(path, "chainrule.estimator.tabular")


def load_model(path: str | os.PathLike[str]) -> Any:
    """Load a model as the file holds it: for a table a `TableModel`, which does not need scikit-learn.

    Raises
    ------
    ModelFileError
        As for `load`.
    """
    return _loaded(path, None)


def _loaded(path: str | os.PathLike[str], estimators: str | None) -> Any:
    record, tensors = read_model(path)
    try:
        return _restored(record, tensors, estimators)
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)} is damaged: {error}") from error


def _restored(record: dict[str, Any], tensors: dict[str, Array], estimators: str | None = None) -> Any:
    """Build the model of a record after checking it; wrap a table model in an estimator if `estimators` is given."""
    kind = record.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ModelFileError(f"it holds a model of the unknown kind {kind!r}.")
    cls = getattr(importlib.import_module(_KINDS[kind]), kind)
    try:
        require(record, MODELS[kind])
        model = cls.from_record(record, tensors)
        if kind == "TableModel" and estimators:
            return importlib.import_module(estimators).estimator_of(model)
        return model
    except (
        ChainruleError,
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
        MemoryError,
    ) as error:
        reason = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
        raise ModelFileError(f"{' '.join(reason.split())[:300].rstrip('.')}.") from error
