"""`chainrule summary`: show what a saved model is."""

from __future__ import annotations

import click

from chainrule.cli.guard import guarded
from chainrule.cli.terminal import one_line, say


@click.command()
@click.argument("model")
@guarded
def summary(model: str) -> None:
    """Show the layers of the saved MODEL, its columns, and the record of its training."""
    from chainrule.cli.display import figures_table
    from chainrule.cli.predict import table_model
    from chainrule.network.summary import Summary

    loaded = table_model(model)
    target, training = loaded.target, loaded.training
    say(Summary(loaded.architecture, loaded.parameters.theta.dtype))
    say(f"\ntarget: {', '.join(map(one_line, target.names))} ({target.task})")
    if target.classes:
        say(f"classes: {', '.join(map(one_line, target.classes))}")
    say(f"columns: {', '.join(map(one_line, loaded.encoder.columns))}")
    say(f"inputs: {len(loaded.encoder.feature_names):,}")
    if not training:
        return
    history = training["history"]
    say(f"\ntrained on {training['rows']:,} rows with seed {training['seed']} in {training['seconds']:.1f} s")
    say(f"stopped: {history['stop_sentence']}")
    if training["figures"]:
        say("\n" + figures_table(training["figures"]))
