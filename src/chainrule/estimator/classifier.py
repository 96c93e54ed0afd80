"""The classifiers' share: labels to Y and back, probabilities from logits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from chainrule._errors import InvalidParameterError, TargetError, warn
from chainrule.estimator.base import AbstractEstimator
from chainrule.estimator.class_weights import asks_for_balance, equal_weights, weight_of_classes, weights_of_labels
from chainrule.estimator.open_inputs import open_inputs
from chainrule.estimator.row_weights import judged_rows
from chainrule.estimator.target_values import check_one_kind, present
from chainrule.fit.dataset import TrainingSet
from chainrule.network.activations import sigmoid, softmax
from chainrule.network.losses import Loss, custom_loss, is_custom_loss, loss
from chainrule.network.losses.cross_entropy import binary_cross_entropy, log_softmax
from chainrule.network.losses.custom import CustomLoss
from chainrule.network.types import Array

# What the parameter `loss` means for one row of Y (two classes, or labels that may coincide), and for one-hot Y.
_LOSSES = {
    "log_loss": ("binary_cross_entropy", "categorical_cross_entropy", "label_smoothing"),
    "focal": ("binary_focal", "categorical_focal", "gamma"),
    "hinge": ("hinge", "hinge", None),
}


def _gives_probabilities(estimator: Any) -> bool:
    if estimator.loss == "hinge":
        raise AttributeError("loss='hinge' does not model probabilities; use decision_function, or loss='log_loss'.")
    return True


@dataclass(eq=False, repr=False)
class AbstractClassifier(ClassifierMixin, AbstractEstimator):
    """Classes of any label type, and multilabel targets."""

    _: KW_ONLY
    loss: str | CustomLoss = "log_loss"
    label_smoothing: float = 0.0
    gamma: float = 2.0
    class_weight: Any = None
    class_weight_val: bool = True

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each row, or for multilabel targets every label above one half.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        margins = self._margins(self._logits(self._inputs(X)))
        if self._multilabel:
            return (margins > 0).astype(self._label_dtype)
        return self.classes_[self._codes(margins)]

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class (column) for each row.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows add up to 1, except for multilabel targets, where each column is a probability of its own.
        """
        Z = self._logits(self._inputs(X))
        if not self._multilabel and len(self.classes_) == 1:
            return np.ones_like(Z)
        if is_custom_loss(self.loss):
            A = self._custom_probabilities(Z)
            return A if self._multilabel or A.shape[1] > 1 else np.hstack([1 - A, A])
        if self._multilabel:
            return sigmoid(Z)
        if len(self.classes_) == 2:
            return np.hstack([sigmoid(-Z), sigmoid(Z)])
        return softmax(Z.T).T

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; of multilabel targets the share of rows with every label right.

        A table on disk is given as `fit` takes it; rows of weight 0 are as if they were not there.
        """
        with open_inputs(X, y, sample_weight) as (X, y, sample_weight):
            y, labels, weights = judged_rows(y, self.predict(X), sample_weight)
            return float(accuracy_score(y, labels, sample_weight=weights))

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probabilities, from the logits: finite where `predict_proba` rounds to 0."""
        if is_custom_loss(self.loss):
            with np.errstate(divide="ignore"):
                return np.log(self.predict_proba(X))
        Z = self._logits(self._inputs(X))
        if self._multilabel:
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
        return Z[:, 0] if Z.shape[1] == 1 and not self._multilabel else Z

    def _margins(self, Z: Array) -> Array:
        """What decides, row by row: above 0 for one class or label, the largest of several."""
        return self._custom_probabilities(Z) - 0.5 if is_custom_loss(self.loss) else Z

    def _custom_probabilities(self, Z: Array) -> Array:
        """What the inverse link of an own loss makes of logits, one row per row."""
        A = self._make_loss().output.g(Z.T).T
        if not ((A >= 0) & (A <= 1)).all() or not (
            self._multilabel or A.shape[1] == 1 or np.allclose(A.sum(axis=1), 1)
        ):
            raise InvalidParameterError(
                f"inverse_link of {type(self.loss).__name__} must return probabilities for a classifier: between 0 and "
                "1, and with sum 1 over three or more classes."
            )
        return A

    def _codes(self, margins: Array) -> Array:
        if len(self.classes_) == 1:
            return np.zeros(len(margins), np.intp)
        return (margins[:, 0] > 0).astype(np.intp) if margins.shape[1] == 1 else margins.argmax(axis=1)

    def _encode(self, y: Array, *, reset: bool, classes: Any = None) -> tuple[Array, Array | None]:
        _check_targets(y)
        y = _flat_labels(y)
        if reset:
            self._learn_classes(y, classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise TargetError(f"classes must stay {self.classes_.tolist()}, got {np.unique(classes).tolist()}.")
        if self._multilabel:
            if y.ndim != 2 or y.shape[1] != len(self.classes_):
                raise TargetError(f"y must have {len(self.classes_)} label columns as before, got shape {y.shape}.")
            return y.astype(bool), None
        codes = _places(self.classes_, y) if reset and classes is None else self._codes_of(y)
        if len(self.classes_) <= 2:
            return (codes == 1)[:, None], codes
        return codes[:, None] == np.arange(len(self.classes_)), codes

    def _learn_classes(self, y: Array, classes: Any) -> None:
        self._multilabel = bool(y.ndim == 2)
        self._label_dtype = y.dtype
        if self._multilabel:
            self.classes_ = np.arange(y.shape[1])
        else:
            self.classes_ = _distinct(y if classes is None else present(classes, "classes"))
        self.class_weight_ = equal_weights(len(self.classes_), multilabel=self._multilabel)

    def _codes_of(self, y: Array) -> Array:
        known = np.isin(y, self.classes_) if y.ndim == 1 else np.zeros(1, bool)
        if not known.all():
            strange = np.unique(y[~known])[:5].tolist() if y.ndim == 1 else "several columns"
            raise TargetError(
                f"y has labels that are not among the classes {self.classes_.tolist()}: {strange}. "
                "Pass all classes at the first call of partial_fit, or fit anew."
            )
        return _places(self.classes_, y)

    def _weighed(self, table: TrainingSet, *, learn: bool = False) -> TrainingSet:
        if learn:
            if self.class_weight is None and not self.class_weight_val:
                warn("class_weight_val: no effect with class_weight=None.")
            self.class_weight_ = self._weights_of_classes(table)
        if (self.class_weight_ == 1).all():
            return table
        if self._multilabel:  # as scikit-learn has it, the weights of a row's labels multiply
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

    def _weighed_validation(self, validation: TrainingSet) -> TrainingSet:
        return self._weighed(validation) if self.class_weight_val else validation

    def _weights_of_classes(self, table: TrainingSet) -> Array:
        rows = slice(None) if table.counted is None else table.counted
        weights = None if table.weights is None else table.weights[rows]
        if self._multilabel:
            return weights_of_labels(self.class_weight, table.Y[rows], weights)
        return weight_of_classes(self.class_weight, self.classes_, np.asarray(table.strata)[rows], weights)

    def _loss_parameters(self) -> Mapping[str, str | None]:
        return {name: parameter for name, (_, _, parameter) in _LOSSES.items()}

    def _declare_outputs(self, n_outputs: int | None, classes: Any) -> int:
        if (n_outputs is None) == (classes is None):
            raise InvalidParameterError("initialize a classifier with classes, or with n_outputs for so many labels.")
        labels = np.asarray(classes) if n_outputs is None else np.zeros((1, n_outputs), int)
        self._learn_classes(labels, classes)
        return len(self.classes_) if self._multilabel or len(self.classes_) > 2 else 1

    def _make_loss(self) -> Loss:
        if not isinstance(self.loss, str):
            return custom_loss(self.loss)
        single, several, parameter = _LOSSES[self.loss]
        name = single if self._multilabel or len(self.classes_) <= 2 else several
        return loss(name, **({parameter: getattr(self, parameter)} if parameter else {}))

    def _validation_score(self, Z: Array, Y: Array, weights: Array | None) -> float:
        """Accuracy; for multilabel targets the share of rows with every label right."""
        margins = self._margins(Z.T).T
        if len(margins) == 1 or self._multilabel:
            right = ((margins > 0) == (Y > 0.5)).all(axis=0)
        else:
            right = margins.argmax(axis=0) == Y.argmax(axis=0)
        return float(np.average(right, weights=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _check_targets(y: Array) -> None:
    """Raise for what are no classes, and warn where they may be none, as scikit-learn does."""
    check_one_kind(y)
    whole = y.ndim == 1 and y.size > 0 and y.dtype.kind in "biu"
    if whole and int(y.max()) - int(y.min()) < y.size // 2:
        return  # scikit-learn has nothing to say of few whole numbers, and looks at them for longer than an epoch
    check_classification_targets(y)


def _distinct(labels: Array) -> Array:
    """The labels that occur, in order; two numbers are the least and the greatest, found sooner than all of them."""
    if labels.dtype.kind in "biuf" and labels.size:
        ends = np.array([labels.min(), labels.max()])
        if ((labels == ends[0]) | (labels == ends[1])).all():
            return np.unique(ends)
    return np.unique(labels)


def _places(classes: Array, y: Array) -> Array:
    """The place of each label among the sorted classes."""
    return (y == classes[1]).astype(np.intp) if len(classes) == 2 else np.searchsorted(classes, y)


def _flat_labels(y: Array) -> Array:
    """Take a column of labels as a vector, with scikit-learn's warning; leave multilabel indicators as they are."""
    if y.ndim == 2 and y.shape[1] == 1:
        warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,), "
            "for example using ravel().",
            DataConversionWarning,
        )
        return y.ravel()
    if y.ndim == 2 and not (type_of_target(y).startswith("multilabel") and np.isin(y, (0, 1)).all()):
        raise TargetError(
            "y must be one column of labels, or an indicator matrix of 0 and 1 with one column per label."
        )
    return y
