"""What all estimators share: validation at the border, fitting, the fitted attributes scikit-learn's users know.

Abstract or final: the classes here are never instantiated, the finals in `mlp` and `linear` are never subclassed, and
what a final supplies is listed as an abstract method.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cache
from inspect import signature
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight

from chainrule._errors import ChainruleWarning, InvalidParameterError, TargetError
from chainrule.engine import choose
from chainrule.estimator.building import optimizer_of
from chainrule.estimator.columns import Columns
from chainrule.estimator.estimator_record import constructor_parameters, estimator_record, restore
from chainrule.estimator.fitting import Fitted, TrainingSet, fit_network, fit_one_epoch
from chainrule.estimator.raw_table import validated
from chainrule.estimator.settings import Settings, check_parameters, one_of
from chainrule.network.examples import Examples
from chainrule.network.history import History, StopReason
from chainrule.network.losses import Loss
from chainrule.network.optimizers import initial_slots
from chainrule.network.parameters import Parameters
from chainrule.network.segment import State
from chainrule.network.training import Progress, all_logits
from chainrule.network.types import Array
from chainrule.table.columns import Table
from chainrule.table.target import Target


@cache
def _parameter_names(estimator: type) -> tuple[str, ...]:
    """What `get_params` lists, without reading the signature in every fit."""
    return tuple(signature(estimator).parameters)


def _is_stochastic(estimator: Any) -> bool:
    """`partial_fit` exists for the solvers that go batch by batch."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic solvers, not for solver='lbfgs'.")
    return True


class AbstractEstimator(ABC, BaseEstimator):
    """Fit, continue, and look inside; predicting is the finals' part."""

    t_: int
    _columns: Columns | None = None
    _target: Target | None = None

    @abstractmethod
    def _settings(self) -> Settings:
        """The parameters as `Settings`."""

    @abstractmethod
    def _encode(self, y: Array, *, reset: bool, classes: Any = None) -> tuple[Array, Array | None]:
        """Check y and return Y of shape (m, n[L]) and the class codes to stratify by, if any."""

    @abstractmethod
    def _loss_names(self) -> tuple[str, ...]:
        """The values of the parameter `loss`."""

    @abstractmethod
    def _make_loss(self) -> Loss:
        """The loss for the target that `_encode` saw."""

    @abstractmethod
    def _validation_score(self, Z: Array, Y: Array, weights: Array | None) -> float:
        """Score the logits of the validation rows: accuracy or R²."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train from new weights, or from the last ones with `warm_start=True`.

        Parameters
        ----------
        X : array-like, data frame or CSR/CSC matrix of shape (n_samples, n_features)
            float32 is computed in float32, everything else in float64. Never written to; arrays and CSR matrices are
            not copied, but read batch by batch.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional
            A row of weight 0 is as if deleted, a row of weight k as k copies of it; the scale does not matter.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            If a parameter is not what it must be; names the nearest valid value.
        DivergenceError
            If a loss or gradient stops being finite; names the step and the layer.
        """
        continues = bool(self.warm_start and hasattr(self, "_fitted"))
        table = self._border(X, y, sample_weight, reset=not continues)
        if not continues or not hasattr(self, "_seed"):
            self._seed = _draw_seed(self.random_state)
        start = self._continued(table) if continues else None
        settings = self._settings()
        fitted = fit_network(
            settings,
            table,
            self._make_loss(),
            seed=self._seed,
            start=start,
            score=self._validation_score,
            on_epoch=_print_epoch if settings.verbose else None,
        )
        self._append(fitted, start)
        self._warn_of_the_end(fitted.history)
        return self

    @available_if(_is_stochastic)
    def partial_fit(self, X: Any, y: Any, *, sample_weight: Any = None, classes: Any = None) -> Self:
        """Go on by one epoch over the given rows, in mini-batches; weights, optimiser and random draws continue.

        It never sees the whole training set, so it neither holds rows out nor stops early.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array-like, optional
            All class labels; needed at the first call of a classifier, unless y holds them all.

        Returns
        -------
        self
        """
        first = not hasattr(self, "_fitted")
        table = self._border(X, y, sample_weight, reset=first, classes=classes)
        if first:
            self._seed = _draw_seed(self.random_state)
        start = None if first else self._continued(table)
        fitted = fit_one_epoch(self._settings(), table, self._make_loss(), seed=self._seed, start=start)
        self._append(fitted, start)
        return self

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
        self._parameters()
        table = self._border(X, y, sample_weight, reset=False)
        examples = Examples(table.X.T, table.Y.T, table.weights)
        return self._engine().mean_loss(self._fitted.architecture, self._parameters(), examples)

    def _border(self, X: Any, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None) -> TrainingSet:
        """Validate parameters and data; the table inside is float, CSR if sparse, and as the caller gave it."""
        check_parameters(self, _parameter_names(type(self)), loss=one_of(*self._loss_names()))
        X, y, categorical = validated(self, X, y, reset=reset)
        y = y.toarray() if issparse(y) else y
        Y, strata = self._encode(y, reset=reset, classes=classes)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, Y, dtype=np.float64, ensure_non_negative=True)
            if not weights.any():
                raise TargetError("All values of sample_weight are zero: give at least one row a positive weight.")
        if reset:
            rows = np.arange(len(Y)) if weights is None else np.flatnonzero(weights)
            self._measure(X, categorical, Y, rows, weights)
        Y = Y if self._target is None else self._target.standardise(Y)
        embeddings = () if self._columns is None else self._columns.embeddings
        return TrainingSet(self._encoded(X), Y, weights, strata, embeddings)

    def _measure(self, X: Any, categorical: tuple[int, ...], Y: Array, rows: Array, weights: Array | None) -> None:
        """Learn from the given rows what encoding takes; a regressor measures its target, too."""
        measured = Columns.fit(X, categorical, self._settings(), rows, weights) if isinstance(X, Table) else None
        self._columns = measured

    def _encoded(self, X: Any) -> Any:
        """The matrix the network takes: X itself, unless its columns are encoded."""
        return X if self._columns is None else self._columns.transform(X)

    def _inputs(self, X: Any) -> Any:
        """Validate and encode X as at the last fit."""
        return self._encoded(validated(self, X, reset=False)[0])

    def _continued(self, table: TrainingSet) -> State:
        """The state to go on from, if the network still fits the table; a new optimiser starts afresh."""
        architecture = self._fitted.architecture
        old = (architecture.n_columns, *architecture.widths[1:])
        new = (table.X.shape[1], *self._settings().hidden, table.Y.shape[1])
        if old != new:
            raise InvalidParameterError(
                f"training cannot continue: the layers have widths {old}, now {new} are asked for. "
                "Set warm_start=False or keep the parameters."
            )
        state, optimizer = self._fitted.state, optimizer_of(self._settings())
        if optimizer.name != self._fitted.optimizer:
            return replace(state, slots=initial_slots(optimizer, state.parameters.theta), step=0)
        return state

    def _append(self, fitted: Fitted, start: State | None) -> None:
        """Publish the training since `start`, behind the record of the one that led there."""
        rows, epochs = 0, 0
        if start is not None:
            rows, epochs, earlier = self.t_, start.epoch, self._fitted.history.columns
            later = fitted.history.columns
            fitted.history.columns = {name: earlier.get(name, []) + values for name, values in later.items()}
        self._publish(fitted)
        self.t_ = rows + (fitted.state.epoch - epochs) * fitted.rows

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

    def to_record(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return plain JSON data and tensors, for `chainrule.save`."""
        return estimator_record(self)

    @classmethod
    def from_record(cls, record: dict[str, Any], tensors: dict[str, Array]) -> Self:
        """Return the fitted estimator that `to_record` described."""
        estimator = cls(**constructor_parameters(record["parameters"]))
        restore(estimator, record, tensors)
        return estimator

    def _warn_of_the_end(self, history: History) -> None:
        if history.stop_reason == StopReason.MAX_ITER:
            warnings.warn(
                f"Training {history.stop_sentence} before the loss settled. Raise max_iter, or scale the inputs.",
                ConvergenceWarning,
                stacklevel=3,
            )
        elif history.stop_reason in (StopReason.INTERRUPTED, StopReason.DIVERGED):
            warnings.warn(f"Training stopped early: {history.stop_sentence}", ChainruleWarning, stacklevel=3)

    def _logits(self, X: Any) -> Array:
        """Z[L] of the rows of X, one row per row: (m, n[L])."""
        parameters = self._parameters()
        X = self._inputs(X)
        examples = Examples(X.T, np.empty((0, X.shape[0])))
        return all_logits(self._fitted.architecture, parameters, examples, self._engine()).T

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


def _draw_seed(random_state: Any) -> int:
    """Every draw of a fit is a pure function of this one number."""
    return int(check_random_state(random_state).randint(2**31 - 1))


def _print_epoch(progress: Progress) -> None:
    history = progress.history
    line = f"Iteration {progress.epoch}, loss = {history['running_total'][-1]:.8f}"
    if "val_loss" in history:
        line += f", validation loss = {history['val_loss'][-1]:.8f}"
    print(line)
