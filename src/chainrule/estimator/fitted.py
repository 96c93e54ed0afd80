"""What a fitted estimator is and shows: data at its border, weights, losses, records; training is in `base`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from inspect import signature
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_array

from chainrule.engine import choose
from chainrule.estimator.callbacks.scikit_learn import CallbackSupportMixin
from chainrule.estimator.open_inputs import is_source, open_inputs
from chainrule.estimator.row_weights import checked_weights
from chainrule.estimator.scoring import require_scoring
from chainrule.estimator.serialize import constructor_parameters, estimator_record, restore
from chainrule.estimator.stored_inputs import StoredTable, encoded_parts, features_of, learned
from chainrule.estimator.target_values import present
from chainrule.estimator.validation import validated
from chainrule.estimator.working_memory import compacted, rows_at_a_time, working_budget
from chainrule.fit.build_training import feed_of
from chainrule.fit.column_encoder import Columns
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.fit_network import Fitted
from chainrule.fit.parameters import Settings, check_parameters, loss_of
from chainrule.network.examples import Examples
from chainrule.network.losses import Loss
from chainrule.network.parameters import Parameters
from chainrule.network.training.setup import all_logits
from chainrule.network.types import Array
from chainrule.table.reading.batches import open_batches
from chainrule.table.target import Target


@cache
def _parameter_names(estimator: type) -> tuple[str, ...]:
    """What `get_params` lists, without reading the signature in every fit."""
    return tuple(signature(estimator).parameters)


class AbstractFitted(ABC, CallbackSupportMixin, BaseEstimator):
    """Look inside; predicting is the finals' part."""

    t_: int
    scoring: Any
    callbacks: Any
    verbose: bool | int
    calibration_residuals_: Array
    class_weight_: Array
    _columns: Columns | None = None
    _target: Target | None = None

    @abstractmethod
    def _settings(self) -> Settings:
        """The parameters as `Settings`."""

    @abstractmethod
    def _encode(self, y: Array, *, reset: bool, classes: Any = None) -> tuple[Array, Array | None]:
        """Check y and return Y of shape (m, n[L]) and the class codes to stratify by, if any."""

    @abstractmethod
    def _loss_parameters(self) -> Mapping[str, str | None]:
        """The names that the parameter `loss` may have, and which other parameter goes with each."""

    @abstractmethod
    def _declare_outputs(self, n_outputs: int | None, classes: Any) -> int:
        """Take what `initialize` was told instead of a target, and return n[L]."""

    @abstractmethod
    def _make_loss(self) -> Loss:
        """The loss for the target that `_encode` saw."""

    @abstractmethod
    def _validation_score(self, Z: Array, Y: Array, weights: Array | None) -> float:
        """Score the logits of the validation rows: accuracy or R²."""

    @property
    def coefs_(self) -> list[Array]:
        """The weights, one (n[l-1], n[l]) array per layer: views of W[1].T to W[L].T."""
        return [W.T for W in self._parameters().W[1:]]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases, one (n[l],) array per layer: views of b[1] to b[L]."""
        return [b[:, 0] for b in self._parameters().b[1:]]

    def data_loss(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean loss of the data at the fitted weights, without the penalty, dropout off.

        On the training data it is `history_.final["loss"]`.
        """
        parameters = self._parameters()
        with open_inputs(X, y, sample_weight) as rows:
            table = self._weighed(self._validate_and_encode(*rows))
            return feed_of(table.examples, self._engine()).mean_loss(self._fitted.architecture, parameters)

    def _check_parameters(self) -> None:
        check_parameters(self, _parameter_names(type(self)), loss=loss_of(*self._loss_parameters()))
        require_scoring(self.scoring)

    def _read(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, measures: bool = False, classes: Any = None
    ) -> TrainingSet:
        """Validate parameters and data; the table inside is as the caller gave it, its columns not yet encoded.

        The columns of X are learned where they are to be measured, and with `reset` also the target.
        """
        self._check_parameters()
        y = present(y)
        if isinstance(X, StoredTable):
            X = learned(self, X, reset=measures)
            y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
        else:
            X, y = validated(self, X, y, reset=measures)
        y = y.toarray() if issparse(y) else y
        Y, strata = self._encode(y, reset=reset, classes=classes)
        return TrainingSet(X, Y, checked_weights(sample_weight, Y), strata)

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

    def _validate_and_encode(self, X: Any, y: Any, sample_weight: Any) -> TrainingSet:
        """Validate and encode a table with its target as at the last fit."""
        return self._coded(self._read(X, y, sample_weight, reset=False))

    def _inputs(self, X: Any) -> Any:
        """Validate and encode X as at the last fit."""
        self._parameters()  # or it is not fitted, and says so
        if isinstance(X, StoredTable):
            return self._for_outputs(learned(self, X, reset=False))
        if is_source(X):
            return self._parts(X)
        return self._encoded(validated(self, X, reset=False)[0])

    def _for_outputs(self, X: Any) -> Any:
        """What predicting takes: the matrix, or some rows of it at a time where the table is on disk."""
        return encoded_parts(X.batches, self._columns) if isinstance(X, StoredTable) else self._encoded(X)

    def _parts(self, source: Any) -> Iterator[Array]:
        """The encoded rows of a table that is elsewhere, some at a time."""
        limits = working_budget()
        with open_batches(source, batch_bytes=limits.batch, memory=limits.reader) as batches:
            yield from encoded_parts(batches.select(features_of(self, batches)), self._columns)

    def _weighed(self, table: TrainingSet, *, learn: bool = False) -> TrainingSet:
        """Multiply what a class weighs into the weights; numbers have no classes."""
        return table

    def _publish(self, fitted: Fitted) -> None:
        """Show the result under the names scikit-learn's users know."""
        self._fitted = fitted
        history = fitted.history
        curve = history.columns.get("running_total", [])
        scores = history.columns.get("val_score")
        output = fitted.architecture.loss.output.name
        self.history_ = history
        self.n_iter_ = fitted.state.epoch
        self.n_layers_ = fitted.architecture.L + 1
        self.n_outputs_ = fitted.architecture.widths[-1]
        self.out_activation_ = "logistic" if output == "sigmoid" else output  # scikit-learn's word
        self.loss_ = history.final["total"]
        self.loss_curve_ = list(curve)
        self.best_loss_ = min(curve) if curve and scores is None else None
        self.validation_scores_ = scores
        self.best_validation_score_ = max(scores) if scores else None
        self.stop_reason_ = history.stop_reason
        self.best_epoch_ = history.best_epoch

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
        self._parameters()
        self._publish(compacted(self._fitted))
        return self

    def to_record(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return plain JSON data and tensors, for `chainrule.save`."""
        return estimator_record(self)

    @classmethod
    def from_record(cls, record: dict[str, Any], tensors: dict[str, Array]) -> Self:
        """Return the fitted estimator that `to_record` described."""
        estimator = cls(**constructor_parameters(record["parameters"]))
        estimator._check_parameters()
        restore(estimator, record, tensors)
        return estimator

    def _residuals(self, table: TrainingSet) -> Array:
        """Target minus prediction of a table as `_read` gives it, in the units of y: (m, n[L])."""
        A = self._outputs(self._for_outputs(table.X))
        return table.Y - A

    def _outputs(self, inputs: Any) -> Array:
        """A[L] of encoded rows, one row per row, in the units of y, which are float64: (m, n[L])."""
        Z = self._logits(inputs)
        return self._fitted.architecture.loss.output.g(Z.T).T.astype(np.float64)

    def _logits(self, inputs: Any) -> Array:
        """Z[L] of encoded rows, one row per row: (m, n[L])."""
        if isinstance(inputs, Iterator):
            return np.concatenate([self._logits(part) for part in inputs])
        parameters, architecture = self._parameters(), self._fitted.architecture
        size = rows_at_a_time(architecture, parameters.theta.itemsize)
        examples = Examples(inputs.T, np.empty((0, inputs.shape[0])))
        return all_logits(architecture, parameters, examples, self._engine(), size).T

    def _engine(self) -> Any:
        return choose(self.engine, self.n_threads, self._fitted.architecture)

    def _parameters(self) -> Parameters:
        if not hasattr(self, "_fitted"):
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments first."
            )
        return self._fitted.state.parameters

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self._settings().encodes_columns
        tags.input_tags.allow_nan = self._settings().missing == "impute"
        return tags
