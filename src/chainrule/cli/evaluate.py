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
    """Test the saved MODEL on TABLE, which has the target column, and name columns that differ much from training."""
    from chainrule.cli.class_text import advice, class_record, class_text, remarks
    from chainrule.cli.display import figures_table, strict_json, wrapped
    from chainrule.cli.predict import table_model
    from chainrule.cli.reading import opened
    from chainrule.tabular.findings.finding import shown

    loaded = table_model(model)
    with opened(table, memory, "testing") as batches:
        found = loaded.judge(batches)
    classes = loaded.target.classes
    said = remarks(found.figures, found.by_class, classes, "rows", advice(loaded.training))
    if as_json:
        counts = {"rows": found.rows, "without_target": found.without_target}
        by_class = class_record(found.by_class, classes)
        findings = [finding.to_dict() for finding in found.findings]
        record = {"figures": found.figures, **by_class, **counts, "remarks": said, "findings": findings}
        click.echo(strict_json(record))
        return
    for note in (*found.notes, *shown(found.findings)):
        click.echo(note)
    if found.without_target:
        click.echo(f"{found.without_target:,} rows lack a target value and are left out")
    click.echo(f"{found.rows:,} rows of {found.source}")
    click.echo(figures_table({"network": found.figures}, "on these rows"))
    if found.by_class is not None:
        click.echo(class_text(found.by_class, classes, "rows"))
    if said:
        click.echo("\n" + "\n".join(map(wrapped, said)))
