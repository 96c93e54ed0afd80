"""`chainrule evaluate`: evaluate a saved model on another table."""

from __future__ import annotations

import click

from chainrule.cli.guard import guarded
from chainrule.cli.predict import THRESHOLD


@click.command()
@click.argument("model")
@click.argument("table")
@click.option("--threshold", help=THRESHOLD)
@click.option("--memory", help="Memory limit, such as 2GB; by default a quarter of the machine's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@guarded
def evaluate(model: str, table: str, threshold: str | None, memory: str | None, as_json: bool) -> None:
    """Test the saved MODEL on TABLE, which has the target column."""
    from chainrule.cli.display import coverage_line, figures_table, number, strict_json
    from chainrule.cli.predict import said_threshold, table_model
    from chainrule.cli.reading import opened

    loaded = table_model(model)
    limit = None if threshold is None else said_threshold(loaded, threshold)
    with opened(table, memory, "testing") as batches:
        found = loaded.judge(batches, limit)
    if as_json:
        counts = {"rows": found.rows, "without_target": found.without_target}
        weighted = {} if found.weight is None else {"weight": found.weight, "weight_0": found.zero_rows}
        covered = {"covered": list(found.covered)} if found.covered else {}
        decided = {} if limit is None else {"threshold": limit, "decisions": found.decisions}
        click.echo(strict_json({"figures": found.figures, **counts, **weighted, **covered, **decided}))
        return
    for note in found.notes:
        click.echo(note)
    if found.without_target:
        click.echo(f"{found.without_target:,} rows lack a target value and are left out")
    if found.zero_rows:
        click.echo(f"{found.zero_rows:,} rows have weight 0 and are left out")
    if loaded.weight is not None and found.weight is None:
        click.echo(f"all rows count the same: there is no column {loaded.weight}, which held the weights in training")
    by = "" if found.weight is None else f", weighted by {found.weight}"
    click.echo(f"{found.rows:,} rows of {found.source}{by}")
    click.echo(figures_table({"network": found.figures}, "on these rows"))
    if limit is not None:
        figures = ", ".join(f"{name} {number(value)}" for name, value in found.decisions.items())
        click.echo(f"{loaded.target.classes[1]} where p_{loaded.target.classes[1]} >= {limit:.4g}: {figures}")
    if found.covered:
        click.echo(coverage_line(loaded, found.covered, "these rows"))
