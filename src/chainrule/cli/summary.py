"""`chainrule summary`: show what a saved model is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from chainrule.cli.guard import guarded
from chainrule.cli.terminal import one_line, say

if TYPE_CHECKING:
    from chainrule.tabular.model import TableModel


@click.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@guarded
def summary(model: str, as_json: bool) -> None:
    """Show the layers of the saved MODEL, its columns, what was found in its table, and the record of its training."""
    from chainrule.cli.display import strict_json
    from chainrule.cli.predict import table_model

    loaded = table_model(model)
    say(strict_json(_data(loaded)) if as_json else _text(loaded))


def _text(model: TableModel) -> str:
    from chainrule.cli.display import aligned, coverage_line, figures_table
    from chainrule.cli.train_text import folds_table
    from chainrule.network.summary import Summary
    from chainrule.table import ColumnPlan, Schema
    from chainrule.tabular.findings.finding import shown

    target, training = model.target, model.training
    lines = [str(Summary(model.architecture, model.parameters.theta.dtype)), ""]
    learned = {"log": ", learned as log(y)", "log1p": ", learned as log(1 + y)"}.get(target.transform, "")
    lines.append(f"target: {', '.join(map(one_line, target.names))} ({target.task}{learned})")
    if target.classes:
        lines.append(f"classes: {', '.join(map(one_line, target.classes))}")
    if len(target.classes) == 2:
        rules = ", f1, recall= or cost=" if model.thresholds else ", no rule, since no rows were held out"
        lines.append(
            f"threshold: of p_{one_line(target.classes[1])}, 0.5 by default; --threshold takes a number{rules}"
        )
    if model.weight is not None:
        lines.append(f"weights: {one_line(model.weight)}")
    lines.append(f"inputs: {len(model.encoder.feature_names):,}")
    if "schema" in training:
        plans = Schema(tuple(ColumnPlan.from_dict(plan) for plan in training["schema"]))
        lines += ["", aligned([("column", "role", "note"), *plans.rows()])]
    else:
        lines.append(f"columns: {', '.join(map(one_line, model.encoder.columns))}")
    if model.findings:
        lines += ["", *shown(model.findings)]
    if training:
        history = training["history"]
        lines += [
            "",
            f"trained on {training['rows']:,} rows with seed {training['seed']} in {training['seconds']:.1f} s",
        ]
        lines.append(f"stopped: {history['stop_sentence']}")
        lines += training.get("split", {}).get("notes", ())
        if "cross_validation" in training:
            lines += ["", folds_table(training)]
        elif training["figures"]:
            lines += ["", figures_table(training["figures"])]
        if training.get("covered") and model.intervals:
            lines += ["", coverage_line(model, training["covered"], "the test rows")]
    return "\n".join(lines)


def _data(model: TableModel) -> dict[str, Any]:
    from chainrule.network.parameters import n_parameters

    target, training, net = model.target, model.training, model.architecture
    own = ("rows", "test_rows", "seed", "seconds", "settings", "figures", "split", "standard_error")
    found = {
        "target": list(target.names),
        "task": target.task,
        "classes": list(target.classes),
        "transform": target.transform,
        "columns": training.get("schema", [{"name": name} for name in model.encoder.columns]),
        "inputs": list(model.encoder.feature_names),
        "widths": list(net.widths),
        "activations": [activation.name for activation in net.hidden],
        "parameters": n_parameters(net.widths, net.embeddings),
        "findings": [finding.to_dict() for finding in model.findings],
        "weight": model.weight,
        "intervals": None if model.intervals is None else model.intervals.to_dict(),
    }
    if training:
        history = {name: training["history"][name] for name in ("stop_reason", "stop_sentence", "best_epoch")}
        found["training"] = {
            name: training[name] for name in (*own, "cross_validation", "covered") if name in training
        } | history
    return found
