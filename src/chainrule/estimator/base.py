"""The base class of the estimators: `fit`, `partial_fit`, `initialize`, fitted attributes, predicting, serialising.

A final class is a dataclass of its parameters. It implements `_settings`; its base, `Classifier` or `Regressor`,
implements the other abstract methods of `Estimator`, which depend on the target.
"""

from __future__ import annotations

import copy
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, lru_cache, partial
from inspect import signature
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, validate_data

from chainrule._errors import InvalidParameterError, TableError, warn
from chainrule.distributed.distribution import Distribution
from chainrule.engine import choose
from chainrule.estimator.atomic_fit import all_or_nothing
from chainrule.estimator.callbacks.calling import Callbacks
from chainrule.estimator.callbacks.printing import print_epoch
from chainrule.estimator.callbacks.scikit_learn import CallbackSupportMixin, TaskTree, with_callbacks
from chainrule.estimator.open_inputs import check_written, format_of, open_inputs
from chainrule.estimator.row_weights import checked_weights
from chainrule.estimator.scoring import require_scoring, validation_score
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
from chainrule.fit.build_network import activations_of
from chainrule.fit.callback_protocol import AtEpochEnd, listed_callbacks
from chainrule.fit.column_encoder import Columns
from chainrule.fit.dataset import TrainingSet, split, stops_early
from chainrule.fit.fingerprint import alone_with, checkpoint_of
from chainrule.fit.fit_network import ValidationSet, fit_network, fit_one_epoch
from chainrule.fit.initial_weights import InitialWeights
from chainrule.fit.parameters import Settings, check_parameters, loss_of
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.fit.unused_parameters import warn_of_unused_loss_parameters
from chainrule.network.losses import Loss
from chainrule.network.training.history import History, StopReason
from chainrule.network.types import Array
from chainrule.table.reading.batches import ParquetBatches, open_batches
from chainrule.table.reading.inputs import is_source
from chainrule.table.table_format import TableFormat
from chainrule.table.target import Target


def _is_stochastic(estimator: Any) -> bool:
    """Say whether the solver takes mini-batches, which `partial_fit` needs."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic solvers, not for solver='lbfgs'.")
    return True


@cache
def _parameter_names(estimator: type) -> tuple[str, ...]:
    """Return the names that `get_params` lists, without reading the signature in every fit."""
    return tuple(signature(estimator).parameters)


class Estimator(CallbackSupportMixin, BaseEstimator, metaclass=ABCMeta):
    """An estimator: parameters, and the network trained with them; after an error it is as it was before."""

    scoring: Any
    callbacks: Any
    verbose: bool | int
    network_: TrainedNetwork
    _loss_parameters: ClassVar[Mapping[str, str | None]]  # the names of losses, each with its parameter
    _columns: Columns | None = None
    _target: Target | None = None  # the units of a regressor's target

    @abstractmethod
    def _settings(self) -> Settings:
        """Return the parameters as `Settings`."""

    @abstractmethod
    def _encode(self, y: Array, *, reset: bool, classes: Any = None) -> tuple[Array, Array | None]:
        """Check y and return Y of shape (m, n[L]) and the class codes to stratify by, if any."""

    @abstractmethod
    def _declare_outputs(self, n_outputs: int | None, classes: Any) -> int:
        """Take the outputs or classes that `initialize` was given, and return n[L]."""

    @abstractmethod
    def _make_loss(self) -> Loss:
        """Return the loss for the target that `_encode` saw."""

    @abstractmethod
    def _validation_score(self, Z: Array, Y: Array, weights: Array | None) -> float:
        """Score the logits of the validation rows: accuracy or R²."""

    def _weighed(self, table: TrainingSet, *, learn: bool = False) -> TrainingSet:
        """Multiply class weights into the sample weights; a regressor has none."""
        return table

    @all_or_nothing
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
        embedding_init: Any = None,
        distributed: Any = None,
        shards: int = 8,
        checkpoint: Any = None,
    ) -> Self:
        """Train from new weights, or from the last ones with `warm_start=True`.

        Parameters
        ----------
        X : array-like, data frame, CSR/CSC matrix, path, SQL query, Arrow dataset, Dask data frame or Dask array
            Of shape (n_samples, n_features). float32 is computed in float32, everything else in float64. A linear
            model, and a target whose differences float32 would round away, are always computed in float64. X is never
            written to; arrays and CSR matrices are not copied, but read batch by batch. A path (of a file, folder or
            glob), a query, a pyarrow dataset or reader, a Dask data frame or array may be larger than memory: its
            features, all columns except those that y and sample_weight name, are encoded to a temporary file, which
            training reads in windows bounded by scikit-learn's `working_memory`; target, weights and a key of each row
            stay in memory. Numbers that float32 holds exactly are computed in float32.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), str or list of str
            If X has still to be read, names of its columns. If X is a Dask collection, y may be column names, Dask
            collections or arrays.
        sample_weight : array-like of shape (n_samples,) or str, optional
            Given like y. A row of weight 0 is as if deleted, except that its label stays among `classes_`. A row of
            weight k counts as k copies of it: to the bit with full batches, no rows held out and no dropout; else on
            average, since each copy has its own random draws. The scale does not matter.
        X_val, y_val, sample_weight_val : optional
            Your own validation set; no rows are then held out. Its loss and score are recorded at every epoch; with
            `early_stopping` it also decides when to stop.
        X_cal, y_cal : array-like, optional
            For a regressor: rows not used in training, on which `predict_interval` is calibrated.
        coef_init, intercept_init : list of array-like, optional
            Weights and biases to start from, shaped like `coefs_` and `intercepts_`, instead of random ones or, with
            `warm_start=True`, of the last ones; those not given are random.
        embedding_init : dict of dict, optional
            Vectors to start from, like `embeddings_`: by column and category. Categories that the column does not have
            are ignored.
        distributed : distributed.Client, str or mpi4py.MPI.Comm, optional
            Train on the workers of a Dask cluster (its client or its scheduler's address), on all ranks of an MPI
            job ("mpi", or a communicator), or the same way in this process ("local"). None trains in memory.
        shards : int, default 8
            With `distributed`, the number of parts into which the rows are cut; each mini-batch takes rows from all of
            them. At most this many workers are used. For the same number of shards the weights are the same, to the
            bit, wherever the shards are.
        checkpoint : path-like, optional
            A file that is written every 30 seconds and at the end of every epoch. After a kill or Ctrl-C the same fit
            resumes from it, with the same weights and history as without the interruption. It is deleted when training
            ends.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            If a parameter is invalid; the message names the nearest valid value. After any error, also one of a
            callback, and after Ctrl-C outside the training, the estimator is as it was before.
        ShapeError
            If weights or biases to start from do not fit; the message names the layer.
        DivergenceError
            If a loss or gradient stops being finite; the message names the step and the layer.
        CheckpointError
            If the checkpoint is of another fit (the message says what differs), or another fit uses it now.
        ClusterError
            If a distributed training cannot continue; the message says what to do.
        """
        distribution = None if distributed is None else Distribution(distributed, shards)
        if distribution is not None:
            distribution.check()  # before anything is read
        check_written(self.callbacks, checkpoint, X, X_val, X_cal)
        with (
            alone_with(checkpoint, distribution),
            open_inputs(X, y, sample_weight) as rows,
            open_inputs(X_val, y_val, sample_weight_val, format_of(rows[0])) as validation_rows,
            open_inputs(X_cal, y_cal, None, format_of(rows[0])) as (X_cal, y_cal, _),
        ):
            parts = coef_init, intercept_init, embedding_init
            initial = InitialWeights(*parts) if any(part is not None for part in parts) else None
            return self._fit(rows, validation_rows, (X_cal, y_cal), initial, distribution, checkpoint)

    @with_callbacks
    def _fit(
        self,
        rows: tuple[Any, ...],
        validation_rows: tuple[Any, ...],
        calibration_rows: tuple[Any, Any],
        initial: InitialWeights | None,
        distribution: Distribution | None,
        checkpoint: Any,
    ) -> Self:
        """Fit on X, y and weights, with those of the validation rows and X and y of the calibration rows, if any."""
        settings, own = self._settings(), any(part is not None for part in validation_rows)
        earlier = self.network_ if self.warm_start and hasattr(self, "network_") and initial is None else None
        measures = earlier is None or earlier.is_untrained
        table = self._read(*rows, reset=earlier is None, measures=measures)
        seed = self._seed(earlier)
        training, held_out = (table, None) if own else split(settings, table, seed)
        if measures:
            self._measure(training)
        apart = self._read_validation(*validation_rows) if own else None
        if checkpoint is not None:
            kind, parameters = type(self).__name__, self.get_params(deep=False)
            goes_on = initial is not None or earlier is not None
            checkpoint = checkpoint_of(checkpoint, kind, parameters, seed, (table, apart), distribution, goes_on)
        coded = self._coded(table)
        training = self._weighed(replace(coded, rows=training.rows), learn=True)
        if apart is not None:
            watched: TrainingSet | None = self._coded(apart)
        else:
            watched = held_out and replace(coded, rows=held_out.rows)
        validation = watched and ValidationSet(
            self._weighed(watched) if getattr(self, "class_weight_val", True) else watched,
            validation_score(self, watched, validation_rows if own else rows, self._validation_score),
            stops_early(settings, table.m) if own else True,
        )
        calibration = self._read_calibration(*calibration_rows)
        listeners = listed_callbacks(self.callbacks)
        if self.verbose:
            listeners.insert(0, AtEpochEnd(print_epoch))
        if hasattr(self, "_skl_callbacks"):  # callbacks given to scikit-learn's set_callbacks
            listeners.append(TaskTree(*rows))
        warn_of_unused_loss_parameters(self, self._loss_parameters)
        codes = () if self._columns is None else self._columns.codes
        self._train(
            fit_network,
            training,
            listeners,
            earlier,
            seed=seed,
            put=None if initial is None else partial(initial.put, blocks=codes),
            validation=validation,
            distribution=distribution,
            checkpoint=checkpoint,
        )
        if checkpoint is not None and self.history_.stop_reason != StopReason.INTERRUPTED:
            checkpoint.remove()
        if calibration is not None:
            self.calibration_residuals_ = calibration.Y - self._outputs(self._for_outputs(calibration.X))
        _warn_of_the_end(self.history_)
        return self

    @all_or_nothing
    def initialize(self, n_features: int, *, n_outputs: int | None = None, classes: Any = None) -> Self:
        """Draw the initial weights without training; the estimator can then predict, and training can start there.

        `partial_fit`, and `fit` with `warm_start=True`, start from these weights, which are those that they would have
        drawn. Whatever depends on the data is measured on the first rows they see, as in any other fit: scaling and
        imputation of columns, the units of the target, and the last biases with `bias_initializer="auto"`, which are 0
        until then. Only L-BFGS differs: it would draw weights for standardised inputs if columns are of an unusual
        size, but takes these as they are. An earlier fit is discarded. The arithmetic is float64.

        Parameters
        ----------
        n_features : int
        n_outputs : int, optional
            For a regressor, the number of outputs, by default 1; for a multilabel classifier, the number of labels.
        classes : array-like, optional
            For a classifier, all class labels.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            If a parameter is invalid, or a classifier is given both or neither of n_outputs and classes.
        """
        self._check_parameters()
        seed = _draw_seed(self.random_state)
        for name, value in (("n_features", n_features), ("n_outputs", n_outputs)):
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1
            if not (whole or (value is None and name == "n_outputs")):
                raise InvalidParameterError(f"{name} must be a whole number of at least 1, got {value!r}.")
        width = self._declare_outputs(n_outputs, classes)
        self._columns = self._target = None  # those of an earlier fit
        network = TrainedNetwork.untrained(self._settings(), int(n_features), width, self._make_loss(), seed)
        validate_data(self, np.zeros((1, int(n_features))), reset=True)  # sets the number of features, without names
        self._show(network)
        return self

    @available_if(_is_stochastic)
    @all_or_nothing
    def partial_fit(self, X: Any, y: Any, *, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one more epoch on the given rows, in mini-batches; weights, optimiser and random draws continue.

        It never sees the whole training set, so it neither holds rows out nor stops early. `callbacks` are called as
        for a training of one epoch; scikit-learn's `set_callbacks` works with `fit` only.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array-like, optional
            All class labels; needed at the first call of a classifier, unless y contains all of them.

        Returns
        -------
        self
        """
        self._check_partial_fit()
        earlier = getattr(self, "network_", None)
        measures = earlier is None or earlier.is_untrained
        table = self._read(X, y, sample_weight, reset=earlier is None, measures=measures, classes=classes)
        seed = self._seed(earlier)
        if measures:
            self._measure(table)
        table = self._weighed(self._coded(table), learn=True)
        self._train(fit_one_epoch, table, listed_callbacks(self.callbacks), earlier, seed=seed)
        return self

    def _train(
        self,
        train: Callable[..., TrainedNetwork],
        dataset: TrainingSet,
        listeners: list[Any],
        earlier: TrainedNetwork | None,
        **how: Any,
    ) -> None:
        """Train with `fit_network` or `fit_one_epoch`, and set the fitted attributes."""
        settings = self._settings()
        if earlier is not None and (self._columns is not None) != settings.encodes_columns:
            raise InvalidParameterError(
                "training cannot continue: whether columns are encoded was decided at its start, by scale, missing and "
                "categorical_features. Set warm_start=False or keep these parameters."
            )
        called = Callbacks(self, self._with_network, listeners, earlier)
        network = train(settings, dataset, self._make_loss(), earlier=earlier, attach=called.attach, **how)
        self._show(network)
        called.end(network)

    def _seed(self, earlier: TrainedNetwork | None) -> int:
        """Return the seed of every random draw: that of the training to continue, or a new one."""
        return _draw_seed(self.random_state) if earlier is None or earlier.seed is None else earlier.seed

    def _check_partial_fit(self) -> None:
        """Raise for parameters that need the whole training set; a regressor has none."""

    def _read_validation(self, X_val: Any, y_val: Any, sample_weight_val: Any) -> TrainingSet:
        """Return the user's validation rows, with columns not yet encoded."""
        if X_val is None or y_val is None:
            raise InvalidParameterError("X_val and y_val go together: give both, or neither.")
        return self._read(X_val, y_val, sample_weight_val, reset=False)

    def _read_calibration(self, X_cal: Any, y_cal: Any) -> TrainingSet | None:
        """Return the calibration rows of intervals, checked before training; None if there are none."""
        if X_cal is None and y_cal is None:
            return None
        if not hasattr(self, "predict_interval"):
            raise InvalidParameterError(
                f"X_cal and y_cal are for predict_interval, which {type(self).__name__} does not have. Leave them out."
            )
        if X_cal is None or y_cal is None:
            raise InvalidParameterError("X_cal and y_cal must be given together, got only one of them.")
        return self._read(X_cal, y_cal, None, reset=False)

    @property
    def coefs_(self) -> list[Array]:
        """The weights, one (n[l-1], n[l]) array per layer: views of W[1].T to W[L].T."""
        return [W.T for W in self._trained().parameters.W[1:]]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases, one (n[l],) array per layer: views of b[1] to b[L]."""
        return [b[:, 0] for b in self._trained().parameters.b[1:]]

    def to_dataset(self, X: Any, y: Any, sample_weight: Any = None) -> TrainingSet:
        """Return rows encoded as at the last fit, with the target in the network's units.

        Class weights are not included.
        """
        self._trained()
        return self._coded(self._read(X, y, sample_weight, reset=False))

    def data_loss(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the data loss at the fitted weights: the mean, without penalty and dropout.

        For the training data it is `history_.final["loss"]`.
        """
        network = self._trained()
        with open_inputs(X, y, sample_weight, self._format_of_fit) as rows:
            dataset = self._weighed(self.to_dataset(*rows))
            engine = choose(self.engine, self.n_threads, network.architecture)
            return dataset.feed(engine).mean_loss(network.architecture, network.parameters)

    def _check_parameters(self) -> None:
        check_parameters(self, _parameter_names(type(self)), loss=loss_of(*self._loss_parameters))
        if self.scoring != "loss":
            require_scoring(self.scoring)

    def _read(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, measures: bool = False, classes: Any = None
    ) -> TrainingSet:
        """Validate parameters and data; the columns of X are not yet encoded.

        With `measures` the columns of X are learned, and with `reset` the classes of the target.
        """
        self._check_parameters()
        y = present(y)
        X, y = self._checked(X, y, reset=measures)
        y = y.toarray() if issparse(y) else y
        Y, strata = self._encode(y, reset=reset, classes=classes)
        weights = None if sample_weight is None else checked_weights(sample_weight, Y)
        return TrainingSet(X, Y, weights, strata)

    def _checked(self, X: Any, *y: Any, reset: bool) -> tuple[Any, Any]:
        """Check X, and y if it is given; learn the columns of X, or compare them with those of the fit."""
        settings = self._settings()
        if not isinstance(X, StoredTable):
            return validated(self, X, *y, settings=settings, fitted=self._columns, reset=reset)
        if reset:
            self.__dict__.pop("feature_names_in_", None)  # of an earlier fit
            if X.batches.named:
                self.feature_names_in_ = np.array(X.names, object)
            found = X.batches.header.format
            self._format = found and replace(found, required=X.names)
            self.n_features_in_ = len(X.names)
            X = X.measured_with(settings)
        else:
            X = X.with_columns(self._features_of(X.batches), plain=self._columns is None)
        return X, check_array(*y, ensure_2d=False, dtype=None, input_name="y") if y else None

    @property
    def _format_of_fit(self) -> TableFormat | None:
        """The format of the table that it was fitted on, by which later ones are read."""
        return getattr(self, "_format", None)

    def _features_of(self, batches: ParquetBatches) -> tuple[str, ...]:
        """Return the names of the columns that it was fitted on; if these had no names, all columns."""
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
        """Measure the training rows for encoding columns; a regressor also measures its target."""
        settings = self._settings()
        self._columns = Columns.fit(training, settings) if settings.encodes_columns else None

    def _coded(self, table: TrainingSet) -> TrainingSet:
        """Return the rows with encoded columns and the target in the network's units."""
        Y = table.Y if self._target is None else self._target.standardise(table.Y)
        embeddings = () if self._columns is None else self._columns.embeddings
        return replace(table, X=self._encoded(table.X), Y=Y, embeddings=embeddings)

    def _encoded(self, X: Any) -> Any:
        """Return the network's input matrix: X itself, unless its columns are encoded or it is on disk."""
        if isinstance(X, StoredTable):
            return X.encoded(self._columns)
        return X if self._columns is None else self._columns.transform(X)

    def _inputs(self, X: Any) -> Any:
        """Validate and encode X as at the last fit."""
        self._trained()  # raises if it is not fitted
        if is_source(X):
            return self._parts(X)
        return self._for_outputs(self._checked(X, reset=False)[0])

    def _for_outputs(self, X: Any) -> Any:
        """Return the matrix to predict for, or an iterator over some rows at a time if the table is on disk."""
        return encoded_parts(X.batches, self._columns) if isinstance(X, StoredTable) else self._encoded(X)

    def _parts(self, source: Any) -> Iterator[Array]:
        """Yield the encoded rows of a source, some at a time."""
        limits = working_budget()
        known = self._format_of_fit
        with open_batches(source, batch_bytes=limits.batch, memory=limits.reader, known=known) as batches:
            yield from encoded_parts(batches.select(self._features_of(batches)), self._columns)

    def _logits(self, inputs: Any) -> Array:
        """Return Z[L] of encoded rows: (m, n[L])."""
        return self._trained().logits(inputs, **self._resources)

    def _outputs(self, inputs: Any) -> Array:
        """Return A[L] of encoded rows, in the units of y, as float64: (m, n[L])."""
        A = self._trained().outputs(inputs, **self._resources)
        return A if self._target is None else self._target.to_units(A)

    @property
    def _resources(self) -> dict[str, Any]:
        return {"engine": self.engine, "n_threads": self.n_threads, "memory": working_memory()}

    def _with_network(self, network: TrainedNetwork) -> Self:
        """Return a copy of the estimator with another network."""
        twin = copy.copy(self)
        twin._show(network)
        return twin

    def _show(self, network: TrainedNetwork) -> None:
        """Set the fitted attributes, which have scikit-learn's names."""
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
        self.__dict__.pop("calibration_residuals_", None)  # computed with other weights

    def compact(self) -> Self:
        """Keep only what predicting needs: drop the optimiser's state and the history of the epochs.

        Training can continue from the weights, with a new optimiser state.

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
        parts = {"columns": self._columns, "target": self._target, "reading": self._format_of_fit}
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
        if "reading" in record:
            estimator._format = TableFormat.from_dict(record["reading"])
        estimator._show(network)
        return estimator

    def _trained(self) -> TrainedNetwork:
        """Return the network; raise NotFittedError if there is none."""
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


def _warn_of_the_end(history: History) -> None:
    if history.stop_reason == StopReason.MAX_ITER:
        warn(
            f"Training {history.stop_sentence} before the loss settled. Raise max_iter, or scale the inputs.",
            ConvergenceWarning,
        )
    elif history.stop_reason == StopReason.NO_IMPROVEMENT and "gradient" in history.stop_numbers:  # of L-BFGS
        warn(
            f"Training has not converged: {history.stop_sentence}. Scale the inputs, raise tol, or choose "
            "another solver: at the kinks of a loss or an activation there is no gradient to follow.",
            ConvergenceWarning,
        )
    elif history.stop_reason in (StopReason.INTERRUPTED, StopReason.DIVERGED):
        warn(f"Training stopped early: {history.stop_sentence}")


def _draw_seed(random_state: Any) -> int:
    """Every draw of a fit is a pure function of this one number."""
    if isinstance(random_state, Integral):
        return _first_draw(int(random_state))
    return int(check_random_state(random_state).randint(2**31 - 1))


@lru_cache(maxsize=256)
def _first_draw(number: int) -> int:
    """Return a generator's first draw, cached: making one takes longer than an epoch of a small network."""
    return int(check_random_state(number).randint(2**31 - 1))
