"""From a raw table to a `TableModel`: understand, split, encode, train, and compare with two baselines."""

from __future__ import annotations

import time
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
from chainrule.scale.distribution import Distribution
from chainrule.table import Encoder, Schema, Table, Target, train_test_split, understand, understand_target


@dataclass(frozen=True)
class Overrides:
    """What the user says about columns, against what is inferred."""

    drop: Sequence[str] = ()
    categorical: Sequence[str] = ()
    numeric: Sequence[str] = ()
    ordinal: Sequence[str] = ()
    task: str = "auto"


@dataclass(frozen=True)
class Prepared:
    """A table understood, split and encoded: all there is to show before training.

    `X`, `y` and `X_test`, `y_test` are encoded rows with class codes (m,) or numbers (m, k) in the table's units;
    `rows` and `test_rows` are their places in their tables.
    """

    schema: Schema
    target: Target
    encoder: Encoder
    X: Array
    y: Array
    X_test: Array
    y_test: Array
    rows: Array
    test_rows: Array
    notes: tuple[str, ...] = ()
    dropped_rows: int = 0


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
        schema,
        target,
        encoder,
        encoder.transform(table, rows),
        target.encode(table, rows),
        encoder.transform(test_source, test_rows),
        target.encode(test_source, test_rows),
        rows,
        test_rows,
        () if test_table is None else target.notes(test_table),
        n_missing,
    )


def _rows_with_target(table: Table, target: Target, strict: bool) -> tuple[Array, int]:
    missing = target.missing(table)
    if missing.all():
        raise TargetError(f"every row of {table.source} lacks a value of {', '.join(target.names)}.")
    if strict and missing.any():
        raise TargetError(
            f"{missing.sum():,} rows lack a value of {', '.join(target.names)}. Mend them, or leave out --strict."
        )
    return np.flatnonzero(~missing), int(missing.sum())


def train(
    prepared: Prepared,
    settings: Settings,
    *,
    seed: int = 0,
    on_segment: Hook | None = None,
    on_epoch: Hook | None = None,
    on_compare: Callable[[], None] | None = None,
    distribution: Distribution | None = None,
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
    distribution : Distribution, optional
        Where to train the network, if not in memory here.

    Raises
    ------
    DivergenceError, InvalidParameterError, TargetError
    """
    check_parameters(settings, list(vars(settings)))
    began = time.perf_counter()
    fitted = _fit(prepared, settings, seed, on_segment, on_epoch, distribution)
    seconds = time.perf_counter() - began
    model = _model(prepared, fitted, {})
    figures = {}
    if len(prepared.y_test):
        figures["network"] = model.figures(prepared.X_test, prepared.y_test)
        if on_compare is not None:
            on_compare()
        linear = _fit(prepared, _linear(settings, fitted.history), seed)
        figures["linear model"] = _model(prepared, linear, {}).figures(prepared.X_test, prepared.y_test)
        figures["trivial answer"] = _trivial_figures(prepared)
    record = {
        "chainrule": __version__,
        "rows": len(prepared.y),
        "test_rows": len(prepared.y_test),
        "seed": seed,
        "seconds": seconds,
        "settings": {name: value for name, value in vars(settings).items() if value != getattr(Settings(), name)},
        "history": fitted.history.to_dict(),
        "figures": figures,
    }
    return Trained(_model(prepared, fitted, record), fitted, figures)


def _fit(
    prepared: Prepared,
    settings: Settings,
    seed: int,
    on_segment: Hook | None = None,
    on_epoch: Hook | None = None,
    distribution: Distribution | None = None,
) -> Fitted:
    Y, strata = _targets(prepared)
    table, held_out = split(settings, TrainingSet(prepared.X, Y, strata=strata), seed)
    return fit_network(
        settings,
        table,
        _loss(prepared.target),
        seed=seed,
        validation=None if held_out is None else ValidationSet(held_out),
        on_segment=on_segment,
        on_epoch=on_epoch,
        distribution=distribution,
    )


def _targets(prepared: Prepared) -> tuple[Array, Array | None]:
    """What the network learns: 0/1 or one-hot columns, or numbers in standard deviations."""
    target, y = prepared.target, prepared.y
    if target.task == "regression":
        return target.standardise(y), None
    if len(target.classes) == 2:
        return (y == 1)[:, None], y
    return y[:, None] == np.arange(len(target.classes)), y


def _loss(target: Target) -> Loss:
    if target.task == "regression":
        return loss("squared_error")
    return loss("binary_cross_entropy" if len(target.classes) == 2 else "categorical_cross_entropy")


def architecture(prepared: Prepared, settings: Settings) -> Architecture:
    """The network that `train` would train."""
    Y, _ = _targets(prepared)
    batch_size = batch_size_of(settings, len(Y))
    return architecture_of(settings, prepared.X.shape[1], Y.shape[1], _loss(prepared.target), batch_size)


def _model(prepared: Prepared, fitted: Fitted, record: dict[str, Any]) -> TableModel:
    return TableModel(prepared.encoder, prepared.target, fitted.architecture, fitted.state.parameters, record)


def _linear(settings: Settings, history: History) -> Settings:
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
