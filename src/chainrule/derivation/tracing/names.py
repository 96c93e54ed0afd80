"""What a model calls its inputs and its outputs: columns of a table, features of a data frame, classes."""

from __future__ import annotations

from typing import Any


def names_of(model: Any, n_columns: int, n_outputs: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the columns of the table and of the rows of A[L]; empty where a model has none."""
    model = getattr(model, "model_", model)  # of a tabular estimator
    if hasattr(model, "encoder") and hasattr(model, "target"):
        inputs, outputs = model.encoder.feature_names, _targets(model.target)
    else:
        inputs, outputs = getattr(model, "feature_names_in_", ()), _classes("", getattr(model, "classes_", ()))
    return _fitting(inputs, n_columns), _fitting(outputs, n_outputs)


def _targets(target: Any) -> tuple[str, ...]:
    if target.task == "regression":
        return tuple(target.names)
    return _classes(f"{target.names[0]}=", target.classes)


def _classes(prefix: str, classes: Any) -> tuple[str, ...]:
    """A name for each class; of two classes, one output says how probable the second is."""
    names = tuple(f"{prefix}{name}" for name in classes)
    return names[1:] if len(names) == 2 else names


def _fitting(names: Any, n: int) -> tuple[str, ...]:
    names = tuple(str(name) for name in names)
    return names if len(names) == n else ()
