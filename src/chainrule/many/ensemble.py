"""`MLPEnsembleClassifier` and `MLPEnsembleRegressor`: one network trained from several seeds, or on several bags."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import _safe_indexing

from chainrule._errors import InvalidParameterError
from chainrule.estimator import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule.estimator.regressor import score_of_numbers
from chainrule.estimator.row_weights import scored_rows
from chainrule.many.members import AbstractEnsemble
from chainrule.many.uncertainty import Uncertainty, decompose
from chainrule.network.types import Array


class MLPEnsembleClassifier(ClassifierMixin, AbstractEnsemble):
    """Several networks trained at once, whose mean probabilities are the prediction.

    A member equals, to the bit, its estimator trained alone with the member's seed.

    Parameters
    ----------
    estimator : MLPClassifier or LinearClassifier, default=None
        The estimator to train copies of; None is `MLPClassifier()`.
    n_estimators : int, default=10
    bootstrap : bool, default=False
        False trains each member on all rows; members differ by their seed. True trains each on a bag: as many rows as
        there are, drawn with replacement. A bag is a weight for each row (how often it was drawn), not a copy of the
        table; every member knows every class. If at least three quarters of the rows are distinct, copies of a row are
        drawn as one; otherwise the out-of-bag score of a row may come from members that were trained on its copies.
    oob_score : bool, default=False
        Score each row by the members whose bag lacks it.
    random_state : int, RandomState or None, default=None
        Draws the `random_state` of each member, which is also the seed of its bag.
    workers : None, int, "dask", Client or "joblib", default=None
        What the fits run on; see `fit_many`. An estimator that is to be cloned or saved cannot hold a client: use
        "dask".
    verbose : bool, default=False
        Print a line for every member that is trained.

    Attributes
    ----------
    estimators_ : list of estimator
    classes_ : ndarray of shape (n_classes,)
    oob_score_ : float
        Accuracy, weighted by sample weights.
    oob_decision_function_ : ndarray of shape (n_samples, n_classes)
        Mean probabilities; NaN for rows that are in every bag, or have the weight 0.
    n_features_in_, feature_names_in_ : int, ndarray of str

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from chainrule import MLPClassifier, MLPEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier((8,), solver="lbfgs", max_iter=200, tol=0.01)
    >>> ensemble = MLPEnsembleClassifier(net, n_estimators=3, random_state=0).fit(X, y)
    >>> bool(ensemble.score(X, y) > 0.95)
    True
    >>> unsure = ensemble.predict_uncertainty(X)
    >>> bool(abs(unsure.total - unsure.data - unsure.model).max() < 1e-12)
    True
    """

    _member_kinds = (MLPClassifier, LinearClassifier)
    _out_of_bag = "oob_decision_function_"

    def predict(self, X: Any) -> Array:
        """Return the class of the highest mean probability, or for multilabel targets every label above one half."""
        return self._labels(self.predict_proba(X))

    def predict_proba(self, X: Any) -> Array:
        """Return the mean of the members' probabilities: (n_samples, n_classes)."""
        return self._each(X).mean(axis=0)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of the mean probabilities; rows of weight 0 are ignored."""
        return self._score_of(y, self.predict(X), sample_weight)

    def _score_of(self, y: Any, labels: Array, sample_weight: Any) -> float:
        y, labels, weights = scored_rows(y, labels, sample_weight)
        return float(accuracy_score(y, labels, sample_weight=weights))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the mean probabilities; -inf where they round to 0."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict_uncertainty(self, X: Any) -> Uncertainty:
        """Return the entropy of each row's prediction, and the part that is the members' disagreement.

        Returns
        -------
        Uncertainty
            total, data and model, each (n_samples,), or (n_samples, n_labels) for multilabel targets.
        """
        P = self._each(X)
        return decompose(np.stack([1 - P, P], axis=-1) if self.estimators_[0].label_coding_.multilabel else P)

    def _member(self) -> Any:
        member = super()._member()
        if not hasattr(member, "predict_proba"):
            raise InvalidParameterError(f"the members' probabilities are averaged, and {member!r} has none.")
        return member

    def _raw(self, member: Any, X: Any) -> Array:
        return member.predict_proba(X)

    def _labels(self, P: Array) -> Array:
        labels = self.estimators_[0].label_coding_
        return (P > 0.5).astype(labels.dtype) if labels.multilabel else self.classes_[P.argmax(axis=1)]

    def _judge_out_of_bag(self, y: Any, sample_weight: Array | None, A: Array, judged: Array) -> None:
        self.oob_decision_function_ = A
        weights = None if sample_weight is None else sample_weight[judged]
        self.oob_score_ = self._score_of(_safe_indexing(y, judged), self._labels(A[judged]), weights)


class MLPEnsembleRegressor(RegressorMixin, AbstractEnsemble):
    """Several networks trained at once, whose mean is the prediction and whose spread is its uncertainty.

    A member equals, to the bit, its estimator trained alone with the member's seed.

    Parameters
    ----------
    estimator : MLPRegressor or LinearRegressor, default=None
        The estimator to train copies of; None is `MLPRegressor()`.
    n_estimators, bootstrap, oob_score, random_state, workers, verbose
        As for `MLPEnsembleClassifier`.

    Attributes
    ----------
    estimators_ : list of estimator
    oob_score_ : float
        R², or for a list of quantiles the mean of D², as `score`; weighted by sample weights.
    oob_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        NaN for rows that are in every bag, or have the weight 0.
    n_features_in_, feature_names_in_ : int, ndarray of str

    Examples
    --------
    >>> from chainrule import MLPEnsembleRegressor, MLPRegressor
    >>> X = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> net = MLPRegressor((16,), activation="tanh", solver="lbfgs", max_iter=200, tol=0.01)
    >>> ensemble = MLPEnsembleRegressor(net, n_estimators=5, random_state=0).fit(X, X[:, 0] ** 2)
    >>> mean, spread = ensemble.predict([[0.5], [9.0]], return_std=True)
    >>> bool(spread[1] > 10 * spread[0])
    True
    """

    _member_kinds = (MLPRegressor, LinearRegressor)
    _out_of_bag = "oob_prediction_"

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the mean of the members' predictions, and on request their standard deviation.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        return_std : bool, default=False
            Also return the standard deviation over the members. It measures their disagreement, and does not include
            the noise of the target.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs), or two of them
        """
        each = self._each(X)
        return (each.mean(axis=0), each.std(axis=0)) if return_std else each.mean(axis=0)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R² of the mean; for a list of quantiles the mean over them of D², as `MLPRegressor.score`."""
        return self._score_of(y, self.predict(X), sample_weight)

    def _score_of(self, y: Any, A: Array, sample_weight: Any = None) -> float:
        return score_of_numbers(y, A, self.estimators_[0].network_.quantiles, sample_weight)

    def _raw(self, member: Any, X: Any) -> Array:
        return member.predict(X)

    def _judge_out_of_bag(self, y: Any, sample_weight: Array | None, A: Array, judged: Array) -> None:
        self.oob_prediction_ = A
        weights = None if sample_weight is None else sample_weight[judged]
        self.oob_score_ = self._score_of(_safe_indexing(y, judged), A[judged], weights)
