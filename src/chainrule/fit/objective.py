"""The objective of a network: its loss, by name and task, and class weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, nearest
from chainrule.fit.class_weights import weight_of_classes
from chainrule.network.losses import Loss, loss
from chainrule.network.types import Array
from chainrule.table.target import Target

# For each `loss` of a classifier: the loss for one row of Y (two classes, or multilabel), that for one-hot Y, and the
# parameter that belongs to it.
CLASSIFIER_LOSSES = {
    "log_loss": ("binary_cross_entropy", "categorical_cross_entropy", "label_smoothing"),
    "focal": ("binary_focal", "categorical_focal", "gamma"),
    "hinge": ("hinge", "hinge", None),
}

# For each `loss` of a regressor: the parameter that belongs to it.
REGRESSOR_LOSSES = {
    "squared_error": None,
    "absolute_error": None,
    "huber": "delta",
    "log_cosh": None,
    "quantile": "quantile",
    "pinball": "quantile",
    "poisson": None,
    "gamma": None,
    "tweedie": "power",
}
LOSS_PARAMETERS = ("label_smoothing", "gamma", "delta", "quantile", "power")


def classifier_loss(name: str, parameters: Mapping[str, Any], *, single: bool) -> Loss:
    """Return the loss of a classifier, for one row of Y or for one-hot Y.

    Examples
    --------
    >>> classifier_loss("focal", {"gamma": 1.0, "label_smoothing": 0.1}, single=True).pair
    'sigmoid + binary_focal'
    """
    one, several, parameter = CLASSIFIER_LOSSES[name]
    return loss(one if single else several, **_only(parameter, parameters))


def regressor_loss(name: str, parameters: Mapping[str, Any]) -> Loss:
    """Return the loss of a regressor."""
    return loss(name, **_only(REGRESSOR_LOSSES[name], parameters))


def _only(name: str | None, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {} if name is None or name not in parameters else {name: parameters[name]}


@dataclass(frozen=True)
class Objective:
    """The objective of a network that predicts from tables.

    Parameters
    ----------
    loss : str, optional
        By default "log_loss" for classes, "squared_error" for numbers.
    parameters : mapping of str to float
        Those of `LOSS_PARAMETERS` that belong to the loss.
    class_weight : None, "balanced" or dict
        As for a classifier.
    log_target : bool, default False
        Whether to learn the logarithm of the target.

    Examples
    --------
    >>> target = Target(("count",), "regression", "")
    >>> Objective("poisson").loss_for(target).pair, Objective("poisson").standardises(target)
    ('exponential + poisson', False)
    """

    loss: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    class_weight: Any = None
    log_target: bool = False

    def loss_for(self, target: Target) -> Loss:
        """Return the loss for a target.

        Raises
        ------
        InvalidParameterError
            If the loss does not suit the task, or a parameter does not belong to it.
        """
        classifies = target.task == "classification"
        known = [name for name in (CLASSIFIER_LOSSES if classifies else REGRESSOR_LOSSES) if name != "hinge"]
        name = self.loss or known[0]
        if name == "hinge":
            raise InvalidParameterError("loss='hinge' has no probabilities, which a table's model gives: use log_loss.")
        if name not in known:
            raise InvalidParameterError(f"loss={name!r} is none for {target.task}. {nearest(name, known)}")
        wanted = CLASSIFIER_LOSSES[name][2] if classifies else REGRESSOR_LOSSES[name]
        spare = [parameter for parameter in self.parameters if parameter != wanted]
        if spare:
            raise InvalidParameterError(f"{spare[0]} has no effect with loss={name!r}. Drop it or change the loss.")
        for parameter, value in self.parameters.items():
            if isinstance(value, bool) or not isinstance(value, Real):
                raise InvalidParameterError(f"{parameter} must be a number, got {value!r}.")
        if self.class_weight is not None and not classifies:
            raise InvalidParameterError("class_weight is for classes: a target of numbers has none. Drop it.")
        if self.log_target and classifies:
            raise InvalidParameterError("log_target is for numbers: a target of classes has no logarithm. Drop it.")
        if classifies:
            return classifier_loss(name, self.parameters, single=target.n_outputs == 1)
        found = regressor_loss(name, self.parameters)
        if self.log_target and found.output.name != "identity":
            raise InvalidParameterError(f"loss={name!r} predicts through a logarithm itself: drop log_target.")
        return found

    def standardises(self, target: Target) -> bool:
        """Say whether a numeric target is standardised: only without a link function."""
        return target.task == "regression" and self.loss_for(target).output.name == "identity"

    def class_weights(self, target: Target, shares: Array) -> tuple[float, ...]:
        """Return the weight of each class, scaled to a mean of 1 over the rows, given the share of each class."""
        asked = self.class_weight
        if isinstance(asked, Mapping):  # the command writes labels as texts
            spelled = {str(label): label for label in target.classes}
            spelled |= {str(label).lower(): label for label in target.classes if isinstance(label, bool)}
            asked = {spelled.get(label, label) if isinstance(label, str) else label: asked[label] for label in asked}
        weights = weight_of_classes(asked, np.array(target.classes), np.arange(len(shares)), shares)
        mean = float(weights @ shares)
        if not mean:
            raise InvalidParameterError(
                f"class_weight={self.class_weight!r} gives every class that occurs the weight 0: nothing would be "
                "learned. Give one of them a positive weight."
            )
        return tuple((weights / mean).tolist())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; `from_dict` restores it. Labels become pairs, since JSON keys are texts."""
        weight = self.class_weight
        pairs = [[label, float(value)] for label, value in weight.items()] if isinstance(weight, Mapping) else weight
        log = {"log_target": True} if self.log_target else {}
        return {"loss": self.loss, "parameters": dict(self.parameters), "class_weight": pairs, **log}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Objective:
        """Return what `to_dict` wrote."""
        weight = data["class_weight"]
        restored = dict(map(tuple, weight)) if isinstance(weight, list) else weight
        return cls(data["loss"], dict(data["parameters"]), restored, data.get("log_target", False))
