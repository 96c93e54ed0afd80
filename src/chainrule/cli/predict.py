"""`chainrule predict`: predict every row of a table, in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from chainrule.cli.guard import guarded
from chainrule.cli.terminal import one_line, say, standard_output

if TYPE_CHECKING:
    from chainrule.network.types import Array
    from chainrule.table import Column, Table
    from chainrule.tabular.findings.drift import Drift
    from chainrule.tabular.model import TableModel

THRESHOLD = (
    "Predict the second of two classes if its probability is at least this; or f1, recall=0.9 or cost=FP:FN, such as "
    "cost=1:5, to choose it by the validation rows of the training."
)


@click.command()
@click.argument("model")
@click.argument("table")
@click.option(
    "--output",
    "-o",
    help="A .csv, .tsv, .csv.gz, .tsv.gz, .json, .jsonl or .parquet file; by default, or -, CSV to standard output.",
)
@click.option("--keep", is_flag=True, help="Put the table's own columns before the predictions.")
@click.option("--threshold", help=THRESHOLD)
@click.option(
    "--safe-for-spreadsheets",
    "safe",
    is_flag=True,
    help="Write texts that begin with = + - @ or a control character with an apostrophe, so that no spreadsheet runs "
    "them as formulas; numbers stay numbers. For CSV and TSV.",
)
@click.option("--memory", help="Memory limit, such as 2GB; by default a quarter of the machine's.")
@guarded
def predict(
    model: str, table: str, output: str | None, keep: bool, threshold: str | None, safe: bool, memory: str | None
) -> None:
    """Predict every row of TABLE with the saved MODEL, in order.

    Writes the column `prediction`; for a classifier also the probability `p_<class>` of each class, for a model trained
    with --intervals also `lower` and `upper`. The table's columns may be in any order, and others are ignored; a
    missing column is an error. TABLE may be -, standard input.
    """
    from chainrule.cli.reading import opened
    from chainrule.table.batches import OneBatch
    from chainrule.table.reading.foreign.standard_input import stored_input
    from chainrule.table.reading.inputs import check_outputs
    from chainrule.table.writing.write import check_destination, write_columns
    from chainrule.table.writing.write_batches import write_batches
    from chainrule.tabular.findings.finding import shown

    output = None if output == "-" else output
    if output is not None:
        check_destination(output)
        check_outputs({"--output": [output]}, [table], model)
    if safe:
        _check_for_spreadsheets(output)
    loaded, destination = table_model(model), output or standard_output()
    limit = None if threshold is None else said_threshold(loaded, threshold)
    with stored_input(table) as stored, opened(stored, memory, "predicting", loaded.format) as batches:
        drift = loaded.drift()
        columns = (_output(loaded, batch, keep, limit, drift, safe) for batch in batches)
        if isinstance(batches, OneBatch):
            write_columns(next(columns), destination)
        else:
            write_batches(columns, destination)
    for line in shown(drift.findings()):
        say(line, err=True)


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


def said_threshold(model: TableModel, asked: str) -> float:
    """Return the threshold that is asked for; say on standard error which one a rule chose."""
    threshold, reason = model.threshold(asked)
    if reason:
        say(f"threshold {threshold:.4g} for p_{one_line(model.target.classes[1])}: {reason}", err=True)
    return threshold


def _check_for_spreadsheets(output: str | None) -> None:
    from chainrule._errors import InvalidParameterError

    if output is not None and not output.lower().removesuffix(".gz").endswith((".csv", ".tsv")):
        raise InvalidParameterError(
            f"--safe-for-spreadsheets is for .csv and .tsv files, in which a text may be a formula; got {output}."
        )


def _output(
    model: TableModel, table: Table, keep: bool, threshold: float | None, drift: Drift, safe: bool
) -> dict[str, Column | Array]:
    """Return the columns to write: the table's own, if `keep`, and the predictions; compare the table with training."""
    from chainrule.table.writing.spreadsheets import as_text, safe_column

    own = ((column.name, column) for column in table.columns if keep)
    columns: list[tuple[str, Column | Array]] = [*own, *model.predictions(table, threshold)]
    drift.add(table)
    return _named_apart([(as_text(name), safe_column(values)) for name, values in columns] if safe else columns)


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
