"""What a fitted estimator is and shows: data at its border, weights, losses, records; `base` trains it.

A final class is a dataclass of its parameters. It supplies `_settings`, and its base, `Classifier` or `Regressor`, what
the target takes: the abstract methods below.
"""

from __future__ import annotations

import copy
from abc import ABCMeta, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from inspect import signature
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_array

from chainrule._errors import TableError, warn
from chainrule.engine import choose
from chainrule.estimator.callbacks.scikit_learn import CallbackSupportMixin
from chainrule.estimator.open_inputs import is_source, open_inputs
from chainrule.estimator.scoring import require_scoring
from chainrule.estimator.serialize import (
    check_columns,
    check_scale,
    constructor_parameters,
    described,
    plain_parameters,
    restored,
)
from chainrule.estimator.stored_inputs import (
    StoredTable,
    encoded_parts,
    working_budget,
    working_memory,
)
from chainrule.estimator.target_values import present
from chainrule.estimator.validation import validated
from chainrule.estimator.weights import checked_weights
from chainrule.fit.build_network import activations_of
from chainrule.fit.column_encoder import Columns
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.parameters import Settings, check_parameters, loss_of
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.network.losses import Loss
from chainrule.network.types import Array
from chainrule.table.reading.batches import ParquetBatches, open_batches
from chainrule.table.target import Target


@cache
def _parameter_names(estimator: type) -> tuple[str, ...]:
    """What `get_params` lists, without reading the signature in every fit."""
    return tuple(signature(estimator).parameters)


class FittedEstimator(CallbackSupportMixin, BaseEstimator, metaclass=ABCMeta):
    """Parameters, and the network that was trained with them; `Estimator` trains it."""

    scoring: Any
    callbacks: Any
    verbose: bool | int
    network_: TrainedNetwork
    _loss_parameters: ClassVar[Mapping[str, str | None]]  # the names of losses, and which parameter goes with each
    _columns: Columns | None = None
    _target: Target | None = None  # the units that a regressor's network learns

    @abstractmethod
    def _settings(self) -> Settings:
        """The parameters as `Settings`."""

    @abstractmethod
    def _encode(self, y: Array, *, reset: bool, classes: Any = None) -> tuple[Array, Array | None]:
        """Check y and return Y of shape (m, n[L]) and the class codes to stratify by, if any."""

    @abstractmethod
    def _declare_outputs(self, n_outputs: int | None, classes: Any) -> int:
        """Take what `initialize` was told instead of a target, and return n[L]."""

    @abstractmethod
    def _make_loss(self) -> Loss:
        """The loss for the target that `_encode` saw."""

    @abstractmethod
    def _validation_score(self, Z: Array, Y: Array, weights: Array | None) -> float:
        """Score the logits of the validation rows: accuracy or R²."""

    def _weighed(self, table: TrainingSet, *, learn: bool = False) -> TrainingSet:
        """Multiply what a class weighs into the weights; numbers have no classes."""
        return table

    @property
    def coefs_(self) -> list[Array]:
        """The weights, one (n[l-1], n[l]) array per layer: views of W[1].T to W[L].T."""
        return [W.T for W in self._trained().parameters.W[1:]]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases, one (n[l],) array per layer: views of b[1] to b[L]."""
        return [b[:, 0] for b in self._trained().parameters.b[1:]]

    def to_dataset(self, X: Any, y: Any, sample_weight: Any = None) -> TrainingSet:
        """Return rows as the network takes them: encoded as at the last fit, the target in its units.

        Class weights are left out.
        """
        self._trained()
        return self._coded(self._read(X, y, sample_weight, reset=False))

    def data_loss(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean loss of the data at the fitted weights, without the penalty, dropout off.

        On the training data it is `history_.final["loss"]`.
        """
        network = self._trained()
        with open_inputs(X, y, sample_weight) as rows:
            dataset = self._weighed(self.to_dataset(*rows))
            engine = choose(self.engine, self.n_threads, network.architecture)
            return dataset.feed(engine).mean_loss(network.architecture, network.parameters)

    def _check_parameters(self) -> None:
        check_parameters(self, _parameter_names(type(self)), loss=loss_of(*self._loss_parameters))
        require_scoring(self.scoring)

    def _read(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, measures: bool = False, classes: Any = None
    ) -> TrainingSet:
        """Validate parameters and data; the table inside is as the caller gave it, its columns not yet encoded.

        The columns of X are learned where they are to be measured, and with `reset` also the target.
        """
        self._check_parameters()
        y = present(y)
        X, y = self._checked(X, y, reset=measures)
        y = y.toarray() if issparse(y) else y
        Y, strata = self._encode(y, reset=reset, classes=classes)
        return TrainingSet(X, Y, checked_weights(sample_weight, Y), strata)

    def _checked(self, X: Any, *y: Any, reset: bool) -> tuple[Any, Any]:
        """Check X, and y if it is given; learn the columns of X, or hold it against those known."""
        settings = self._settings()
        if not isinstance(X, StoredTable):
            return validated(self, X, *y, settings=settings, fitted=self._columns, reset=reset)
        if reset:
            self.__dict__.pop("feature_names_in_", None)  # of an earlier fit
            if X.batches.named:
                self.feature_names_in_ = np.array(X.names, object)
            self.n_features_in_ = len(X.names)
            X = X.measured_with(settings)
        else:
            X = X.with_columns(self._features_of(X.batches), plain=self._columns is None)
        return X, check_array(*y, ensure_2d=False, dtype=None, input_name="y") if y else None

    def _features_of(self, batches: ParquetBatches) -> tuple[str, ...]:
        """The names of the columns that it was fitted on; without names, all there are."""
        known = getattr(self, "feature_names_in_", None)
        if known is not None and batches.named:
            return batches.header.resolve(known.tolist())
        if len(batches.names) != self.n_features_in_:
            raise TableError(
                f"{batches.source} has {len(batches.names)} columns, of which one side has no names; training had "
                f"{self.n_features_in_}. Select them, or fit on a table with names."
            )
        if known is not None:
            warn(f"X does not have valid feature names, but {type(self).__name__} was fitted with feature names")
        return batches.names

    def _measure(self, training: TrainingSet) -> None:
        """Learn from the rows to train on what encoding takes; a regressor measures its target, too."""
        settings = self._settings()
        self._columns = Columns.fit(training, settings) if settings.encodes_columns else None

    def _coded(self, table: TrainingSet) -> TrainingSet:
        """The same rows as the network takes them."""
        Y = table.Y if self._target is None else self._target.standardise(table.Y)
        embeddings = () if self._columns is None else self._columns.embeddings
        return replace(table, X=self._encoded(table.X), Y=Y, embeddings=embeddings)

    def _encoded(self, X: Any) -> Any:
        """The matrix the network takes: X itself, unless its columns are encoded or it is on disk."""
        if isinstance(X, StoredTable):
            return X.encoded(self._columns)
        return X if self._columns is None else self._columns.transform(X)

    def _inputs(self, X: Any) -> Any:
        """Validate and encode X as at the last fit."""
        self._trained()  # or it is not fitted, and says so
        if is_source(X):
            return self._parts(X)
        return self._for_outputs(self._checked(X, reset=False)[0])

    def _for_outputs(self, X: Any) -> Any:
        """What predicting takes: the matrix, or some rows of it at a time where the table is on disk."""
        return encoded_parts(X.batches, self._columns) if isinstance(X, StoredTable) else self._encoded(X)

    def _parts(self, source: Any) -> Iterator[Array]:
        """The encoded rows of a table that is elsewhere, some at a time."""
        limits = working_budget()
        with open_batches(source, batch_bytes=limits.batch, memory=limits.reader) as batches:
            yield from encoded_parts(batches.select(self._features_of(batches)), self._columns)

    def _logits(self, inputs: Any) -> Array:
        """Z[L] of encoded rows, one row per row: (m, n[L])."""
        return self._trained().logits(inputs, **self._resources)

    def _outputs(self, inputs: Any) -> Array:
        """A[L] of encoded rows, one row per row, in the units of y, which are float64: (m, n[L])."""
        A = self._trained().outputs(inputs, **self._resources)
        return A if self._target is None else self._target.to_units(A)

    @property
    def _resources(self) -> dict[str, Any]:
        return {"engine": self.engine, "n_threads": self.n_threads, "memory": working_memory()}

    def _with_network(self, network: TrainedNetwork) -> Self:
        """A copy of the estimator with another network."""
        twin = copy.copy(self)
        twin._show(network)
        return twin

    def _show(self, network: TrainedNetwork) -> None:
        """Show a network under the names scikit-learn's users know."""
        self.network_ = network
        history, curve = network.history, network.history.columns.get("running_total", [])
        scores = history.columns.get("val_score")
        output = network.architecture.loss.output.name
        self.history_ = history
        self.n_iter_ = network.state.epoch
        self.t_ = network.rows_seen
        self.n_layers_ = network.architecture.L + 1
        self.n_outputs_ = network.architecture.widths[-1]
        self.out_activation_ = "logistic" if output == "sigmoid" else output  # scikit-learn's word
        self.loss_ = history.final["total"]
        self.loss_curve_ = list(curve)
        self.best_loss_ = min(curve) if curve and scores is None else None
        self.validation_scores_ = scores
        self.best_validation_score_ = max(scores) if scores else None
        self.stop_reason_ = history.stop_reason
        self.best_epoch_ = history.best_epoch
        self.__dict__.pop("calibration_residuals_", None)  # they were those of other weights

    def compact(self) -> Self:
        """Keep what predicting needs: drop the optimiser's state and the curves of the epochs.

        Training can go on from the weights, with an optimiser that starts afresh.

        Returns
        -------
        self

        Examples
        --------
        >>> import pickle
        >>> from chainrule import MLPClassifier
        >>> X = np.random.default_rng(0).normal(size=(300, 20))
        >>> clf = MLPClassifier((200,), max_iter=20, tol=0.1, random_state=0).fit(X, X[:, 0] > 0)
        >>> parameters = sum(W.nbytes for W in (*clf.coefs_, *clf.intercepts_))
        >>> len(pickle.dumps(clf)) > 3 * parameters, len(pickle.dumps(clf.compact())) < 1.1 * parameters
        (True, True)
        """
        residuals = getattr(self, "calibration_residuals_", None)
        self._show(self._trained().compact())
        if residuals is not None:
            self.calibration_residuals_ = residuals
        return self

    def to_record(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return plain JSON data and tensors, for `chainrule.save`."""
        record, tensors = self._trained().to_record()
        names = getattr(self, "feature_names_in_", None)
        record["parameters"] = plain_parameters(self.get_params(deep=False))
        record["fitted"]["n_features_in_"] = self.n_features_in_
        record["arrays"] = {} if names is None else {"feature_names_in_": described(names)}
        parts = {"columns": self._columns, "target": self._target}
        return record | {name: part.to_dict() for name, part in parts.items() if part is not None}, tensors

    @classmethod
    def from_record(cls, record: dict[str, Any], tensors: dict[str, Array]) -> Self:
        """Return the fitted estimator that `to_record` described."""
        estimator = cls(**constructor_parameters(record["parameters"]))
        estimator._check_parameters()
        estimator.n_features_in_ = record["fitted"]["n_features_in_"]
        if "feature_names_in_" in record["arrays"]:
            estimator.feature_names_in_ = restored(record["arrays"]["feature_names_in_"])
        settings = estimator._settings()
        activations_of(settings)
        columns = Columns.from_dict(record["columns"]) if "columns" in record else None
        target = Target.from_dict(record["target"]) if "target" in record else None
        network = TrainedNetwork.from_record(record, tensors)
        names = getattr(estimator, "feature_names_in_", None)
        check_columns(columns, network.architecture, settings, estimator.n_features_in_, names)
        check_scale(target, network.architecture, hasattr(estimator, "standardize_target"))
        estimator._columns, estimator._target = columns, target
        estimator._show(network)
        return estimator

    def _trained(self) -> TrainedNetwork:
        """The network, or an error where there is none yet."""
        if not hasattr(self, "network_"):
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments first."
            )
        return self.network_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self._settings().encodes_columns
        tags.input_tags.allow_nan = self._settings().missing == "impute"
        return tags
