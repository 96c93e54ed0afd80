"""`chainrule evaluate`: evaluate a saved model on another table."""

from __future__ import annotations

import click

from chainrule.cli.guard import guarded
from chainrule.cli.terminal import one_line, say


@click.command()
@click.argument("model")
@click.argument("table")
@click.option("--memory", help="Memory limit, such as 2GB; by default a quarter of the machine's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@guarded
def evaluate(model: str, table: str, memory: str | None, as_json: bool) -> None:
    """Test the saved MODEL on TABLE, which has the target column."""
    from chainrule.cli.display import figures_table, strict_json
    from chainrule.cli.predict import table_model
    from chainrule.cli.reading import opened

    loaded = table_model(model)
    with opened(table, memory, "testing") as batches:
        found = loaded.judge(batches)
    if as_json:
        say(strict_json({"figures": found.figures, "rows": found.rows, "without_target": found.without_target}))
        return
    for note in found.notes:
        say(note)
    if found.without_target:
        say(f"{found.without_target:,} rows lack a target value and are left out")
    say(f"{found.rows:,} rows of {one_line(found.source)}")
    say(figures_table({"network": found.figures}, "on these rows"))
