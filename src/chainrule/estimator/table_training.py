"""From a raw table to a `TableModel`: understand, split, encode, train, and compare with two baselines."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule import __version__
from chainrule._errors import TableError, TargetError
from chainrule.estimator.building import architecture_of, batch_size_of
from chainrule.estimator.fitting import Fitted, ValidationSet, fit_network
from chainrule.estimator.settings import Settings, check_parameters
from chainrule.estimator.table_model import TableModel
from chainrule.estimator.training_set import TrainingSet, split
from chainrule.network.architecture import Architecture
from chainrule.network.history import History, StopReason
from chainrule.network.losses import Loss, loss
from chainrule.network.progress import Hook
from chainrule.network.types import Array
from chainrule.report import classification_figures, regression_figures
from chainrule.table import Encoder, Schema, Table, Target, train_test_split, understand, understand_target


@dataclass(frozen=True)
class Overrides:
    """What the user says about columns, against what is inferred."""

    drop: Sequence[str] = ()
    categorical: Sequence[str] = ()
    numeric: Sequence[str] = ()
    ordinal: Sequence[str] = ()
    task: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Understood(ABC):
    """What a table was found to be: all there is to show before training."""

    schema: Schema
    target: Target
    encoder: Encoder
    notes: tuple[str, ...] = ()
    dropped_rows: int = 0

    @property
    @abstractmethod
    def m(self) -> int:
        """How many rows there are to train on, those to be held out to stop early among them."""

    @property
    @abstractmethod
    def m_test(self) -> int:
        """How many rows there are to test on."""


@dataclass(frozen=True, kw_only=True)
class Prepared(Understood):
    """A table understood, split and encoded.

    `X`, `y` and `X_test`, `y_test` are encoded rows with class codes (m,) or numbers (m, k) in the table's units;
    `rows` and `test_rows` are their places in their tables.
    """

    X: Array
    y: Array
    X_test: Array
    y_test: Array
    rows: Array
    test_rows: Array

    @property
    def m(self) -> int:
        """How many rows there are to train on."""
        return len(self.y)

    @property
    def m_test(self) -> int:
        """How many rows there are to test on."""
        return len(self.y_test)


@dataclass(frozen=True)
class Trained:
    """The model, and its figures on the test rows beside those of the baselines."""

    model: TableModel
    fitted: Fitted
    figures: dict[str, dict[str, float]] = field(default_factory=dict)


def prepare(
    table: Table,
    targets: Sequence[str | int],
    *,
    overrides: Overrides | None = None,
    test_fraction: float = 0.2,
    test_table: Table | None = None,
    strict: bool = False,
    seed: int = 0,
) -> Prepared:
    """Understand, split and encode a table.

    Parameters
    ----------
    table : Table
    targets : sequence of str or int
        The columns to predict, by name or number.
    overrides : Overrides, optional
    test_fraction : float, default 0.2
        The share of rows to test on, unless `test_table` is given; 0 for no test.
    test_table : Table, optional
    strict : bool, default False
        Raise where rows lack a target value, instead of leaving them out.
    seed : int, default 0
        Of the split.

    Raises
    ------
    TableError, TargetError, InvalidParameterError
    """
    asked = overrides or Overrides()
    target = understand_target(table, targets, asked.task)
    schema = understand(
        table,
        targets=target.names,
        drop=asked.drop,
        categorical=asked.categorical,
        numeric=asked.numeric,
        ordinal=asked.ordinal,
    )
    if not schema.used:
        raise TableError("no column is left to learn from: every one is the target, constant, or dropped.")
    rows, n_missing = _rows_with_target(table, target, strict)
    test_source = test_table or table
    test_rows = np.empty(0, np.intp)
    if test_table is not None:
        test_rows, n_missing_test = _rows_with_target(test_table, target, strict)
        n_missing += n_missing_test
    elif test_fraction:
        strata = target.encode(table, rows) if target.task == "classification" else None
        inside, outside = train_test_split(table.row_keys()[rows], test_fraction, seed, strata)
        rows, test_rows = rows[inside], rows[outside]
    target = target.fit(table, rows)
    encoder = Encoder.fit(table, schema, rows)
    return Prepared(
        schema=schema,
        target=target,
        encoder=encoder,
        X=encoder.transform(table, rows),
        y=target.encode(table, rows),
        X_test=encoder.transform(test_source, test_rows),
        y_test=target.encode(test_source, test_rows),
        rows=rows,
        test_rows=test_rows,
        notes=() if test_table is None else target.notes(test_table),
        dropped_rows=n_missing,
    )


def _rows_with_target(table: Table, target: Target, strict: bool) -> tuple[Array, int]:
    missing = target.missing(table)
    if missing.all():
        raise TargetError(f"every row of {table.source} lacks a value of {', '.join(target.names)}.")
    check_complete(target.names, int(missing.sum()) if strict else 0)
    return np.flatnonzero(~missing), int(missing.sum())


def check_complete(names: Sequence[str], missing: int) -> None:
    """Refuse rows without a target value."""
    if missing:
        raise TargetError(f"{missing:,} rows lack a value of {', '.join(names)}. Mend them, or leave out --strict.")


def train(
    prepared: Prepared,
    settings: Settings,
    *,
    seed: int = 0,
    on_segment: Hook | None = None,
    on_epoch: Hook | None = None,
    on_compare: Callable[[], None] | None = None,
) -> Trained:
    """Train the network, and compare it with the trivial answer and the linear model on the test rows.

    Parameters
    ----------
    prepared : Prepared
    settings : Settings
    seed : int, default 0
    on_segment, on_epoch : callable, optional
        Called with the progress of the network's training.
    on_compare : callable, optional
        Called before the linear model is trained.

    Raises
    ------
    DivergenceError, InvalidParameterError, TargetError
    """
    check_parameters(settings, list(vars(settings)))
    began = time.perf_counter()
    fitted = _fit(prepared, settings, seed, on_segment, on_epoch)
    seconds = time.perf_counter() - began
    model = table_model(prepared, fitted, {})
    figures = {}
    if len(prepared.y_test):
        figures["network"] = model.figures(prepared.X_test, prepared.y_test)
        if on_compare is not None:
            on_compare()
        linear = _fit(prepared, linear_settings(settings, fitted.history), seed)
        figures["linear model"] = table_model(prepared, linear, {}).figures(prepared.X_test, prepared.y_test)
        figures["trivial answer"] = _trivial_figures(prepared)
    record = training_record(prepared, settings, seed, seconds, fitted.history) | {"figures": figures}
    return Trained(table_model(prepared, fitted, record), fitted, figures)


def training_record(
    understood: Understood, settings: Settings, seed: int, seconds: float, history: History
) -> dict[str, Any]:
    """What a model file says about its training."""
    return {
        "chainrule": __version__,
        "rows": understood.m,
        "test_rows": understood.m_test,
        "seed": seed,
        "seconds": seconds,
        "settings": {name: value for name, value in vars(settings).items() if value != getattr(Settings(), name)},
        "history": history.to_dict(),
    }


def _fit(
    prepared: Prepared,
    settings: Settings,
    seed: int,
    on_segment: Hook | None = None,
    on_epoch: Hook | None = None,
) -> Fitted:
    target, y = prepared.target, prepared.y
    Y, strata = network_targets(target, y), None if target.task == "regression" else y
    table, held_out = split(settings, TrainingSet(prepared.X, Y, strata=strata), seed)
    return fit_network(
        settings,
        table,
        loss_of(target),
        seed=seed,
        validation=None if held_out is None else ValidationSet(held_out),
        on_segment=on_segment,
        on_epoch=on_epoch,
    )


def network_targets(target: Target, y: Array) -> Array:
    """What the network learns, of shape (m, n[L]): 0/1 or one-hot columns, or numbers in standard deviations."""
    if target.task == "regression":
        return target.standardise(y)
    return (y == 1)[:, None] if n_outputs(target) == 1 else y[:, None] == np.arange(len(target.classes))


def n_outputs(target: Target) -> int:
    """How many outputs the network has: two classes share one."""
    if target.task == "regression":
        return len(target.names)
    return 1 if len(target.classes) == 2 else len(target.classes)


def loss_of(target: Target) -> Loss:
    """The loss that fits the target."""
    if target.task == "regression":
        return loss("squared_error")
    return loss("binary_cross_entropy" if len(target.classes) == 2 else "categorical_cross_entropy")


def architecture(understood: Understood, settings: Settings) -> Architecture:
    """The network that `train` would train."""
    target, batch_size = understood.target, batch_size_of(settings, understood.m)
    inputs = len(understood.encoder.feature_names)
    return architecture_of(settings, inputs, n_outputs(target), loss_of(target), batch_size)


def table_model(understood: Understood, fitted: Fitted, record: dict[str, Any]) -> TableModel:
    """Put the trained network behind the encoding of its table."""
    return TableModel(understood.encoder, understood.target, fitted.architecture, fitted.state.parameters, record)


def linear_settings(settings: Settings, history: History) -> Settings:
    """The same training without hidden layers: f(x) = wᵀx + b. It ends soon after Ctrl-C, and never by raising late."""
    changed = {"hidden_layer_sizes": (), "activation": "relu", "dropout": 0.0, "dropout_input": 0.0, "verbose": False}
    changed |= {"kernel_initializer": "zeros", "on_divergence": "warn"}
    if history.stop_reason == StopReason.INTERRUPTED:
        changed["max_iter"] = max(1, len(history.columns.get("epoch", [])))
    return Settings(**(vars(settings) | changed))


def _trivial_figures(prepared: Prepared) -> dict[str, float]:
    """Always say what the training rows say on average: the classes' shares, or the mean."""
    target, m = prepared.target, len(prepared.y_test)
    if target.task == "regression":
        return regression_figures(prepared.y_test, np.tile(prepared.y.mean(axis=0), (m, 1)))
    shares = np.bincount(prepared.y, minlength=len(target.classes)) / len(prepared.y)
    return classification_figures(prepared.y_test, np.tile(shares, (m, 1)))
