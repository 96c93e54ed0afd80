"""A fitted estimator as plain data: parameters, labels, features, network, history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier

from chainrule._errors import ModelFileError
from chainrule.estimator.class_weights import equal_weights
from chainrule.fit.build_network import activations_of, optimizer_of
from chainrule.fit.column_encoder import Columns
from chainrule.fit.fit_network import Fitted
from chainrule.fit.parameters import listed
from chainrule.network.architecture import Architecture
from chainrule.network.custom.any_activation import activation, is_pair
from chainrule.network.optimizers import initial_slots
from chainrule.network.record import architecture_from, architecture_record, parameters_of, tensors_of
from chainrule.network.training.history import History
from chainrule.network.training.segment import State
from chainrule.network.types import Array
from chainrule.table.target import Target
from chainrule.tabular.model import check_sense

if TYPE_CHECKING:
    from chainrule.estimator.base import AbstractEstimator

_FITTED = ("n_features_in_", "_seed", "_multilabel", "_label_dtype", "t_")
_WIDEST = 1024  # characters of a label's type; more only where a label has them
_ARRAYS = ("classes_", "feature_names_in_", "class_weight_")
_PAIRS = "pairs"
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
    if "class_weight" in parameters:
        parameters["class_weight"] = _described_weight(parameters["class_weight"])
    return parameters


def _described_weight(weight: Any) -> Any:
    """A weight for each label as pairs, since labels may be numbers; a list has one of these for each output."""
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


def restore(estimator: AbstractEstimator, record: dict[str, Any], tensors: dict[str, Array]) -> None:
    """Give a new estimator the fitted state that `estimator_record` described; its optimiser starts afresh."""
    for name in _FITTED:
        if name in record["fitted"]:
            value = record["fitted"][name]
            setattr(estimator, name, np.dtype(value) if name == "_label_dtype" else value)
    for name in _ARRAYS:
        if name in record["arrays"]:
            setattr(estimator, name, _labels(record["arrays"][name]))
    activations_of(estimator._settings())
    architecture = architecture_from(record["architecture"])
    estimator._columns = Columns.from_dict(record["columns"]) if "columns" in record else None
    estimator._target = Target.from_dict(record["target"]) if "target" in record else None
    _check_fit(estimator, architecture)
    parameters = parameters_of(tensors, architecture)
    optimizer = optimizer_of(estimator._settings())
    slots = initial_slots(optimizer, parameters.theta)
    state = State(parameters, slots, step=0, epoch=record["epochs"])
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
    if "class_weight" in parameters:
        restored["class_weight"] = _restored_weight(parameters["class_weight"])
    return restored


def _restored(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict):
        return value[0], value[1]
    return [_restored(entry) for entry in value]


def _labels(described: dict[str, Any]) -> Array:
    """Rebuild labels in their own type, unless a file asks for one that no labels have, or a width that none needs."""
    dtype, values = np.dtype(described["dtype"]), described["values"]
    if dtype.kind not in "iufbUO":
        raise ModelFileError(f"{len(values):,} class labels of type {dtype} are not supported.")
    if dtype.kind in "UO" and not all(isinstance(value, str) for value in values):
        raise ModelFileError(f"class labels of type {dtype} must all be texts.")
    if dtype.kind == "U" and dtype.itemsize > np.dtype(f"U{_WIDEST}").itemsize:
        dtype = np.dtype(f"U{max(_WIDEST, *map(len, values))}")
    return np.array(values, dtype=dtype)


def _residuals(values: Array, n_outputs: int) -> Array:
    if values.ndim != 2 or values.shape[1] != n_outputs or not len(values):
        raise ModelFileError(f"calibration residuals of shape {values.shape} do not fit {n_outputs} outputs.")
    return values.astype(np.float64)  # as files had them in the dtype of the network


def _check_fit(estimator: AbstractEstimator, architecture: Architecture) -> None:
    """Hold what the record says of columns, target and classes against the network, and against the parameters."""
    columns, target, widths = estimator._columns, estimator._target, architecture.widths
    check_sense(() if columns is None else columns.encoder.blocks, target)
    features = architecture.n_columns if columns is None else len(columns.encoder.blocks)
    if estimator.n_features_in_ != features:
        raise ModelFileError(f"the record has {estimator.n_features_in_!r} features, the network {features} inputs.")
    if len(getattr(estimator, "feature_names_in_", range(features))) != features:
        raise ModelFileError(f"the record must name {features} features, or none.")
    if (columns is not None) != estimator._settings().encodes_columns:
        raise ModelFileError("the record has columns to encode, or its parameters ask for them, but not both.")
    if columns is not None and not columns.fits(architecture):
        raise ModelFileError("the columns of the record are not those that the network takes.")
    if target is not None and (not hasattr(estimator, "standardize_target") or target.task != "regression"):
        raise ModelFileError("the record standardises a target that is none of numbers.")
    if target is not None and len(target.scale) != widths[-1]:
        raise ModelFileError(f"the record scales {len(target.scale)} outputs, the network has {widths[-1]}.")
    if is_classifier(estimator):
        _check_classes(estimator, widths[-1])


def _check_classes(estimator: Any, n_outputs: int) -> None:
    """Hold the classes against the outputs: one for each label or for each of several classes, one for two classes."""
    absent = [name for name in ("classes_", "_multilabel", "_label_dtype") if not hasattr(estimator, name)]
    if absent:
        raise ModelFileError(f"the record of a classifier lacks {', '.join(absent)}.")
    classes, multilabel = estimator.classes_, estimator._multilabel
    if multilabel and estimator._label_dtype.kind not in "iufb":
        raise ModelFileError(f"labels that may coincide must be numbers, not {estimator._label_dtype}.")
    if len(np.unique(classes)) < max(1, len(classes)):
        raise ModelFileError("the classes of the record must differ.")
    if n_outputs != (len(classes) if multilabel or len(classes) > 2 else 1):
        raise ModelFileError(f"the record has {len(classes)} classes, the network {n_outputs} outputs.")
    equal = equal_weights(len(classes), multilabel=multilabel)
    if not hasattr(estimator, "class_weight_"):  # as files had it before
        estimator.class_weight_ = equal
    if estimator.class_weight_.shape != equal.shape or estimator.class_weight_.dtype.kind not in "iuf":
        raise ModelFileError("the record needs a weight, a number, for every class.")


def _described(values: Array) -> dict[str, Any]:
    listed = values.tolist()
    if values.dtype == object and not all(isinstance(value, str) for value in listed):
        raise ModelFileError(f"class labels of mixed types cannot be saved: {listed[:5]}. Use text or numbers.")
    return {"dtype": "object" if values.dtype == object else values.dtype.str, "values": listed}
