"""`TabularClassifier` and `TabularRegressor`: `chainrule train` as scikit-learn estimators."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d, validate_data

from chainrule._errors import InvalidParameterError, TableError, TargetError, warn
from chainrule.estimator.atomic_fit import all_or_nothing
from chainrule.estimator.callbacks.printing import print_epoch
from chainrule.estimator.documentation import documented
from chainrule.estimator.row_weights import checked_weights
from chainrule.estimator.target_values import check_one_kind, present
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.objective import LOSS_PARAMETERS, Objective
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.metrics import Figures
from chainrule.network.training.history import StopReason
from chainrule.network.training.hooks import Progress
from chainrule.network.types import Array
from chainrule.outofcore.memory import Budget
from chainrule.storage import save
from chainrule.table import Column, ColumnPlan, Schema, Table, from_frame
from chainrule.table.batches import Batches
from chainrule.table.reading.from_frame import level_column, number_column
from chainrule.table.reading.inputs import is_source
from chainrule.table.table_format import ReadOptions, TableFormat
from chainrule.tabular.cross_validation import cross_validate
from chainrule.tabular.model import TableModel, as_table, misfit_notes
from chainrule.tabular.pipeline import Task, in_batches, open_table, train_table
from chainrule.tabular.prepare import ROLES, Overrides
from chainrule.tabular.recipe import recipe

_OF_THE_TABLE = {*ROLES, "embedding_size", "test_size", "split_by", "split_time", "cv", "random_state", "memory"}
_OF_THE_TABLE |= {"verbose"}
_OF_THE_TABLE |= {*LOSS_PARAMETERS, "loss", "class_weight", "log_target", "intervals"}


@dataclass(eq=False, repr=False)
class BaseTabular(BaseEstimator):
    """Base class of both estimators: parameters, reading, training, serialising."""

    _: KW_ONLY
    hidden_layer_sizes: int | Sequence[int] | None = None
    activation: Any = None
    solver: str | None = None
    alpha: float | None = None
    l1_ratio: float | None = None
    weight_decay: float | None = None
    dropout: float | Sequence[float] | None = None
    batch_size: int | str | None = None
    learning_rate: str | None = None
    learning_rate_init: float | None = None
    max_iter: int | None = None
    early_stopping: bool | None = None
    validation_fraction: float | None = None
    n_iter_no_change: int | None = None
    power_t: float | None = None
    tol: float | None = None
    shuffle: bool | None = None
    momentum: float | None = None
    nesterovs_momentum: bool | None = None
    beta_1: float | None = None
    beta_2: float | None = None
    epsilon: float | None = None
    rho: float | None = None
    max_fun: int | None = None
    alpha_scaling: str | None = None
    dropout_input: float | None = None
    warmup_steps: int | None = None
    clipnorm: float | None = None
    clipvalue: float | None = None
    kernel_initializer: Any = None
    bias_initializer: Any = None
    restore_best_weights: bool | None = None
    record_loss: bool | None = None
    on_divergence: str | None = None
    engine: str | None = None
    n_threads: int | None = None
    drop: Sequence[str | int] = ()
    categorical: Sequence[str | int] = ()
    numeric: Sequence[str | int] = ()
    ordinal: Sequence[str | int] = ()
    embedding_size: int | str | None = None
    test_size: float = 0.0
    split_by: str | int | None = None
    split_time: str | int | None = None
    cv: int | None = None
    random_state: Any = None
    memory: str | None = None
    verbose: bool = False

    _task: ClassVar[str]
    _by_name = True  # whether the target was a column of X; that of a loaded estimator was
    loss: Any

    @all_or_nothing
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Infer the roles of the columns, train a network, and compare it with the baselines.

        Parameters
        ----------
        X : data frame, array-like, path, SQL query, Arrow dataset or Dask data frame
            May hold numbers, texts, dates, truth values and missing values. It is read in batches if it does not fit
            into memory.
        y : str, int or sequence of them; or array-like of shape (n_samples,) or (n_samples, n_outputs)
            The column of X to predict, by name or position from 1; several for a regressor. If X is a frame or an
            array in memory, y may also be values.
        sample_weight : str, int or array-like of shape (n_samples,), optional
            The column of X with the weight of each row, by name or position from 1, which is then no feature; for a
            frame or an array in memory also values. A row of weight 0 is as good as absent. In all that is measured
            (the encoding, the loss, the baselines, the figures) a weight of k is k copies; but a row is held out as a
            whole, and mini-batches are of rows. So k copies are the same fit where no rows are held out
            (`early_stopping=False`) and all are in one step (`solver="lbfgs"`). Weights with a mean below 1 are first
            scaled up to 1.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            If a parameter is invalid; the message names the nearest valid value.
        TableError
            If a column or file does not exist, or no column is left to learn from.
        TargetError
            If the target cannot be learnt; the message says why.
        """
        self._by_name = _is_named(y, X)
        source, targets = self._with_target(X, y)
        source, weight = _with_weights(source, sample_weight, ReadOptions(numeric=tuple(self.numeric)))
        task = Task(
            source,
            targets,
            replace(self._overrides(), weight=weight),
            self._objective(),
            self.test_size,
            split_by=self.split_by,
            split_time=self.split_time,
            intervals=getattr(self, "intervals", None),
        )
        common: dict[str, Any] = {
            "seed": _seed(self.random_state),
            "memory": self.memory,
            "announce": (lambda *_: _Printing()) if self.verbose else None,
        }
        if self.cv is None:
            compare_on = "test" if self.test_size else "validation"
            trained, prepared = train_table(task, self._changes(), compare_on=compare_on, **common)
        else:
            trained, prepared = cross_validate(task, self._changes(), self.cv, **common)
        self._adopt(trained.model)
        self.schema_: Schema = prepared.schema
        if self._by_name:
            others = {*prepared.target.names, *prepared.asked.weights}
            self._learn_names([name for name in prepared.about.names if name not in others])
        if self.history_.stop_reason == StopReason.INTERRUPTED:
            warn(f"Training stopped early: {self.history_.stop_sentence}")
        return self

    def predict(self, X: Any) -> Array:
        """Predict every row: class labels, or numbers in the units of the target.

        Parameters
        ----------
        X : as for `fit`
            If the target was a column, columns in any order, others are ignored; a missing one raises TableError. If
            it was given as values, a frame must have the same columns in the same order, as elsewhere in scikit-learn.

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_outputs) for several targets
        """
        return self._fitted().decided(self._answers(X))

    def evaluate(self, X: Any) -> Figures:
        """Return the figures on a table that has the target column: accuracy, ROC AUC, ...; or RMSE, MAE, R², ...

        One that is undefined for these rows is None, such as the ROC AUC of rows of one class.
        """
        return self._judged(X, self._fitted().target.names)

    def _judged(self, X: Any, names: Sequence[str | int]) -> Figures:
        """Return the figures on a table, some of whose columns hold the target."""
        model = self._fitted()
        with self._opened(X) as batches:
            target = replace(model.target, names=batches.header.resolve(names))
            return replace(model, target=target).judge(batches).figures

    def _named_score(self, X: Any, y: Any, sample_weight: Any, figure: str) -> float:
        if sample_weight is not None:
            raise InvalidParameterError("sample_weight goes with values of y: give y as values, or no weights.")
        score = self._judged(X, y if isinstance(y, list | tuple) else [y])[figure]
        assert score is not None  # accuracy and R² are defined for any rows
        return score

    def _answers(self, X: Any) -> Array:
        """Return the probabilities or numbers that the network predicts for every row."""
        model = self._fitted()
        with self._opened(self._table(X, known=model.format)) as batches:
            return np.concatenate([model.answers_of(batch) for batch in batches])

    @contextmanager
    def _opened(self, table: Any) -> Iterator[Batches]:
        batched = in_batches(table, self.memory)
        known = self._fitted().format
        with open_table(table, batched=batched, budget=Budget.asked(self.memory), known=known) as batches:
            for note in misfit_notes(batches.header):
                warn(note)
            yield batches

    def to_dataset(self, X: Any, y: Any = None, sample_weight: Any = None) -> TrainingSet:
        """Return encoded rows with the target in the network's units; without y it is a column of X."""
        model = self._fitted()
        if y is None or _is_named(y, X):
            table = model.read(X)
        else:
            table = model.read(self._table(X, known=model.format))
            names = model.target.names
            values = self._target_columns(present(np.asarray(y)), "y")
            table = table.without([name for name in names if name in table.names])
            columns = (replace(column, name=name) for column, name in zip(values, names, strict=True))
            table = replace(table, columns=(*table.columns, *columns))
        rows = np.flatnonzero(~model.target.missing(table))
        Y = model.target.to_network(model.target.encode(table, rows))
        return TrainingSet(model.encoder.transform(table, rows), Y, sample_weight)

    @property
    def network_(self) -> TrainedNetwork:
        """The network behind the encoding of the table."""
        return self._fitted().network

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file, which `chainrule.load` and the command line take."""
        self._fitted()
        save(self, path)

    @property
    def figures_(self) -> dict[str, Figures]:
        """The figures of network and baselines on the test rows, else on the validation rows; with `cv` their means."""
        return dict(self._fitted().training.get("figures", {}))

    @property
    def findings_(self) -> list[str]:
        """What to know about the table: columns that give the target away, spellings, classes of few rows."""
        return [finding.text for finding in self._fitted().findings]

    @property
    def cross_validation_(self) -> dict[str, Any]:
        """With `cv`: the figures of all `folds`, their `mean`, and their standard deviation `std`."""
        training = self._fitted().training
        if "cross_validation" not in training:
            raise AttributeError("there was no cross-validation: set cv, such as cv=5, before fit.")
        return dict(training["cross_validation"])

    @property
    def baselines_(self) -> dict[str, Figures]:
        """The figures of the linear model, and of the class shares or the mean."""
        return {name: figures for name, figures in self.figures_.items() if name != "network"}

    def to_record(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return plain JSON data and tensors of the table model, for `chainrule.save`."""
        return self._fitted().to_record()

    @classmethod
    def of_model(cls, model: TableModel) -> Self:
        """Return the fitted estimator around a table model, with the settings that it was trained with."""
        record, names = model.training, set(cls._get_param_names())
        asked = {**_not_of_the_recipe(record), **record.get("columns", {}), "test_size": record.get("test_size", 0.0)}
        split = record.get("split", {})
        asked |= {"split_by": split.get("by"), "split_time": split.get("time")}
        if "cross_validation" in record:
            asked["cv"] = len(record["cross_validation"]["folds"])
        if "objective" in record:
            objective = Objective.from_dict(record["objective"])
            asked |= {"loss": objective.loss, "class_weight": objective.class_weight, **objective.parameters}
            asked |= {"log_target": objective.log_target}
        if model.intervals is not None:
            asked["intervals"] = model.intervals.coverage
        estimator = cls(**{name: _as_given(value) for name, value in asked.items() if name in names})
        estimator._adopt(model)
        if record:
            estimator.random_state = record["seed"]
        if "schema" in record:
            estimator.schema_ = Schema(tuple(ColumnPlan.from_dict(plan) for plan in record["schema"]))
            estimator._learn_names([plan.name for plan in estimator.schema_.plans if plan.role != "weight"])
        return estimator

    def _adopt(self, model: TableModel) -> None:
        self.model_ = model
        self.history_, self.n_iter_ = model.network.history, model.network.state.epoch

    def _learn_names(self, names: list[str]) -> None:
        self.feature_names_in_, self.n_features_in_ = np.array(names, object), len(names)

    @abstractmethod
    def _target_columns(self, y: Any, name: str) -> tuple[Column, ...]:
        """Convert values of the target to columns of a table."""

    def _with_target(self, X: Any, y: Any) -> tuple[Any, Sequence[str | int]]:
        """Return the table with its target, and the names of the target's columns."""
        if y is None:
            raise InvalidParameterError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        if self._by_name:
            names = list(y) if isinstance(y, list | tuple) else [y]
            return X if is_source(X) or hasattr(X, "columns") or isinstance(X, Mapping) else self._table(X), names
        if is_source(X) or isinstance(X, Table):
            raise InvalidParameterError(
                "with X as a path, a query or a table to be read, y is the name of its column, or a list of names; got "
                f"{type(y).__name__}."
            )
        table = self._table(X, reset=True)
        y = present(check_array(y, ensure_2d=False, dtype=None, ensure_all_finite=False, input_name="y"))
        check_consistent_length(np.empty(table.n_rows), y)
        if len(y) == 1:
            raise TargetError(
                "a table of one sample, n_samples = 1, has nothing to learn from: give at least two rows."
            )
        name = "y"
        while name in table.names:
            name = f"{name}_"
        columns = self._target_columns(y, name)
        return Table((*table.columns, *columns), table.source, format=table.format), [column.name for column in columns]

    def _table(self, X: Any, *, reset: bool = False, known: TableFormat | None = None) -> Any:
        """Convert X to a table; an array's columns are called x0, x1 and so on.

        If the target was given as values, a frame must have the same columns as in training, in the same order, as
        elsewhere in scikit-learn. If it was given as a column, a frame may have further columns, in any order, as for
        the command.
        """
        if issparse(X):
            raise TableError("X is sparse, which a table cannot be: use X.toarray(), or an MLP estimator.")
        if is_source(X) or isinstance(X, Table | Mapping):
            return X if not isinstance(X, Mapping) else from_frame(X, known=known)
        if hasattr(X, "columns"):
            if not self._by_name:
                validate_data(self, X, reset=reset, skip_check_array=True)
            return from_frame(X, known=known)
        X = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False)
        if X.dtype.kind == "c":
            raise TableError("Complex data not supported: X must hold real numbers, texts or dates.")
        if X.dtype.kind == "f" and np.isinf(X).any():
            raise TableError("Input X contains infinity or a value too large: mend it, or leave it out as missing.")
        return from_frame({f"x{place}": X[:, place] for place in range(X.shape[1])}, known=known)

    def _overrides(self) -> Overrides:
        columns: dict[str, Any] = {name: tuple(getattr(self, name)) for name in ROLES}
        return Overrides(**columns, task=self._task, embedding_size=self.embedding_size)

    def _objective(self) -> Objective:
        given = {name: getattr(self, name, None) for name in LOSS_PARAMETERS}
        parameters = {name: value for name, value in given.items() if value is not None}
        log_target = getattr(self, "log_target", False)
        return Objective(self.loss, parameters, getattr(self, "class_weight", None), log_target)

    def _changes(self) -> dict[str, Any]:
        """Return the given settings of the network, under the names of `Settings`."""
        given = {name: getattr(self, name) for name in self.get_params(deep=False) if name not in _OF_THE_TABLE}
        return {name: value for name, value in given.items() if value is not None}

    def _fitted(self) -> TableModel:
        if not hasattr(self, "model_"):
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments first."
            )
        return self.model_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        tags.target_tags.required = True
        return tags


@documented
@dataclass(eq=False, repr=False)
class TabularClassifier(ClassifierMixin, BaseTabular):
    """Classifier for raw tables: `chainrule train` as a scikit-learn estimator.

    Parameters
    ----------
    {table}

    Attributes
    ----------
    {table_attributes}

    Examples
    --------
    >>> table = {"size": [1.0, 2.5, None, 4.0] * 25, "colour": ["red", "red", "blue", "blue"] * 25}
    >>> clf = TabularClassifier(hidden_layer_sizes=(8,), max_iter=30, random_state=0)
    >>> clf = clf.fit(table, ["a", "a", "b", "b"] * 25)
    >>> clf.predict({"size": [1.0, 4.0], "colour": ["red", "blue"]}).tolist()
    ['a', 'b']
    """

    _: KW_ONLY
    loss: str | None = None
    label_smoothing: float | None = None
    gamma: float | None = None
    class_weight: Any = None
    _task = "classification"

    def predict(self, X: Any, threshold: str | float | None = None) -> Array:
        """Predict the class of every row.

        Parameters
        ----------
        X : as for `fit`
            If the target was a column, columns in any order, others are ignored; a missing one raises TableError. If
            it was given as values, a frame must have the same columns in the same order, as elsewhere in scikit-learn.
        threshold : float or str, optional
            For two classes: `classes_[1]` is predicted if its probability is at least this number; or "f1",
            "recall=0.9" or "cost=FP:FN" (such as "cost=1:5"), which choose the number by the validation rows of the
            training. By default the more probable class is predicted.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        model = self._fitted()
        limit = None if threshold is None else model.threshold(threshold).threshold
        return model.decided(self._answers(X), limit)

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class (column, in the order of `classes_`) for each row."""
        return self._answers(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; y is labels, or names a column of X."""
        if _is_named(y, X):
            return self._named_score(X, y, sample_weight, "accuracy")
        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))

    def _target_columns(self, y: Any, name: str) -> tuple[Column, ...]:
        check_one_kind(y)
        check_classification_targets(y)
        return (level_column(name, column_or_1d(y, warn=True)),)

    def _adopt(self, model: TableModel) -> None:
        super()._adopt(model)
        self.classes_ = np.array(model.target.classes)


@documented
@dataclass(eq=False, repr=False)
class TabularRegressor(RegressorMixin, BaseTabular):
    """Regressor for raw tables: `chainrule train` as a scikit-learn estimator.

    Parameters
    ----------
    {table}

    Attributes
    ----------
    {table_attributes}

    Examples
    --------
    >>> table = {"size": np.linspace(-2, 2, 200), "day": np.arange("2024-01-01", 200, dtype="datetime64[D]")}
    >>> reg = TabularRegressor(hidden_layer_sizes=(16,), max_iter=60, random_state=0).fit(table, 3 * table["size"])
    >>> bool(reg.score(table, 3 * table["size"]) > 0.95)
    True
    """

    _: KW_ONLY
    loss: str | None = None
    delta: float | None = None
    quantile: float | None = None
    power: float | None = None
    log_target: bool = False
    intervals: float | None = None
    _task = "regression"

    def predict_interval(self, X: Any) -> Array:
        """Return the lower and upper end for every row, which cover the share `intervals` of new rows.

        These are split-conformal intervals (`MLPRegressor.predict_interval`), measured on the validation rows. As these
        also decide when training stops, the coverage is a little lower than asked for, the less so the more they are.

        Returns
        -------
        ndarray of shape (n_samples, 2), or (n_samples, n_outputs, 2) for several targets

        Raises
        ------
        InvalidParameterError
            If the estimator was fitted without `intervals`.
        """
        model = self._fitted()
        with self._opened(self._table(X, known=model.format)) as batches:
            return np.concatenate([model.predict_interval(batch) for batch in batches])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R²; y is numbers, or names columns of X."""
        if _is_named(y, X):
            return self._named_score(X, y, sample_weight, "r2")
        return float(r2_score(y, self.predict(X), sample_weight=sample_weight))

    def _target_columns(self, y: Any, name: str) -> tuple[Column, ...]:
        if y.ndim == 1 or y.shape[1] == 1:
            return (number_column(name, column_or_1d(y, warn=True)),)
        return tuple(number_column(f"{name}{place}", y[:, place]) for place in range(y.shape[1]))


class _Printing:
    """Prints the loss of every epoch."""

    def on_segment(self, progress: Progress) -> None:
        """Do nothing within an epoch."""

    def on_epoch(self, progress: Progress) -> None:
        """Print the losses of the epoch."""
        print_epoch(progress)

    def on_compare(self) -> None:
        """Do nothing before the linear model is trained."""


def _is_named(y: Any, X: Any) -> bool:
    """Say whether the target is given by name or position of its column, or by several names."""
    if isinstance(y, str | int) and not isinstance(y, bool):
        return True
    if not isinstance(y, list | tuple) or not y or not all(isinstance(key, str) for key in y):
        return False
    if is_source(X):
        return True
    names = X if isinstance(X, Mapping) else X.names if isinstance(X, Table) else getattr(X, "columns", ())
    return len({*y}) == len(y) and {*y} <= {*names}  # else it is a list of labels


def _with_weights(source: Any, sample_weight: Any, options: ReadOptions) -> tuple[Any, str | None]:
    """Return the table with its weights, and the column that holds them."""
    if sample_weight is None:
        return source, None
    if isinstance(sample_weight, str | int) and not isinstance(sample_weight, bool):
        return source, str(sample_weight)
    if is_source(source):
        raise InvalidParameterError(
            "with X as a path, a query or a table to be read, sample_weight is the name of its column; got "
            f"{type(sample_weight).__name__}."
        )
    table = as_table(source, options=options)
    weights = checked_weights(sample_weight, np.empty(table.n_rows))
    assert weights is not None
    name = "sample_weight"
    while name in table.names:
        name = f"{name}_"
    return replace(table, columns=(*table.columns, number_column(name, weights))), name


def estimator_of(model: TableModel) -> TabularClassifier | TabularRegressor:
    """Return the fitted estimator around a table model."""
    return (TabularClassifier if model.target.task == "classification" else TabularRegressor).of_model(model)


def _not_of_the_recipe(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded settings that are not those which the recipe has for so many rows."""
    settings = {name: _as_given(value) for name, value in record.get("settings", {}).items()}
    rows = record.get("rows", 1)
    decisive = {name: settings[name] for name in ("solver", "hidden_layer_sizes") if name in settings}
    plain, chosen = recipe(rows), recipe(rows, **decisive)
    return {
        name: value for name, value in settings.items() if value != getattr(plain if name in decisive else chosen, name)
    }


def _as_given(value: Any) -> Any:
    """Turn a list, which JSON makes of a tuple, back into a tuple."""
    return tuple(value) if isinstance(value, list) else value


def _seed(random_state: Any) -> int:
    """Return a number as the seed, as the command does; draw one from a generator."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
