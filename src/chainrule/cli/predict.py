"""`chainrule predict`: one row of output for every row of the table, in order."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from chainrule.cli.guard import guarded

if TYPE_CHECKING:
    from chainrule.estimator.table_model import TableModel
    from chainrule.network.types import Array
    from chainrule.table import Table


@click.command()
@click.argument("model")
@click.argument("table")
@click.option("--output", "-o", help="A .csv, .tsv, .json or .parquet file; CSV to standard output by default.")
@click.option("--keep", is_flag=True, help="Put the table's own columns before the predictions.")
@guarded
def predict(model: str, table: str, output: str | None, keep: bool) -> None:
    """Predict every row of TABLE with the saved MODEL, in order.

    Writes the column `prediction`, and for classes `p_<class>` for each. The table's columns may be in another order,
    with others among them; a missing column is an error.
    """
    from chainrule.estimator.table_model import as_table
    from chainrule.table.write import write_columns

    loaded = table_model(model)
    rows = as_table(table)
    columns = list(_kept(rows)) if keep else []
    columns += _predictions(loaded, rows)
    write_columns(_named_apart(columns), output or sys.stdout.buffer)


def table_model(path: str) -> TableModel:
    """Load a model that predicts from tables.

    Raises
    ------
    ModelFileError
        If the file holds an estimator, which knows no columns.
    """
    from chainrule._errors import ModelFileError
    from chainrule.estimator.table_model import TableModel
    from chainrule.storage import load

    model = load(path)
    if not isinstance(model, TableModel):
        raise ModelFileError(
            f"{path} holds a {type(model).__name__}, which knows no table columns. Use it from Python: chainrule.load."
        )
    return model


def _predictions(model: TableModel, table: Table) -> Iterator[tuple[str, Array]]:
    import numpy as np

    if model.target.task == "classification":
        probabilities = model.predict_proba(table)
        yield "prediction", np.array(model.target.classes)[probabilities.argmax(axis=1)]
        yield from ((f"p_{name}", probabilities[:, k]) for k, name in enumerate(model.target.classes))
        return
    values = model.predict(table)
    if values.ndim == 1:
        yield "prediction", values
    else:
        yield from ((f"prediction_{name}", values[:, k]) for k, name in enumerate(model.target.names))


def _kept(table: Table) -> Iterator[tuple[str, Array]]:
    from chainrule.table.write import plain_values

    return ((column.name, plain_values(column)) for column in table.columns)


def _named_apart(columns: Iterable[tuple[str, Array]]) -> dict[str, Array]:
    """Add a `_` to each name that is taken already; case does not tell names apart, as in SQL."""
    named: dict[str, Array] = {}
    taken: set[str] = set()
    for name, values in columns:
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        named[name] = values
    return named
