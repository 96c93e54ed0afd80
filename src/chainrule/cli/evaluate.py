"""`chainrule evaluate`: evaluate a saved model on another table."""

from __future__ import annotations

import click

from chainrule.cli.guard import guarded


@click.command()
@click.argument("model")
@click.argument("table")
@click.option("--memory", help="Memory limit, such as 2GB; by default a quarter of the machine's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@guarded
def evaluate(model: str, table: str, memory: str | None, as_json: bool) -> None:
    """Test the saved MODEL on TABLE, which has the target column."""
    from chainrule.cli.display import coverage_line, figures_table, strict_json
    from chainrule.cli.predict import table_model
    from chainrule.cli.reading import opened

    loaded = table_model(model)
    with opened(table, memory, "testing") as batches:
        found = loaded.judge(batches)
    if as_json:
        counts = {"rows": found.rows, "without_target": found.without_target}
        weighted = {} if found.weight is None else {"weight": found.weight, "weight_0": found.zero_rows}
        covered = {"covered": list(found.covered)} if found.covered else {}
        click.echo(strict_json({"figures": found.figures, **counts, **weighted, **covered}))
        return
    for note in found.notes:
        click.echo(note)
    if found.without_target:
        click.echo(f"{found.without_target:,} rows lack a target value and are left out")
    if found.zero_rows:
        click.echo(f"{found.zero_rows:,} rows have weight 0 and are left out")
    by = "" if found.weight is None else f", weighted by {found.weight}"
    click.echo(f"{found.rows:,} rows of {found.source}{by}")
    click.echo(figures_table({"network": found.figures}, "on these rows"))
    if found.covered:
        click.echo(coverage_line(loaded, found.covered, "these rows"))
