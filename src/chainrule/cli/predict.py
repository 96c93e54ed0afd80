"""`chainrule predict`: predict every row of a table, in order."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from chainrule.cli.guard import guarded

if TYPE_CHECKING:
    from chainrule.network.types import Array
    from chainrule.table import Column, Table
    from chainrule.tabular.model import TableModel


@click.command()
@click.argument("model")
@click.argument("table")
@click.option(
    "--output",
    "-o",
    help="A .csv, .tsv, .csv.gz, .tsv.gz, .json, .jsonl or .parquet file; by default, or -, CSV to standard output.",
)
@click.option("--keep", is_flag=True, help="Put the table's own columns before the predictions.")
@click.option("--memory", help="Memory limit, such as 2GB; by default a quarter of the machine's.")
@guarded
def predict(model: str, table: str, output: str | None, keep: bool, memory: str | None) -> None:
    """Predict every row of TABLE with the saved MODEL, in order.

    Writes the column `prediction`, and for a classifier the probability `p_<class>` of each class. The table's columns
    may be in any order, and others are ignored; a missing column is an error. TABLE may be -, standard input.
    """
    from chainrule.cli.reading import opened
    from chainrule.table.batches import OneBatch
    from chainrule.table.reading.foreign.standard_input import stored_input
    from chainrule.table.reading.inputs import check_outputs
    from chainrule.table.writing.write import check_destination, write_columns
    from chainrule.table.writing.write_batches import write_batches

    output = None if output == "-" else output
    if output is not None:
        check_destination(output)
        check_outputs({"--output": [output]}, [table], model)
    loaded, destination = table_model(model), output or sys.stdout.buffer
    with stored_input(table) as stored, opened(stored, memory, "predicting", loaded.format) as batches:
        columns = (_output(loaded, batch, keep) for batch in batches)
        if isinstance(batches, OneBatch):
            write_columns(next(columns), destination)
        else:
            write_batches(columns, destination)


def table_model(path: str) -> TableModel:
    """Load a model that predicts from tables.

    Raises
    ------
    ModelFileError
        If the file holds an estimator, which does not know table columns.
    """
    from chainrule._errors import ModelFileError
    from chainrule.storage.models import load_model
    from chainrule.tabular.model import TableModel

    model = load_model(path)
    if not isinstance(model, TableModel):
        raise ModelFileError(
            f"{path} holds a {type(model).__name__}, which knows no table columns. Use it from Python: chainrule.load."
        )
    return model


def _output(model: TableModel, table: Table, keep: bool) -> dict[str, Column | Array]:
    """Return the columns to write: the table's own, if `keep`, and the predictions."""
    own = ((column.name, column) for column in table.columns if keep)
    return _named_apart([*own, *model.predictions(table)])


def _named_apart(columns: Iterable[tuple[str, Column | Array]]) -> dict[str, Column | Array]:
    """Append `_` to each name that is already taken; as in SQL, names that differ only by case are the same."""
    named: dict[str, Column | Array] = {}
    taken: set[str] = set()
    for name, values in columns:
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        named[name] = values
    return named
