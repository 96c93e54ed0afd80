"""`chainrule train`: train, test and save a network from a table."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from chainrule.cli.guard import guarded, names
from chainrule.cli.interruptions import of_an_mpi_job
from chainrule.cli.read_options import given_read_options, read_options
from chainrule.cli.terminal import one_line, say

if TYPE_CHECKING:
    from chainrule.cli.progress import Reading, Reporter
    from chainrule.distributed.distribution import Distribution
    from chainrule.fit.parameters import Settings
    from chainrule.tabular.prepare import PreparedTable


@click.command()
@click.argument("table")
@click.option(
    "--target", "-t", multiple=True, help="Column to predict, by name or position; repeat it for several numbers."
)
@click.option("--model", "-m", default="model.safetensors", show_default=True, help="File to save the model to.")
@click.option(
    "--test", default=0.2, show_default=True, type=click.FloatRange(0, 1, max_open=True), help="Share of test rows."
)
@click.option("--test-table", help="Another table to test on, instead of a share of this one.")
@click.option("--split-by", help="Column of groups, such as a patient: its rows are not split up. It is no feature.")
@click.option(
    "--split-time", help="Column of dates or numbers: the last rows are tested on, the ones before stop early."
)
@click.option("--cv", type=click.IntRange(2), help="Test on each of this many folds; then train on all rows.")
@click.option(
    "--task",
    type=click.Choice(["auto", "classification", "regression"]),
    default="auto",
    show_default=True,
    help="Whether to predict classes or numbers; inferred by default.",
)
@click.option("--drop", multiple=True, help="Columns to leave out.")
@click.option("--categorical", multiple=True, help="Columns to take as categories.")
@click.option("--numeric", multiple=True, help="Columns to take as numbers.")
@click.option("--ordinal", multiple=True, help="Columns to take as ordered, with the order if need be: 'size=S<M<L'.")
@click.option("--weight", help="Column with the weight of each row; 0 leaves a row out, 2 counts it twice.")
@read_options
@click.option("--embedding-size", help="Learn a vector of this size, or 'auto', for each category.")
@click.option("--loss", help="log_loss, focal; squared_error, absolute_error, huber, quantile, poisson, gamma, ...")
@click.option("--log-target", is_flag=True, help="Learn the logarithm of a positive target; predict in its units.")
@click.option(
    "--intervals",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Predict intervals that cover this share of new rows, such as 0.9.",
)
@click.option("--class-weight", help="'balanced', or weights such as rose=2,lily=0.5.")
@click.option("--set", "more", multiple=True, help="Any other setting of the estimators, as NAME=VALUE.")
@click.option("--strict", is_flag=True, help="Refuse rows without a target value instead of leaving them out.")
@click.option("--hidden", help="Widths of the hidden layers, such as 64,32; 'none' for a linear model.")
@click.option("--activation", help="relu, tanh, sigmoid, gelu, silu, ...")
@click.option("--dropout", type=float, help="Share of hidden units removed while training.")
@click.option("--solver", help="adam, adamw, sgd, lbfgs, gradient_descent, ...")
@click.option("--alpha", type=float, help="Regularisation strength.")
@click.option("--l1-ratio", type=float, help="Share of L1 in the penalty.")
@click.option("--weight-decay", type=float, help="Decoupled weight decay.")
@click.option("--learning-rate", type=float, help="Initial learning rate.")
@click.option("--schedule", help="constant, cosine, one_cycle, plateau, adaptive, invscaling.")
@click.option("--batch-size", type=int, help="Rows per step.")
@click.option("--epochs", type=int, help="Maximum number of epochs.")
@click.option("--patience", type=int, help="Stop after this many epochs without a better validation loss.")
@click.option("--validation", type=float, help="Share of training rows held out for early stopping; 0 for none.")
@click.option("--engine", type=click.Choice(["auto", "native", "reference"]), help="Compute backend.")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, 2**63 - 1),
    help="Seed of the split and of every random draw.",
)
@click.option("--dask", help="Train on the workers of the Dask scheduler at this address, tcp://HOST:PORT.")
@click.option("--mpi", is_flag=True, help="Train on all ranks of the MPI job this runs in.")
@click.option(
    "--shards",
    default=8,
    show_default=True,
    type=click.IntRange(1),
    help="With --dask or --mpi, number of parts the rows are cut into; at most this many workers are used.",
)
@click.option("--memory", help="Memory limit, such as 2GB; by default a quarter of the machine's.")
@click.option("--checkpoint", help="Folder for checkpoints: after a kill, the same command resumes from the last one.")
@click.option("--quiet", "-q", is_flag=True, help="Print only warnings and errors.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; everything else goes to standard error.")
@guarded
def train(table: str, model: str, quiet: bool, as_json: bool, seed: int, **options: Any) -> None:
    """Train a network on TABLE, test it beside two baselines, and save it.

    TABLE is a CSV, TSV, JSON or Parquet file (compressed or not), a folder or glob of them, an Arrow or Feather file, a
    sheet (book.xlsx#Sheet2), a table of SQLite (data.sqlite#people), a SQL query, an IDX image set, or -, standard
    input. The roles of its columns are inferred and shown before training.

    \b
    chainrule train penguins.csv --target species
    chainrule train adult.data --target 15 --test-table adult.test --hidden 64,32
    chainrule train "SELECT * FROM 'sales/*.parquet' WHERE year > 2020" --target price
    chainrule train 'clicks/*.parquet' --target bought --memory 2GB --checkpoint run1
    chainrule train visits.csv --target ill --split-by patient --cv 5
    chainrule train sales.csv --target sold --split-time day

    Ctrl-C while the network is trained ends the training: the best weights so far are tested and saved, and the exit
    code is 130 (143 after SIGTERM), so that `chainrule train ... && deploy` stops.

    A table that is too large for memory, or used with --memory or --checkpoint, is read in batches. Its encoded rows
    are then cached on disk, in the checkpoint's folder or the system's temporary folder.

    Rows are held out at random, with the same share of every class or of every tenth of the target's range. With
    --split-by, rows with the same value stay together; with --split-time, nothing later is learnt from. With --cv, the
    folds are made in the same way, and the figures are their mean and standard deviation; in order of time, a fold is
    tested after all that is before it is learnt, so that the first block of rows is never tested.
    """
    from chainrule._errors import InvalidParameterError
    from chainrule.cli.display import strict_json
    from chainrule.cli.progress import Reading, Reporter
    from chainrule.cli.train_settings import embedding_size, given_objective, given_settings
    from chainrule.cli.train_text import after, before, of_fold, of_model, summary
    from chainrule.distributed.distribution import on_root
    from chainrule.files.model_file import check_writable
    from chainrule.storage import save
    from chainrule.table.reading.foreign.standard_input import stored_input
    from chainrule.table.reading.inputs import check_outputs
    from chainrule.tabular.cross_validation import Fold, cross_validate
    from chainrule.tabular.pipeline import Task, train_table
    from chainrule.tabular.prepare import ROLES, Overrides

    checkpoint, cv = options["checkpoint"], options["cv"]
    if cv is not None:
        _check_cv(options)
    if "-" in (table, options["test_table"]) and checkpoint is not None:
        raise InvalidParameterError("--checkpoint needs a table that can be found again; standard input cannot.")
    if table == options["test_table"] == "-":
        raise InvalidParameterError("standard input is read once: it cannot be both TABLE and --test-table.")
    check_writable(model)
    check_outputs(_outputs(model, checkpoint), [table, options["test_table"]])
    changes, objective = given_settings(options), given_objective(options)
    distribution = _distribution(options)
    if distribution is not None:
        distribution.check()
    is_root = distribution is None or distribution.is_root
    if options["mpi"]:
        of_an_mpi_job(is_root)
    quiet, as_json = quiet or not is_root, as_json and is_root
    tell = _say(quiet, as_json)
    columns = {name: names(options[name]) for name in ROLES}
    size = embedding_size(options["embedding_size"])
    overrides = Overrides(**columns, task=options["task"], embedding_size=size, weight=options["weight"])
    described = False
    with ExitStack() as stack:
        reading = stack.enter_context(closing(Reading(quiet)))
        table = stack.enter_context(stored_input(table))
        test_table = stack.enter_context(stored_input(options["test_table"])) if options["test_table"] else None
        on_root(distribution, partial(_begin, reading, table, options["memory"], checkpoint))

        def announce(prepared: PreparedTable, settings: Settings) -> Reporter:
            reading.close()
            nonlocal described
            fold = prepared.shares.fold
            if not described:
                tell(before(prepared, settings))
                described = True
            elif fold is None:
                tell(of_model(prepared, settings))
            return stack.enter_context(closing(Reporter(quiet or fold is not None)))

        def on_fold(number: int, fold: Fold) -> None:
            tell(of_fold(number, cv, fold))

        task = Task(
            table,
            options["target"],
            overrides,
            objective,
            options["test"] if cv is None else 0.0,
            test_table,
            options["strict"],
            options["split_by"],
            options["split_time"],
            intervals=options["intervals"],
            options=given_read_options(options),
        )
        common = {"seed": seed, "memory": options["memory"], "announce": announce, "on_read": reading}
        if cv is not None:
            trained, prepared = cross_validate(task, changes, cv, checkpoint=checkpoint, on_fold=on_fold, **common)
        else:
            trained, prepared = train_table(task, changes, checkpoint=checkpoint, distribution=distribution, **common)
    if is_root:
        save(trained.model, model)
    tell(after(trained, prepared, model, checkpoint))
    if as_json:
        say(strict_json(summary(trained, prepared, model)))


def _check_cv(options: dict[str, Any]) -> None:
    """Refuse what does not go with --cv."""
    from chainrule._errors import InvalidParameterError

    given = click.get_current_context().get_parameter_source("test") != click.core.ParameterSource.DEFAULT
    clash = {
        "--test": given,
        "--test-table": options["test_table"] is not None,
        "--dask": options["dask"],
        "--mpi": options["mpi"],
    }
    for option in (option for option, is_given in clash.items() if is_given):
        reason = "each row is tested once" if "test" in option else "the folds are trained here, one after the other"
        raise InvalidParameterError(f"--cv does not go with {option}: {reason}. Leave one of them out.")


def _outputs(model: str, checkpoint: str | None) -> dict[str, Any]:
    from chainrule.checkpoints.run_folder import places

    return {"--model": [model]} | ({"--checkpoint": places(checkpoint)} if checkpoint else {})


def _begin(reading: Reading, table: str, memory: str | None, checkpoint: str | None) -> None:
    """Name the table or the checkpoint before rows are counted."""
    from chainrule.checkpoints.run_folder import has_checkpoint
    from chainrule.tabular.finished_folds import has_finished_folds
    from chainrule.tabular.pipeline import in_batches

    if checkpoint is not None and (has_checkpoint(checkpoint) or has_finished_folds(checkpoint)):
        say(f"going on from {one_line(checkpoint)}", err=True)
    elif checkpoint is not None or in_batches(table, memory):
        reading.begin(table)


def _distribution(options: dict[str, Any]) -> Distribution | None:
    from chainrule._errors import InvalidParameterError
    from chainrule.distributed.distribution import Distribution

    if options["dask"] and options["mpi"]:
        raise InvalidParameterError("--dask and --mpi are two ways to do the same: give one of them.")
    where = "mpi" if options["mpi"] else options["dask"]
    return None if where is None else Distribution(where, options["shards"])


def _say(quiet: bool, to_stderr: bool) -> Any:
    to_stderr = to_stderr or sys.stdout is None  # the model is saved even if nobody reads how it went
    return (lambda text: None) if quiet else (lambda text: say(text, err=to_stderr))
