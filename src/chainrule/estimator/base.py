"""What all estimators share: validation at the border, fitting, the fitted attributes scikit-learn's users know.

Abstract or final: the classes here are never instantiated, the finals in `mlp` and `linear` are never subclassed, and
what a final supplies is listed as an abstract method.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
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
from sklearn.utils.validation import _check_sample_weight, validate_data

from chainrule._errors import ChainruleWarning, InvalidParameterError, TargetError
from chainrule.engine import choose
from chainrule.estimator.building import optimizer_of
from chainrule.estimator.callbacks.calling import Callbacks
from chainrule.estimator.callbacks.context import Context
from chainrule.estimator.callbacks.protocol import AtEpochEnd, listed_callbacks
from chainrule.estimator.callbacks.scikit_learn import CallbackSupportMixin, TaskTree, with_callbacks
from chainrule.estimator.estimator_record import constructor_parameters, estimator_record, restore
from chainrule.estimator.fitting import Fitted, fit_network, fit_one_epoch
from chainrule.estimator.idle import warn_of_idle_loss_parameters
from chainrule.estimator.intervals import calibration_set
from chainrule.estimator.memory import compacted, rows_at_a_time
from chainrule.estimator.scoring import require_scoring, validation_score
from chainrule.estimator.settings import Settings, check_parameters, loss_of
from chainrule.estimator.start import initialized
from chainrule.estimator.training_set import TrainingSet, split, stops_early
from chainrule.network.examples import Examples
from chainrule.network.history import History, StopReason
from chainrule.network.losses import Loss
from chainrule.network.optimizers import initial_slots
from chainrule.network.parameters import Parameters
from chainrule.network.segment import State
from chainrule.network.training import all_logits
from chainrule.network.types import Array


@cache
def _parameter_names(estimator: type) -> tuple[str, ...]:
    """What `get_params` lists, without reading the signature in every fit."""
    return tuple(signature(estimator).parameters)


def _is_stochastic(estimator: Any) -> bool:
    """`partial_fit` exists for the solvers that go batch by batch."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic solvers, not for solver='lbfgs'.")
    return True


class AbstractEstimator(ABC, CallbackSupportMixin, BaseEstimator):
    """Fit, continue, and look inside; predicting is the finals' part."""

    t_: int
    scoring: Any
    callbacks: Any
    verbose: bool | int
    calibration_residuals_: Array

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

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        X_cal: Any = None,
        y_cal: Any = None,
        coef_init: Any = None,
        intercept_init: Any = None,
    ) -> Self:
        """Train from new weights, or from the last ones with `warm_start=True`.

        Parameters
        ----------
        X : array-like, data frame or CSR/CSC matrix of shape (n_samples, n_features)
            float32 is computed in float32, everything else in float64. Never written to; arrays and CSR matrices are
            not copied, but read batch by batch.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional
            A row of weight 0 is as if deleted, a row of weight k as k copies of it; the scale does not matter.
        X_val, y_val, sample_weight_val : optional
            Validation rows of your own; none are held out then. Their loss and score are recorded at every epoch;
            with `early_stopping` they also decide when to stop.
        X_cal, y_cal : array-like, optional
            Of a regressor: rows that training never sees, on which `predict_interval` is calibrated.
        coef_init, intercept_init : list of array-like, optional
            Weights and biases to start from, shaped as `coefs_` and `intercepts_`, in place of those drawn or, with
            `warm_start=True`, of the last ones; what is not given is drawn.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            If a parameter is not what it must be; names the nearest valid value.
        ShapeError
            If weights or biases to start from do not fit; names the layer.
        DivergenceError
            If a loss or gradient stops being finite; names the step and the layer.
        """
        given = coef_init is not None or intercept_init is not None
        continues = bool(self.warm_start and hasattr(self, "_fitted") and not given)
        table = self._border(X, y, sample_weight, reset=not continues)
        calibration = calibration_set(self, X_cal, y_cal)
        if not continues or not hasattr(self, "_seed"):
            self._seed = _draw_seed(self.random_state)
        start = self._continued(table) if continues else None
        settings, loss = self._settings(), self._make_loss()
        warn_of_idle_loss_parameters(self, self._loss_parameters())
        seen = (X, y, sample_weight)
        if X_val is None and y_val is None and sample_weight_val is None:
            table, validation = split(settings, table, self._seed)
            stops = validation is not None
        else:
            seen = (X_val, y_val, sample_weight_val)
            validation, stops = self._own_validation(*seen), stops_early(settings, table.examples.m)
        callbacks = listed_callbacks(self.callbacks)
        if self.verbose:
            callbacks.insert(0, AtEpochEnd(_print_epoch))
        if hasattr(self, "_skl_callbacks"):  # what scikit-learn's set_callbacks was given
            callbacks.append(TaskTree(X, y, sample_weight))
        self._fit_network(
            self._weighed(table, learn=True),
            loss,
            start,
            callbacks,
            given=(coef_init, intercept_init),
            validation=None if validation is None else self._weighed_validation(validation),
            validation_stops=stops,
            score=None if validation is None else validation_score(self, validation, *seen),
        )
        if calibration is not None:
            self.calibration_residuals_ = self._residuals(calibration)
        self._warn_of_the_end(self.history_)
        return self

    @with_callbacks
    def _fit_network(
        self,
        table: TrainingSet,
        loss: Loss,
        start: State | None,
        callbacks: list[Any],
        *,
        given: tuple[Any, Any],
        **validation: Any,
    ) -> None:
        called = Callbacks(self, callbacks, start)
        fitted = fit_network(
            self._settings(),
            table,
            loss,
            seed=self._seed,
            start=start,
            given=given,
            callbacks=called,
            **validation,
        )
        self._append(fitted, start)
        called.end(fitted)

    def initialize(self, n_features: int, *, n_outputs: int | None = None, classes: Any = None) -> Self:
        """Draw the initial weights without training: the estimator predicts, and goes on from there.

        `partial_fit`, and `fit` with `warm_start=True`, start from these weights, which are those that they would have
        drawn themselves. The arithmetic is float64.

        Parameters
        ----------
        n_features : int
        n_outputs : int, optional
            Of a regressor, by default 1; of a classifier the number of labels, which may coincide.
        classes : array-like, optional
            All class labels of a classifier.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            If a parameter is not what it must be, or a classifier is given not exactly one of n_outputs and classes.
        """
        check_parameters(self, _parameter_names(type(self)), loss=loss_of(*self._loss_parameters()))
        self._seed = _draw_seed(self.random_state)
        self._publish(initialized(self, n_features, n_outputs, classes))
        self.t_ = 0
        return self

    @available_if(_is_stochastic)
    def partial_fit(self, X: Any, y: Any, *, sample_weight: Any = None, classes: Any = None) -> Self:
        """Go on by one epoch over the given rows, in mini-batches; weights, optimiser and random draws continue.

        It never sees the whole training set, so it neither holds rows out nor stops early. The parameter `callbacks`
        is told of a training of one epoch; scikit-learn's `set_callbacks` is for `fit` alone.

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
        table = self._weighed(table, learn=True, in_part=True)
        called = Callbacks(self, listed_callbacks(self.callbacks), start)
        fitted = fit_one_epoch(
            self._settings(), table, self._make_loss(), seed=self._seed, start=start, callbacks=called
        )
        self._append(fitted, start)
        called.end(fitted)
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
        table = self._weighed(self._border(X, y, sample_weight, reset=False))
        return self._engine().mean_loss(self._fitted.architecture, self._parameters(), table.examples)

    def _border(self, X: Any, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None) -> TrainingSet:
        """Validate parameters and data; the table inside is float, CSR if sparse, and as the caller gave it."""
        check_parameters(self, _parameter_names(type(self)), loss=loss_of(*self._loss_parameters()))
        require_scoring(self.scoring)
        X, y = validate_data(
            self,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            accept_large_sparse=True,
            multi_output=True,
            dtype="numeric",
            y_numeric=False,
        )
        y = y.toarray() if issparse(y) else y
        Y, strata = self._encode(y, reset=reset, classes=classes)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            if not weights.any():
                raise TargetError("All values of sample_weight are zero: give at least one row a positive weight.")
        return TrainingSet(X, Y, weights, strata)

    def _own_validation(self, X_val: Any, y_val: Any, sample_weight_val: Any) -> TrainingSet:
        """The validation rows the user gives, on the same side of the border as the table."""
        if X_val is None or y_val is None:
            raise InvalidParameterError("X_val and y_val go together: give both, or neither.")
        return self._border(X_val, y_val, sample_weight_val, reset=False)

    def _weighed(self, table: TrainingSet, *, learn: bool = False, in_part: bool = False) -> TrainingSet:
        """Multiply what a class weighs into the weights; numbers have no classes."""
        return table

    def _weighed_validation(self, validation: TrainingSet) -> TrainingSet:
        """The same, for the rows that are only looked at."""
        return validation

    def _continued(self, table: TrainingSet) -> State:
        """The state to go on from, if the network still fits the table; a new optimiser starts afresh."""
        old = self._fitted.architecture.widths
        new = (table.X.shape[1], *self._settings().hidden, table.Y.shape[1])
        if old != new:
            raise InvalidParameterError(
                f"training cannot continue: the layers have widths {old}, now {new} are asked for. "
                "Set warm_start=False or keep the parameters."
            )
        state, optimizer = self._fitted.state, optimizer_of(self._settings())
        if optimizer.name != self._fitted.optimizer or len(state.slots) != len(optimizer.slot_names):
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
        if hasattr(self, "calibration_residuals_"):
            del self.calibration_residuals_  # they were those of other weights
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

    def _residuals(self, table: TrainingSet) -> Array:
        """Target minus prediction, (m, n[L])."""
        A = self._outputs(table.X)
        return table.Y.astype(A.dtype) - A

    def _outputs(self, X: Any) -> Array:
        """A[L] of the rows of X, one row per row: (m, n[L])."""
        Z = self._logits(X)
        return self._fitted.architecture.loss.output.g(Z.T).T

    def _logits(self, X: Any) -> Array:
        """Z[L] of the rows of X, one row per row: (m, n[L])."""
        parameters = self._parameters()
        X = validate_data(self, X, reset=False, accept_sparse="csr", accept_large_sparse=True, dtype="numeric")
        examples, architecture = Examples(X.T, np.empty((0, X.shape[0]))), self._fitted.architecture
        size = rows_at_a_time(architecture, parameters.theta.itemsize)
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
        tags.input_tags.sparse = True
        return tags


def _draw_seed(random_state: Any) -> int:
    """Every draw of a fit is a pure function of this one number."""
    return int(check_random_state(random_state).randint(2**31 - 1))


def _print_epoch(ctx: Context) -> None:
    history = ctx.history
    line = f"Iteration {ctx.epoch}, loss = {history['running_total'][-1]:.8f}"
    if "val_loss" in history:
        line += f", validation loss = {history['val_loss'][-1]:.8f}"
    print(line)
