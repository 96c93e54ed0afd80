"""A fitted ensemble as plain data: its parameters, and the record and tensors of every member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from chainrule._errors import ModelFileError
from chainrule.network.types import Array

if TYPE_CHECKING:
    from chainrule.many.members import AbstractEnsemble

_OUT_OF_BAG = "out_of_bag"  # a tensor: of the means over the members that did not see a row, NaN where all did
_SAVED = ("n_estimators", "bootstrap", "oob_score", "random_state", "verbose")


def ensemble_record(ensemble: AbstractEnsemble) -> tuple[dict[str, Any], dict[str, Array]]:
    """Describe a fitted ensemble; who trained it (`workers`) is left out."""
    described = [(type(member).__name__, *member.to_record()) for member in ensemble._fitted_members()]
    members = [{"kind": kind, **record} for kind, record, _ in described]
    tensors = {f"member{k}.{name}": tensor for k, (_, _, own) in enumerate(described) for name, tensor in own.items()}
    record = {"parameters": {name: getattr(ensemble, name) for name in _SAVED}, "members": members}
    if hasattr(ensemble, "oob_score_"):
        record["fitted"] = {"oob_score_": ensemble.oob_score_}
        tensors[_OUT_OF_BAG] = getattr(ensemble, ensemble._out_of_bag)
    return record, tensors


def restore(ensemble: AbstractEnsemble, record: dict[str, Any], tensors: dict[str, Array]) -> None:
    """Give a new ensemble the fitted members that `ensemble_record` described.

    Raises
    ------
    ModelFileError
        If the members do not go together.
    """
    kinds = {cls.__name__: cls for cls in ensemble._member_kinds}
    members = []
    for k, described in enumerate(record["members"]):
        prefix = f"member{k}."
        own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        members.append(kinds[described["kind"]].from_record(described, own))
    ensemble.set_params(**{name: record["parameters"][name] for name in _SAVED})
    if len(members) != ensemble.n_estimators:
        raise ModelFileError(f"the record has {len(members)} members, its n_estimators is {ensemble.n_estimators!r}.")
    if not all(_goes_with(members[0], member) for member in members):
        raise ModelFileError("the members have different inputs, outputs or classes.")
    ensemble.estimator = clone(members[0])
    ensemble._member()  # which checks the parameters
    ensemble._show(members)
    if "oob_score_" in record.get("fitted", {}):
        _restore_out_of_bag(ensemble, record["fitted"]["oob_score_"], tensors[_OUT_OF_BAG])


def _restore_out_of_bag(ensemble: AbstractEnsemble, score: float, A: Array) -> None:
    """Publish the means over the members that did not see a row, once they are as wide as what the members predict."""
    k = len(ensemble.classes_) if hasattr(ensemble, "classes_") else ensemble.n_outputs_
    wanted = () if k == 1 and not hasattr(ensemble, "classes_") else (k,)
    if not A.ndim or A.shape[1:] != wanted:
        raise ModelFileError(f"out-of-bag predictions of shape {A.shape} do not fit {k} outputs.")
    ensemble.oob_score_ = score
    setattr(ensemble, ensemble._out_of_bag, A)


def _goes_with(first: Any, member: Any) -> bool:
    same_labels = np.array_equal(getattr(first, "classes_", ()), getattr(member, "classes_", ()))
    same_sizes = (first.n_features_in_, first.n_outputs_) == (member.n_features_in_, member.n_outputs_)
    same_loss = first._fitted.architecture.loss.parameters == member._fitted.architecture.loss.parameters
    same_labels = same_labels and getattr(first, "_multilabel", 0) == getattr(member, "_multilabel", 0)
    return same_labels and same_sizes and same_loss
