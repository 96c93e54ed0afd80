"""A fitted estimator as plain data: parameters, labels, features, network, history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule._errors import ModelFileError
from chainrule.estimator.building import optimizer_of
from chainrule.estimator.class_weights import equal_weights
from chainrule.estimator.columns import Columns
from chainrule.estimator.fitting import Fitted
from chainrule.estimator.settings import listed
from chainrule.estimator.table_model import check_plain
from chainrule.network.activations import activation
from chainrule.network.architecture import Architecture
from chainrule.network.history import History
from chainrule.network.optimizers import initial_slots
from chainrule.network.own_activations import is_pair
from chainrule.network.record import architecture_from, architecture_record, parameters_of, tensors_of
from chainrule.network.segment import State
from chainrule.network.types import Array
from chainrule.table.target import Target

if TYPE_CHECKING:
    from chainrule.estimator.base import AbstractEstimator

_FITTED = ("n_features_in_", "_seed", "_multilabel", "_label_dtype", "t_")
_MOST_LABEL_BYTES = 2**26
_ARRAYS = ("classes_", "feature_names_in_", "class_weight_")
_CALIBRATION = "calibration"  # the name of a tensor


def estimator_record(estimator: AbstractEstimator) -> tuple[dict[str, Any], dict[str, Array]]:
    """Describe a fitted estimator; the optimiser's state and the callbacks, which are code, are left out."""
    parameters = estimator._parameters()
    fitted = estimator._fitted
    values = {name: getattr(estimator, name) for name in _FITTED if hasattr(estimator, name)}
    if "_label_dtype" in values:
        values["_label_dtype"] = values["_label_dtype"].str
    record = {
        "parameters": _plain_parameters(estimator),
        "fitted": values,
        "arrays": {name: _described(getattr(estimator, name)) for name in _ARRAYS if hasattr(estimator, name)},
        "architecture": architecture_record(fitted.architecture),
        "history": fitted.history.to_dict(),
        "epochs": fitted.state.epoch,
    }
    for name, part in (("columns", estimator._columns), ("target", estimator._target)):
        if part is not None:
            record[name] = part.to_dict()
    residuals = getattr(estimator, "calibration_residuals_", None)
    return record, tensors_of(parameters) | ({} if residuals is None else {_CALIBRATION: residuals})


def _plain_parameters(estimator: AbstractEstimator) -> dict[str, Any]:
    """The parameters as JSON can hold them: a pair of formulas, which it would make a list for two layers, by name."""
    parameters = estimator.get_params(deep=False)
    parameters.pop("callbacks")
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
    return parameters


def _described_activation(spec: Any) -> Any:
    if is_pair(spec):
        return activation(spec).spec
    return [_described_activation(entry) for entry in spec] if isinstance(spec, list) else spec


def restore(estimator: AbstractEstimator, record: dict[str, Any], tensors: dict[str, Array]) -> None:
    """Give a new estimator the fitted state that `estimator_record` described; its optimiser starts afresh."""
    for name, value in record["fitted"].items():
        if name in _FITTED:
            setattr(estimator, name, np.dtype(value) if name == "_label_dtype" else value)
    for name, described in record["arrays"].items():
        if name in _ARRAYS:
            setattr(estimator, name, _labels(described))
    if hasattr(estimator, "classes_") and "class_weight_" not in record["arrays"]:  # as files had it before
        estimator.class_weight_ = equal_weights(len(estimator.classes_), multilabel=estimator._multilabel)
    architecture = architecture_from(record["architecture"])
    estimator._columns = Columns.from_dict(record["columns"]) if "columns" in record else None
    estimator._target = Target.from_dict(record["target"]) if "target" in record else None
    _check_fit(estimator, architecture)
    parameters = parameters_of(tensors, architecture)
    optimizer = optimizer_of(estimator._settings())
    slots = initial_slots(optimizer, parameters.theta)
    state = State(parameters, slots, step=0, epoch=int(record["epochs"]))
    history = History.from_dict(record["history"])
    estimator._publish(Fitted(architecture, state, history, optimizer.name, rows=0))
    if _CALIBRATION in tensors:
        estimator.calibration_residuals_ = _residuals(tensors[_CALIBRATION], architecture.widths[-1])


def constructor_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """Undo what JSON does to tuples and keys: widths, pairs of an activation's name and parameters, sizes by column."""
    restored = {name: _restored(value) for name, value in parameters.items()}
    if isinstance(restored.get("hidden_layer_sizes"), list):
        restored["hidden_layer_sizes"] = tuple(restored["hidden_layer_sizes"])
    if isinstance(restored.get("embedding_size"), list):
        restored["embedding_size"] = dict(restored["embedding_size"])
    return restored


def _restored(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict):
        return value[0], value[1]
    return [_restored(entry) for entry in value]


def _labels(described: dict[str, Any]) -> Array:
    """Rebuild labels in their own type, unless a file asks for one that no labels have."""
    dtype, values = np.dtype(described["dtype"]), described["values"]
    if dtype.kind not in "iufbUO" or dtype.itemsize * len(values) > _MOST_LABEL_BYTES:
        raise ModelFileError(f"{len(values):,} class labels of type {dtype} are not supported.")
    return np.array(values, dtype=dtype)


def _residuals(values: Array, n_outputs: int) -> Array:
    if values.ndim != 2 or values.shape[1] != n_outputs or not len(values):
        raise ModelFileError(f"calibration residuals of shape {values.shape} do not fit {n_outputs} outputs.")
    return values.astype(np.float64)  # as files had them in the dtype of the network


def _check_fit(estimator: AbstractEstimator, architecture: Architecture) -> None:
    """Hold what the record says of columns, target and classes against the network."""
    columns, target, widths = estimator._columns, estimator._target, architecture.widths
    check_plain(() if columns is None else columns.encoder.blocks, target)
    features = architecture.n_columns if columns is None else len(columns.encoder.blocks)
    if estimator.n_features_in_ != features:
        raise ModelFileError(f"the record has {estimator.n_features_in_!r} features, the network {features} inputs.")
    if columns is not None and not columns.fits(architecture):
        raise ModelFileError("the columns of the record are not those that the network takes.")
    if target is not None and len(target.scale) != widths[-1]:
        raise ModelFileError(f"the record scales {len(target.scale)} outputs, the network has {widths[-1]}.")
    if hasattr(estimator, "classes_"):
        n_outputs = len(estimator.classes_)
        if n_outputs != widths[-1] and not (n_outputs <= 2 and widths[-1] == 1):
            raise ModelFileError(f"the record has {n_outputs} classes, the network {widths[-1]} outputs.")


def _described(values: Array) -> dict[str, Any]:
    listed = values.tolist()
    if values.dtype == object and not all(isinstance(value, str) for value in listed):
        raise ModelFileError(f"class labels of mixed types cannot be saved: {listed[:5]}. Use text or numbers.")
    return {"dtype": "object" if values.dtype == object else values.dtype.str, "values": listed}
