"""The base class of classifiers: labels of the target, probabilities from logits, class weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if

from chainrule._errors import InvalidParameterError, TargetError, warn
from chainrule.estimator.base import Estimator
from chainrule.estimator.labels import Labels, checked_labels
from chainrule.estimator.open_inputs import open_inputs
from chainrule.estimator.row_weights import scored_rows
from chainrule.estimator.serialize import check_classes, described, restored
from chainrule.fit.class_weights import (
    asks_for_balance,
    equal_weights,
    weight_of_classes,
    weights_of_labels,
)
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.objective import CLASSIFIER_LOSSES, classifier_loss
from chainrule.network.activations import sigmoid, softmax
from chainrule.network.losses import Loss, custom_loss, is_custom_loss
from chainrule.network.losses.classification import binary_cross_entropy, log_softmax
from chainrule.network.losses.custom import CustomLoss
from chainrule.network.types import Array

_LOSS_PARAMETERS: Mapping[str, str | None] = {name: parameter for name, (_, _, parameter) in CLASSIFIER_LOSSES.items()}


def _gives_probabilities(estimator: Any) -> bool:
    if estimator.loss == "hinge":
        raise AttributeError("loss='hinge' does not model probabilities; use decision_function, or loss='log_loss'.")
    return True


@dataclass(eq=False, repr=False)
class Classifier(ClassifierMixin, Estimator):
    """Base class for classifiers with labels of any type, and multilabel targets."""

    _: KW_ONLY
    loss: str | CustomLoss = "log_loss"
    label_smoothing: float = 0.0
    gamma: float = 2.0
    class_weight: Any = None
    class_weight_val: bool = True
    _loss_parameters = _LOSS_PARAMETERS

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each row, or for multilabel targets every label above one half.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        Z = self._logits(self._inputs(X))
        return self.label_coding_.decode(self._margins(Z))

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class (column) for each row.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows add up to 1, except for multilabel targets, whose columns are independent probabilities.
        """
        Z = self._logits(self._inputs(X))
        if not self.label_coding_.multilabel and len(self.classes_) == 1:
            return np.ones_like(Z)
        if is_custom_loss(self.loss):
            A = self._custom_probabilities(Z)
            return A if self.label_coding_.multilabel or A.shape[1] > 1 else np.hstack([1 - A, A])
        if self.label_coding_.multilabel:
            return sigmoid(Z)
        if len(self.classes_) == 2:
            return np.hstack([sigmoid(-Z), sigmoid(Z)])
        return softmax(Z.T).T

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; for multilabel targets the share of rows with every label right.

        A table on disk is given as for `fit`; rows of weight 0 do not count.
        """
        with open_inputs(X, y, sample_weight, self._format_of_fit) as (X, y, sample_weight):
            y, labels, weights = scored_rows(y, self.predict(X), sample_weight)
            return float(accuracy_score(y, labels, sample_weight=weights))

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probabilities, from the logits: finite where `predict_proba` rounds to 0."""
        if is_custom_loss(self.loss):
            with np.errstate(divide="ignore"):
                return np.log(self.predict_proba(X))
        Z = self._logits(self._inputs(X))
        if self.label_coding_.multilabel:
            return -binary_cross_entropy(Z, np.ones_like(Z))
        if len(self.classes_) == 1:
            return np.zeros_like(Z)
        if len(self.classes_) == 2:
            return -np.hstack([binary_cross_entropy(Z, np.zeros_like(Z)), binary_cross_entropy(Z, np.ones_like(Z))])
        return log_softmax(Z.T).T

    def decision_function(self, X: Any) -> Array:
        """Return the logits Z[L].

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
        """
        Z = self._logits(self._inputs(X))
        return Z[:, 0] if Z.shape[1] == 1 and not self.label_coding_.multilabel else Z

    def _margins(self, Z: Array) -> Array:
        """Return the values that decide in each row: above 0 for two classes or a label, the largest of several."""
        return self._custom_probabilities(Z) - 0.5 if is_custom_loss(self.loss) else Z

    def _custom_probabilities(self, Z: Array) -> Array:
        """Return the probabilities from the inverse link of a custom loss, one row per row of logits."""
        A = self._make_loss().output.g(Z.T).T
        if not ((A >= 0) & (A <= 1)).all() or not (
            self.label_coding_.multilabel or A.shape[1] == 1 or np.allclose(A.sum(axis=1), 1)
        ):
            raise InvalidParameterError(
                f"inverse_link of {type(self.loss).__name__} must return probabilities for a classifier: between 0 and "
                "1, and with sum 1 over three or more classes."
            )
        return A

    def _encode(self, y: Array, *, reset: bool, classes: Any = None) -> tuple[Array, Array | None]:
        y = checked_labels(y)
        if reset:
            self._learn(Labels.of(y, classes))
        else:
            self.label_coding_.check_classes(classes)
        return self.label_coding_.encode(y, known=reset and classes is None)

    def _learn(self, labels: Labels, class_weight: Array | None = None) -> None:
        """Set the labels of the target and their class weights, by default equal."""
        self.label_coding_, self.classes_ = labels, labels.classes
        equal = equal_weights(len(labels.classes), multilabel=labels.multilabel)
        self.class_weight_ = equal if class_weight is None else class_weight

    def _weighed(self, table: TrainingSet, *, learn: bool = False) -> TrainingSet:
        if learn:
            if self.class_weight is None and not self.class_weight_val:
                warn("class_weight_val: no effect with class_weight=None.")
            self.class_weight_ = self._weights_of_classes(table)
        if (self.class_weight_ == 1).all():
            return table
        if self.label_coding_.multilabel:  # as in scikit-learn, the weights of a row's labels are multiplied
            factors = np.prod(np.where(table.Y, self.class_weight_[:, 1], self.class_weight_[:, 0]), axis=1)
        else:
            factors = self.class_weight_[table.strata]
        weighed = replace(table, weights=factors if table.weights is None else table.weights * factors)
        if weighed.counted is not None and not len(weighed.counted):
            raise TargetError("class_weight gives every row the weight 0: some class must count.")
        return weighed

    def _check_partial_fit(self) -> None:
        if asks_for_balance(self.class_weight):
            raise InvalidParameterError(
                f"class_weight={self.class_weight!r} needs the whole training set, which partial_fit never sees: "
                "give a dict of a weight for each class."
            )

    def _weights_of_classes(self, table: TrainingSet) -> Array:
        rows = slice(None) if table.counted is None else table.counted
        weights = None if table.weights is None else table.weights[rows]
        if self.label_coding_.multilabel:
            return weights_of_labels(self.class_weight, table.Y[rows], weights)
        return weight_of_classes(self.class_weight, self.classes_, np.asarray(table.strata)[rows], weights)

    def _declare_outputs(self, n_outputs: int | None, classes: Any) -> int:
        if (n_outputs is None) == (classes is None):
            raise InvalidParameterError("initialize a classifier with classes, or with n_outputs for so many labels.")
        labels = np.asarray(classes) if n_outputs is None else np.zeros((1, n_outputs), int)
        self._learn(Labels.of(labels, classes))
        return self.label_coding_.n_outputs

    def _make_loss(self) -> Loss:
        if not isinstance(self.loss, str):
            return custom_loss(self.loss)
        single = self.label_coding_.multilabel or len(self.classes_) <= 2
        parameters = {"label_smoothing": self.label_smoothing, "gamma": self.gamma}
        return classifier_loss(self.loss, parameters, single=single)

    def _validation_score(self, Z: Array, Y: Array, weights: Array | None) -> float:
        """Return the accuracy; for multilabel targets the share of rows with every label right."""
        return self.label_coding_.accuracy(self._margins(Z.T).T, Y, weights)

    def to_record(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return plain JSON data and tensors, for `chainrule.save`."""
        record, tensors = super().to_record()
        labels = self.label_coding_
        record["fitted"] |= {"_multilabel": labels.multilabel, "_label_dtype": labels.dtype.str}
        record["arrays"] |= {"classes_": described(labels.classes), "class_weight_": described(self.class_weight_)}
        return record, tensors

    @classmethod
    def from_record(cls, record: dict[str, Any], tensors: dict[str, Array]) -> Self:
        """Return the fitted classifier that `to_record` described."""
        estimator = super().from_record(record, tensors)
        arrays = {name: restored(array) for name, array in record["arrays"].items()}
        labels = check_classes(arrays, record["fitted"], estimator.n_outputs_)
        estimator._learn(labels, arrays.get("class_weight_"))  # the oldest files lack it
        return estimator

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
