"""The output of `chainrule train`: before training, after it, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.cli.display import aligned, coverage_line, figures_table, number

if TYPE_CHECKING:
    from chainrule.fit.parameters import Settings
    from chainrule.tabular.prepare import PreparedTable
    from chainrule.tabular.train import Trained


def before(prepared: PreparedTable, settings: Settings) -> str:
    """Describe the table and the network, for the user to check before training."""
    from chainrule.fit.parameters import FULL_BATCH
    from chainrule.network.parameters import n_parameters
    from chainrule.tabular.train import network_of

    target, table = prepared.target, prepared.about
    lines = [f"{table.source}: {table.n_rows:,} rows, {len(table.names):,} columns"]
    learned = {"log": ", learned as its logarithm", "log1p": ", learned as log(1 + y), since it has zeros"}
    lines.append(f"target {', '.join(target.names)}: {target.task}, {target.reason}{learned.get(target.transform, '')}")
    if prepared.suggests_log:
        names = ", ".join(target.names)
        lines.append(f"{names}: positive and highly skewed; with --log-target errors count relative to its values")
    lines += [*table.notes, *prepared.notes]
    if prepared.dropped_rows:
        lines.append(f"{prepared.dropped_rows:,} rows lack a target value and are left out")
    if prepared.zero_rows:
        lines.append(f"{prepared.zero_rows:,} rows have weight 0 and are left out")
    lines += ["", aligned([("column", "role", "note"), *prepared.schema.rows()]), ""]
    held = f", {settings.validation_fraction:.0%} of them held out to stop early" if settings.early_stopping else ""
    lines.append(f"{prepared.m:,} rows to train on{held}; {prepared.m_test:,} to test on")
    if prepared.class_weights is not None:
        weights = zip(target.classes, prepared.class_weights, strict=True)
        lines.append(f"weights of the classes: {', '.join(f'{name} {number(weight)}' for name, weight in weights)}")
    if prepared.asked.weight is not None:
        lines.append(f"all figures, also those on the test rows, are weighted by {prepared.asked.weight}")
    net = network_of(prepared, settings)
    widths = "-".join(str(n) for n in net.widths)
    steps = "all rows a step" if settings.solver in FULL_BATCH else f"batches of {settings.batch_size}"
    gs = ", ".join(dict.fromkeys(g.name for g in net.hidden))
    count = n_parameters(net.widths, net.embeddings)
    lines.append(
        f"network {widths}{f', {gs}' if gs else ''}, {net.loss.pair}; {count:,} parameters; {settings.solver}, {steps}"
    )
    return "\n".join([*lines, ""])


def after(trained: Trained, path: str, checkpoint: str | None) -> str:
    """Describe the result."""
    from chainrule.network.training.history import StopReason

    history = trained.model.network.history
    lines = [f"stopped: {history.stop_sentence}"]
    if checkpoint and history.stop_reason == StopReason.INTERRUPTED:
        lines.append(f"the same command goes on from {checkpoint}")
    if trained.figures:
        lines += ["", figures_table(trained.figures), ""]
    if trained.covered:
        lines += [coverage_line(trained.model, trained.covered, "the test rows"), ""]
    lines.append(f"model saved: {path}")
    return "\n".join(lines)


def summary(trained: Trained, prepared: PreparedTable, path: str) -> dict[str, Any]:
    """Return the result as data, for `--json`."""
    history = trained.model.network.history
    figures = dict(trained.figures)
    zeros = {} if prepared.asked.weight is None else {"weight_0": prepared.zero_rows}
    asked = trained.model.intervals
    intervals = {"intervals": {"coverage": asked.coverage, "covered": list(trained.covered)}} if asked else {}
    return {
        "model": path,
        "target": list(prepared.target.names),
        "task": prepared.target.task,
        "rows": {"train": prepared.m, "test": prepared.m_test, "without_target": prepared.dropped_rows, **zeros},
        "figures": figures.pop("network", {}),
        "baselines": figures,
        **intervals,
        "stop_reason": history.stop_reason,
        "stop_sentence": history.stop_sentence,
        "epochs": len(history["epoch"]) if "epoch" in history else 0,
        "best_epoch": history.best_epoch,
        "final": history.final,
        "seconds": trained.model.training["seconds"],
    }
