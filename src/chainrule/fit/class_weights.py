"""The weight of each class, from scikit-learn's parameter `class_weight`."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, nearest
from chainrule.network.types import Array

_BALANCED = "balanced"


def asks_for_balance(class_weight: Any) -> bool:
    """Say whether class weights depend on how often the classes occur, also if only for one of several labels.

    Examples
    --------
    >>> asks_for_balance("balanced"), asks_for_balance([None, "balanced"]), asks_for_balance({"balanced": 2})
    (True, True, False)
    """
    each = class_weight if isinstance(class_weight, list | tuple) else [class_weight]
    return any(_is_balanced(one) for one in each)


def equal_weights(n_classes: int, *, multilabel: bool) -> Array:
    """Return equal weights of classes, or of the two classes of each label.

    Examples
    --------
    >>> equal_weights(3, multilabel=False), equal_weights(3, multilabel=True).shape
    (array([1., 1., 1.]), (3, 2))
    """
    return np.ones((n_classes, 2) if multilabel else n_classes)


def _is_balanced(class_weight: Any) -> bool:
    return isinstance(class_weight, str) and class_weight == _BALANCED


def weight_of_classes(class_weight: Any, classes: Array, codes: Array, sample_weight: Array | None = None) -> Array:
    """Return the weight of each class.

    Parameters
    ----------
    class_weight : None, "balanced" or dict
        "balanced" is sum(sample_weight) / (n_classes * bincount(codes, sample_weight)) over the classes that occur,
        so that all have the same total weight; a class that a dict does not name has weight 1.
    classes : ndarray of shape (n_classes,)
    codes : ndarray of int
        The classes of the training rows.
    sample_weight : ndarray, optional
        The weights of these rows, all positive; by default 1.

    Raises
    ------
    InvalidParameterError
        If a weight is negative or not a number, or a key names no class while a class has no key.

    Examples
    --------
    >>> weight_of_classes("balanced", np.array(["a", "b"]), np.array([0, 0, 0, 1]))
    array([0.66666667, 2.        ])
    >>> weight_of_classes("balanced", np.array(["a", "b"]), np.array([0, 0, 0, 1]), np.array([1.0, 1.0, 1.0, 3.0]))
    array([1., 1.])
    >>> weight_of_classes({"b": 10}, np.array(["a", "b"]), np.array([0, 1]))
    array([ 1., 10.])
    """
    if class_weight is None:
        return equal_weights(len(classes), multilabel=False)
    if _is_balanced(class_weight):
        totals = np.bincount(codes, sample_weight, minlength=len(classes))
        occurs = totals > 0
        return np.where(occurs, totals.sum() / (np.count_nonzero(occurs) * np.where(occurs, totals, 1)), 1.0)
    if not isinstance(class_weight, Mapping):
        hint = f" {nearest(class_weight, [_BALANCED])}" if isinstance(class_weight, str) else ""
        raise InvalidParameterError(
            f"class_weight must be None, 'balanced' or a dict of a weight for each class, got {class_weight!r}.{hint}"
        )
    return _from_dict(class_weight, classes.tolist())


def _from_dict(class_weight: Mapping[Any, Any], labels: list[Any]) -> Array:
    for label, weight in class_weight.items():
        if not (isinstance(weight, Real) and 0 <= float(weight) < np.inf):
            raise InvalidParameterError(f"a class_weight must be a number of at least 0, got {weight!r} for {label!r}.")
    strange = [label for label in class_weight if label not in labels]
    without = [label for label in labels if label not in class_weight]
    if strange and without:  # a key without a class is allowed if every class has one: a fold may lack a class
        raise InvalidParameterError(
            f"class_weight has a weight for {strange[0]!r}, which is no class of y, and none for {without[0]!r}. "
            f"{nearest(str(strange[0]), [str(label) for label in labels])}"
        )
    return np.array([class_weight.get(label, 1.0) for label in labels], np.float64)


def weights_of_labels(class_weight: Any, Y: Array, sample_weight: Array | None = None) -> Array:
    """Return, for each label of a multilabel target, the weights of its two classes: (n_labels, 2).

    Parameters
    ----------
    class_weight : None, "balanced", or list with one dict (or None, "balanced") for each label
    Y : ndarray of shape (m, n_labels), bool
        The targets of the training rows.
    sample_weight : ndarray of shape (m,), optional

    Raises
    ------
    InvalidParameterError
        If it is not such a list, or an entry is invalid.

    Examples
    --------
    >>> weights_of_labels([{1: 5}, None], np.array([[True, False], [False, False]]))
    array([[1., 5.],
           [1., 1.]])
    """
    n_labels = Y.shape[1]
    each = [class_weight] * n_labels if class_weight is None or isinstance(class_weight, str) else class_weight
    if not isinstance(each, list | tuple) or len(each) != n_labels:
        raise InvalidParameterError(
            f"class_weight of a multilabel target must be a list with a dict for each of its {n_labels} labels, "
            f"got {class_weight!r}."
        )
    both = np.array([0, 1])
    each_codes = Y.T.astype(np.intp)
    return np.array(
        [weight_of_classes(one, both, codes, sample_weight) for one, codes in zip(each, each_codes, strict=True)]
    )
