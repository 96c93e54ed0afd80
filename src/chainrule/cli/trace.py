"""`chainrule trace`: show every number of one pass through a saved model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from chainrule.cli.guard import guarded, names
from chainrule.cli.terminal import check_output, say, shown
from chainrule.cli.text_file import check_text_path, write_text

if TYPE_CHECKING:
    from chainrule.derivation.tracing.trace import Trace
    from chainrule.table import Table
    from chainrule.tabular.model import TableModel

_FIRST = 5  # rows traced by default
_MOST = 10_000  # most rows of one range

_STYLES = {
    "title": "bold",
    "part": "bold cyan",
    "step": "bold",
    "formula": "bold green",
    "shape": "cyan",
    "mean": "yellow",
    "faint": "dim",
    "numbers": "",
    "plain": "",
}


@click.command()
@click.argument("model")
@click.argument("table")
@click.option("--row", "-r", "rows", multiple=True, help="Rows, from 1: 3, or 1-5, or 1,4; by default the first five.")
@click.option(
    "--layout",
    type=click.Choice(["columns", "both"]),
    default="columns",
    show_default=True,
    help="With both, formulas are also shown in the layout of libraries, one example per row.",
)
@click.option("--dropout-step", type=click.IntRange(0), default=0, help="Training step of the masks; by default 0.")
@click.option("--no-dropout", is_flag=True, help="Keep every unit, as in prediction.")
@click.option("--learning-rate", type=float, help="Learning rate of the update; by default that of training.")
@click.option("--output", "-o", help="A .html, .tex, .txt or .json file; text to the terminal by default.")
@guarded
def trace(
    model: str,
    table: str,
    rows: tuple[str, ...],
    layout: str,
    dropout_step: int,
    no_dropout: bool,
    learning_rate: float | None,
    output: str | None,
) -> None:
    """Trace rows of TABLE, which has the target column, through the saved MODEL, forward and back.

    Every formula is shown with its shapes and numbers for these rows: Z, A, the loss, dZ, dA, dW, db and the update.

    \b
    chainrule trace model.safetensors penguins.csv --row 3
    chainrule trace model.safetensors penguins.csv --row 1-5 -o trace.html
    """
    from dataclasses import replace

    from chainrule.cli.predict import table_model
    from chainrule.derivation import trace as take
    from chainrule.table.reading.inputs import check_outputs

    places = _places(rows)
    ending = check_text_path(output, _WRITERS) if output else ""
    if output:
        check_outputs({"--output": [output]}, [table], model)
    loaded = table_model(model)
    chosen, numbers = _chosen(loaded, loaded.read(table), places)
    rate = learning_rate if learning_rate is not None else _rate_of(loaded)
    taken = take(loaded, chosen, learning_rate=rate, dropout_step=None if no_dropout else dropout_step)
    taken = replace(taken, examples=tuple(f"row {n}" for n in numbers))
    if output:
        write_text(output, _WRITERS[ending](taken, layout))
    else:
        _show(taken, layout)


def _json(record: dict[str, Any]) -> str:
    import json

    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


# The function that writes each kind of file, by its ending.
_WRITERS: dict[str, Callable[[Trace, str], str]] = {
    ".html": lambda taken, layout: taken.to_html(layout=layout),
    ".tex": lambda taken, layout: taken.to_latex(layout=layout),
    ".txt": lambda taken, layout: taken.to_text(layout=layout),
    ".json": lambda taken, _: _json(taken.to_dict()),
}


def _places(given: tuple[str, ...]) -> list[int]:
    """Parse row numbers from texts such as 3, 1-5 and 1,4: each once, in the given order."""
    places: list[int] = []
    for part in names(given):
        first, _, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or "-" not in part)) or len(part) > 20:
            raise _bad_row(part)
        start, end = int(first), int(last or first)
        if start < 1 or end < start or end - start >= _MOST:
            raise _bad_row(part)
        places += range(start, end + 1)
    return list(dict.fromkeys(places))


def _bad_row(part: str) -> Exception:
    from chainrule._errors import InvalidParameterError

    return InvalidParameterError(
        f"--row takes numbers from 1, such as 3, 1-5 or 1,4 (at most {_MOST:,} rows); got {part!r}."
    )


def _chosen(model: TableModel, table: Table, places: list[int]) -> tuple[Table, list[int]]:
    """Return the requested rows, or the first ones with a target, and their numbers."""
    import numpy as np

    from chainrule._errors import TableError, TargetError

    missing = model.target.missing(table)
    numbers = places or (np.flatnonzero(~missing)[:_FIRST] + 1).tolist()
    if not numbers:
        raise TargetError(f"every row of {table.source} lacks a value of {', '.join(model.target.names)}.")
    for n in numbers:
        if n > table.n_rows:
            raise TableError(f"{table.source} has {table.n_rows:,} rows; there is no row {n:,}.")
        if missing[n - 1]:
            raise TargetError(f"row {n} of {table.source} lacks a value of {', '.join(model.target.names)}.")
    return table.take(np.array(numbers) - 1), numbers


def _rate_of(model: TableModel) -> float:
    """Return the learning rate of its training; the record leaves defaults out."""
    from chainrule.fit.parameters import Settings

    rate = model.training.get("settings", {}).get("learning_rate_init")
    return float(rate) if isinstance(rate, int | float) else Settings().learning_rate_init


def _show(taken: Trace, layout: str) -> None:
    """Print with colours and the width of the terminal; without one, print plain text."""
    check_output()
    if not sys.stdout.isatty():
        say(taken.to_text(layout=layout), nl=False)
        return
    from rich.console import Console
    from rich.text import Text  # not parsed as markup, so that names from a table are shown as they are

    from chainrule.derivation.document.text import styled_lines
    from chainrule.derivation.tracing.document_of_trace import document_of_trace

    console = Console()
    for line, style in styled_lines(document_of_trace(taken, layout), console.width):
        console.print(Text(shown(line), _STYLES[style]), no_wrap=True, overflow="ignore", crop=False)
