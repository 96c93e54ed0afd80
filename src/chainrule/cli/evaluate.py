"""`chainrule evaluate`: the figures of a saved model on another table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chainrule.cli.guard import guarded

if TYPE_CHECKING:
    from chainrule.tabular.evaluate import Evaluation
    from chainrule.tabular.model import TableModel


@click.command()
@click.argument("model")
@click.argument("table")
@click.option("--memory", help="Most memory to take, such as 2GB; a quarter of the machine's by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@guarded
def evaluate(model: str, table: str, memory: str | None, as_json: bool) -> None:
    """Test the saved MODEL on TABLE, which has the target column."""
    from chainrule.cli.display import figures_table, strict_json
    from chainrule.cli.predict import table_model

    found = _evaluation(table_model(model), table, memory)
    if as_json:
        click.echo(strict_json({"figures": found.figures, "rows": found.rows, "without_target": found.without_target}))
        return
    for note in found.notes:
        click.echo(note)
    if found.without_target:
        click.echo(f"{found.without_target:,} rows lack a target value and are left out")
    click.echo(f"{found.rows:,} rows of {found.source}")
    click.echo(figures_table({"network": found.figures}, "on these rows"))


def _evaluation(model: TableModel, table: str, memory: str | None) -> Evaluation:
    from chainrule.cli.streaming import in_batches, opened
    from chainrule.tabular.evaluate import evaluate_batches, evaluate_table
    from chainrule.tabular.model import as_table

    if not in_batches(table, memory):
        return evaluate_table(model, as_table(table))
    with opened(table, memory, "testing") as batches:
        return evaluate_batches(model, batches)
