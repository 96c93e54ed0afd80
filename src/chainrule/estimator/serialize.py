"""Serialise an estimator's parameters and labels as plain data, and check that those of a file fit its network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule._errors import ModelFileError
from chainrule.estimator.labels import Labels
from chainrule.fit.column_encoder import Columns
from chainrule.fit.parameters import Settings, listed
from chainrule.network.architecture import Architecture
from chainrule.network.custom.any_activation import activation, is_pair
from chainrule.network.types import Array
from chainrule.table.target import Target
from chainrule.tabular.model import check_sense

_WIDEST = 1024  # most characters of a label's dtype, unless a label is longer
_PAIRS = "pairs"


def plain_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Serialise parameters as plain JSON data; callbacks, which are code, are left out.

    A pair of formulas, which JSON would turn into a list for two layers, is named.

    Raises
    ------
    ModelFileError
        If one is a function that draws weights.
    """
    parameters = {name: value for name, value in parameters.items() if name != "callbacks"}
    for name in ("kernel_initializer", "bias_initializer"):
        own = [entry for entry in listed(parameters.get(name)) if callable(entry)]
        if own:
            raise ModelFileError(
                f"{name} is a function, which a model file cannot hold. The weights are drawn already: call "
                f"set_params({name}='zeros') before saving."
            )
    if "activation" in parameters:
        parameters["activation"] = _described_activation(parameters["activation"])
    if isinstance(size := parameters.get("embedding_size"), dict):
        parameters["embedding_size"] = list(size.items())  # JSON has no numbers as keys
    if "class_weight" in parameters:
        parameters["class_weight"] = _described_weight(parameters["class_weight"])
    return parameters


def _described_weight(weight: Any) -> Any:
    """Serialise class weights as pairs, since labels may be numbers; a list has an entry for each output."""
    if isinstance(weight, list | tuple):
        return [_described_weight(each) for each in weight]
    return {_PAIRS: list(weight.items())} if isinstance(weight, dict) else weight


def _restored_weight(weight: Any) -> Any:
    if isinstance(weight, list):
        return [_restored_weight(each) for each in weight]
    paired = isinstance(weight, dict) and isinstance(weight.get(_PAIRS), list)
    return dict(weight[_PAIRS]) if paired else weight


def _described_activation(spec: Any) -> Any:
    if is_pair(spec):
        return activation(spec).spec
    return [_described_activation(entry) for entry in spec] if isinstance(spec, list) else spec


def constructor_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """Restore tuples and keys that JSON cannot hold: widths, activations with parameters, sizes by column."""
    restored = {name: _restored(value) for name, value in parameters.items()}
    if isinstance(restored.get("hidden_layer_sizes"), list):
        restored["hidden_layer_sizes"] = tuple(restored["hidden_layer_sizes"])
    if isinstance(restored.get("embedding_size"), list):
        restored["embedding_size"] = dict(restored["embedding_size"])
    if "class_weight" in parameters:
        restored["class_weight"] = _restored_weight(parameters["class_weight"])
    return restored


def _restored(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict):
        return value[0], value[1]
    return [_restored(entry) for entry in value]


def restored(described: dict[str, Any]) -> Array:
    """Restore labels in their own dtype; refuse a file's dtype that no labels have, and limit its width."""
    dtype, values = np.dtype(described["dtype"]), described["values"]
    if dtype.kind not in "iufbUO":
        raise ModelFileError(f"{len(values):,} class labels of type {dtype} are not supported.")
    if dtype.kind in "UO" and not all(isinstance(value, str) for value in values):
        raise ModelFileError(f"class labels of type {dtype} must all be texts.")
    if dtype.kind == "U" and dtype.itemsize > np.dtype(f"U{_WIDEST}").itemsize:
        dtype = np.dtype(f"U{max(_WIDEST, *map(len, values))}")
    return np.array(values, dtype=dtype)


def restored_residuals(values: Array, n_outputs: int) -> Array:
    """Return the residuals of calibration rows; raise ModelFileError if they do not fit the outputs."""
    if values.ndim != 2 or values.shape[1] != n_outputs or not len(values):
        raise ModelFileError(f"calibration residuals of shape {values.shape} do not fit {n_outputs} outputs.")
    return values.astype(np.float64)  # older files have them in the network's dtype


def check_columns(
    columns: Columns | None, architecture: Architecture, settings: Settings, n_features: int, names: Array | None
) -> None:
    """Check a record's columns against the network and the parameters."""
    check_sense(() if columns is None else columns.encoder.blocks, None)
    features = architecture.n_columns if columns is None else len(columns.encoder.blocks)
    if n_features != features:
        raise ModelFileError(f"the record has {n_features!r} features, the network {features} inputs.")
    if names is not None and len(names) != features:
        raise ModelFileError(f"the record must name {features} features, or none.")
    if (columns is not None) != settings.encodes_columns:
        raise ModelFileError("the record has columns to encode, or its parameters ask for them, but not both.")
    if columns is not None and not columns.fits(architecture):
        raise ModelFileError("the columns of the record are not those that the network takes.")


def check_scale(target: Target | None, architecture: Architecture, standardizes: bool) -> None:
    """Check a record's target units against the network."""
    check_sense((), target)
    if target is not None and (not standardizes or target.task != "regression"):
        raise ModelFileError("the record standardises a target that is not numeric.")
    if target is not None and len(target.scale) != architecture.widths[-1]:
        raise ModelFileError(
            f"the record scales {len(target.scale)} outputs, the network has {architecture.widths[-1]}."
        )


def check_classes(arrays: Mapping[str, Array], fitted: Mapping[str, Any], n_outputs: int) -> Labels:
    """Return the labels of a record, after checking that they and their weights fit the outputs."""
    absent = [name for name in ("classes_", "_multilabel", "_label_dtype") if name not in {**arrays, **fitted}]
    if absent:
        raise ModelFileError(f"the record of a classifier lacks {', '.join(absent)}.")
    labels = Labels(arrays["classes_"], fitted["_multilabel"], np.dtype(fitted["_label_dtype"]))
    n_classes, multilabel = len(labels.classes), labels.multilabel
    if multilabel and labels.dtype.kind not in "iufb":
        raise ModelFileError(f"labels that may coincide must be numbers, not {labels.dtype}.")
    if len(np.unique(labels.classes)) < max(1, n_classes):
        raise ModelFileError("the classes of the record must differ.")
    if n_outputs != labels.n_outputs:
        raise ModelFileError(f"the record has {n_classes} classes, the network {n_outputs} outputs.")
    weights = arrays.get("class_weight_", np.ones((n_classes, 2) if multilabel else n_classes))
    if weights.shape != ((n_classes, 2) if multilabel else (n_classes,)) or weights.dtype.kind not in "iuf":
        raise ModelFileError("the record needs a weight, a number, for every class.")
    return labels


def described(values: Array) -> dict[str, Any]:
    """Serialise labels or names as plain data; `restored` is the inverse."""
    listed = values.tolist()
    if values.dtype == object and not all(isinstance(value, str) for value in listed):
        raise ModelFileError(f"class labels of mixed types cannot be saved: {listed[:5]}. Use text or numbers.")
    return {"dtype": "object" if values.dtype == object else values.dtype.str, "values": listed}
