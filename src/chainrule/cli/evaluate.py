"""`chainrule evaluate`: the figures of a saved model on another table."""

from __future__ import annotations

import click

from chainrule.cli.guard import guarded


@click.command()
@click.argument("model")
@click.argument("table")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@guarded
def evaluate(model: str, table: str, as_json: bool) -> None:
    """Test the saved MODEL on TABLE, which has the target column."""
    from chainrule.cli.display import figures_table, strict_json
    from chainrule.cli.predict import table_model
    from chainrule.estimator.table_model import as_table

    loaded = table_model(model)
    rows = as_table(table)
    figures = loaded.evaluate(rows)
    missing = int(loaded.target.missing(rows).sum())
    if as_json:
        click.echo(strict_json({"figures": figures, "rows": rows.n_rows - missing, "without_target": missing}))
        return
    for note in loaded.target.notes(rows):
        click.echo(note)
    if missing:
        click.echo(f"{missing:,} rows lack a target value and are left out")
    click.echo(f"{rows.n_rows - missing:,} rows of {rows.source}")
    click.echo(figures_table({"network": figures}, "on these rows"))
