"""`AbstractEnsemble`: members trained at once, each with its own seed, and their predictions."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import _safe_indexing, check_random_state, get_tags, indexable
from sklearn.utils.validation import _num_samples

from chainrule._errors import InvalidParameterError, ModelFileError
from chainrule.estimator.atomic_fit import all_or_nothing
from chainrule.estimator.row_weights import checked_weights
from chainrule.many.bags import drawn, keys_of, out_of_bag_mean
from chainrule.many.ensemble_record import check_out_of_bag, members_from, members_record
from chainrule.many.fits import fit_many
from chainrule.many.parameters import check_many
from chainrule.network.types import Array

_SAVED = ("n_estimators", "bootstrap", "oob_score", "random_state", "verbose")  # `workers` says where, not what
_OUT_OF_BAG = "out_of_bag"  # the name of the tensor with the out-of-bag means


class AbstractEnsemble(MetaEstimatorMixin, BaseEstimator):
    """What both ensembles have in common."""

    _member_kinds: tuple[Any, ...]
    _out_of_bag: str  # the attribute for the out-of-bag means
    estimators_: list[Any]
    classes_: Array
    n_outputs_: int
    oob_score_: float

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 10,
        *,
        bootstrap: bool = False,
        oob_score: bool = False,
        random_state: Any = None,
        workers: Any = None,
        verbose: bool = False,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.random_state = random_state
        self.workers = workers
        self.verbose = verbose

    @abstractmethod
    def _raw(self, member: Any, X: Any) -> Array:
        """Return the predictions of one member, over which the ensemble takes the mean."""

    @abstractmethod
    def _judge_out_of_bag(self, y: Any, sample_weight: Array | None, A: Array, judged: Array) -> None:
        """Publish the out-of-bag means A, and the score of the rows that have one."""

    @all_or_nothing
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train every member on the whole table, or on its bag.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional
            In a bag it is multiplied by how often the row was drawn; rows of weight 0 are not drawn.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            If a parameter is not what it must be. What a member's training raises is raised with a note that names it.
        """
        member = self._member()
        X, y = indexable(X, y)
        sample_weight = checked_weights(sample_weight, X)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_estimators).tolist()
        members = [clone(member).set_params(random_state=seed) for seed in seeds]
        weights = sample_weight
        if self.bootstrap:
            keys = keys_of(X)
            counts = np.stack([drawn(seed, _num_samples(X), sample_weight, keys) for seed in seeds])
            weights = counts if sample_weight is None else counts * sample_weight
        verbose = bool(self.verbose)
        self._show(fit_many(members, X, y, sample_weight=weights, workers=self.workers, verbose=verbose))
        if self.oob_score:
            self._judge_out_of_bag(y, sample_weight, *self._mean_out_of_bag(X, counts, sample_weight))
        return self

    def _mean_out_of_bag(self, X: Any, counts: Array, sample_weight: Array | None) -> tuple[Array, Array]:
        """Return the out-of-bag mean of every row, NaN where there is none, and the numbers of the other rows.

        A row of weight 0 counts as deleted: it is in no bag, and gets no prediction.
        """
        counted = np.arange(counts.shape[1]) if sample_weight is None else np.flatnonzero(sample_weight)

        def predict(member: int, rows: Array) -> Array:
            return self._raw(self.estimators_[member], _safe_indexing(X, counted[rows]))

        mean, judged = out_of_bag_mean(counts[:, counted], predict)
        A = np.full((counts.shape[1], *mean.shape[1:]), np.nan)
        A[counted] = mean
        return A, counted[judged]

    def _show(self, members: list[Any]) -> None:
        """Publish fitted members under scikit-learn's names."""
        self.estimators_ = members
        names = ("n_features_in_", "feature_names_in_", "classes_", "n_outputs_")
        for name in (*names, "oob_score_", self._out_of_bag):
            self.__dict__.pop(name, None)  # of an earlier fit
        for name in names:
            if hasattr(members[0], name):
                setattr(self, name, getattr(members[0], name))

    def _fitted_members(self) -> list[Any]:
        """Return `estimators_`, or say that there are none yet."""
        if not hasattr(self, "estimators_"):
            raise NotFittedError(f"This {type(self).__name__} instance is not fitted yet. Call 'fit' first.")
        return self.estimators_

    def to_record(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return plain JSON data and tensors, for `chainrule.save`."""
        members, tensors = members_record(self._fitted_members())
        record = {"parameters": {name: getattr(self, name) for name in _SAVED}, "members": members}
        if hasattr(self, "oob_score_"):
            record["fitted"] = {"oob_score_": self.oob_score_}
            tensors[_OUT_OF_BAG] = getattr(self, self._out_of_bag)
        return record, tensors

    @classmethod
    def from_record(cls, record: dict[str, Any], tensors: dict[str, Array]) -> Self:
        """Return the fitted ensemble that `to_record` described.

        Raises
        ------
        ModelFileError
            If the parts of the record do not fit together.
        """
        parameters = {name: record["parameters"][name] for name in _SAVED}
        members = members_from(record["members"], tensors, cls._member_kinds)
        if len(members) != parameters["n_estimators"]:
            raise ModelFileError(
                f"the record has {len(members)} members, its n_estimators is {parameters['n_estimators']!r}."
            )
        ensemble = cls(clone(members[0]), **parameters)
        ensemble._member()  # which checks the parameters
        ensemble._show(members)
        if "oob_score_" in record.get("fitted", {}):
            labels = len(ensemble.classes_) if hasattr(ensemble, "classes_") else None
            means = check_out_of_bag(tensors[_OUT_OF_BAG], labels, ensemble.n_outputs_)
            ensemble.oob_score_ = record["fitted"]["oob_score_"]
            setattr(ensemble, ensemble._out_of_bag, means)
        return ensemble

    def _member(self) -> Any:
        """Return the estimator to train copies of; check every parameter."""
        member = self._member_kinds[0]() if self.estimator is None else self.estimator
        if not isinstance(member, self._member_kinds):
            names = " or ".join(cls.__name__ for cls in self._member_kinds)
            raise InvalidParameterError(f"estimator must be an {names}, got {member!r}.")
        check_many(self, ("n_estimators", "bootstrap", "oob_score", "random_state", "verbose"))
        if self.oob_score and not self.bootstrap:
            raise InvalidParameterError("oob_score=True needs bags: every row is in every sample. Set bootstrap=True.")
        return member

    def _each(self, X: Any) -> Array:
        """Return the predictions of every member: (n_estimators, n_samples, ...)."""
        return np.stack([self._raw(member, X) for member in self._fitted_members()])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimators_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        member = get_tags(self._member_kinds[0]() if self.estimator is None else self.estimator)
        tags.input_tags.sparse, tags.input_tags.allow_nan = member.input_tags.sparse, member.input_tags.allow_nan
        tags.target_tags.multi_output = member.target_tags.multi_output
        tags.classifier_tags, tags.regressor_tags = member.classifier_tags, member.regressor_tags
        return tags
