"""`chainrule summary`: show what a saved model is."""

from __future__ import annotations

import click

from chainrule.cli.guard import guarded


@click.command()
@click.argument("model")
@guarded
def summary(model: str) -> None:
    """Show the layers of the saved MODEL, its columns, and the record of its training."""
    from chainrule.cli.display import coverage_line, figures_table
    from chainrule.cli.predict import table_model
    from chainrule.network.summary import Summary

    loaded = table_model(model)
    target, training = loaded.target, loaded.training
    click.echo(Summary(loaded.architecture, loaded.parameters.theta.dtype))
    learned = (
        "" if target.transform == "none" else ", learned as log(y)" if target.transform == "log" else ", as log(1 + y)"
    )
    click.echo(f"\ntarget: {', '.join(target.names)} ({target.task}{learned})")
    if target.classes:
        click.echo(f"classes: {', '.join(str(name) for name in target.classes)}")
    if len(target.classes) == 2:
        rules = ", f1, recall= or cost=" if loaded.thresholds else ", no rule, since no rows were held out"
        click.echo(f"threshold: of p_{target.classes[1]}, 0.5 by default; --threshold takes a number{rules}")
    click.echo(f"columns: {', '.join(loaded.encoder.columns)}")
    if loaded.weight is not None:
        click.echo(f"weights: {loaded.weight}")
    click.echo(f"inputs: {len(loaded.encoder.feature_names):,}")
    if not training:
        return
    history = training["history"]
    click.echo(f"\ntrained on {training['rows']:,} rows with seed {training['seed']} in {training['seconds']:.1f} s")
    click.echo(f"stopped: {history['stop_sentence']}")
    if training["figures"]:
        click.echo("\n" + figures_table(training["figures"]))
    if training.get("covered") and loaded.intervals:
        click.echo("\n" + coverage_line(loaded, training["covered"], "the test rows"))
