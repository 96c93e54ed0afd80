"""From a raw table to a `TableModel`: infer_schema, split, encode, train, and compare with two baselines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from chainrule._errors import TableError, TargetError
from chainrule.distributed.distribution import Distribution
from chainrule.fit.dataset import TrainingSet, split
from chainrule.fit.fit_network import ValidationSet, fit_network
from chainrule.fit.parameters import Settings, check_parameters
from chainrule.fit.trained_network import TrainedNetwork
from chainrule.metrics import classification_figures, regression_figures
from chainrule.network.training.hooks import Hook
from chainrule.network.types import Array
from chainrule.table import Encoder, Table, Target, infer_schema, infer_target, train_test_split
from chainrule.tabular.task import (
    Overrides,
    Trained,
    Understood,
    check_complete,
    linear_settings,
    loss_of,
    network_targets,
    table_model,
    training_record,
)


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
    target = infer_target(table, targets, asked.task)
    schema = infer_schema(
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
        keys = table.select(plan.name for plan in schema.used).row_keys()[rows]
        strata = target.strata(target.encode(table, rows))
        inside, outside = train_test_split(len(rows), test_fraction, seed, keys=keys, **strata)
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


def _fit(
    prepared: Prepared,
    settings: Settings,
    seed: int,
    on_segment: Hook | None = None,
    on_epoch: Hook | None = None,
    distribution: Distribution | None = None,
) -> TrainedNetwork:
    target, y = prepared.target, prepared.y
    Y, strata = network_targets(target, y), None if target.task == "regression" else y
    table, held_out = split(settings, TrainingSet(prepared.X, Y, strata=strata), seed)
    return fit_network(
        settings,
        table,
        loss_of(target),
        seed=seed,
        validation=None if held_out is None else ValidationSet(held_out),
        attach=lambda training, _: replace(training, on_segment=on_segment, on_epoch=on_epoch),
        distribution=distribution,
    )


def _trivial_figures(prepared: Prepared) -> dict[str, float]:
    """Always say what the training rows say on average: the classes' shares, or the mean."""
    target, m = prepared.target, len(prepared.y_test)
    if target.task == "regression":
        return regression_figures(prepared.y_test, np.tile(prepared.y.mean(axis=0), (m, 1)))
    shares = np.bincount(prepared.y, minlength=len(target.classes)) / len(prepared.y)
    return classification_figures(prepared.y_test, np.tile(shares, (m, 1)))
