"""The output of `chainrule train`: before training, after it, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.cli.display import aligned, figures_table
from chainrule.cli.terminal import one_line

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
    lines = [f"{one_line(table.source)}: {table.n_rows:,} rows, {len(table.names):,} columns"]
    lines.append(f"target {', '.join(map(one_line, target.names))}: {target.task}, {target.reason}")
    lines += [*table.notes, *prepared.notes]
    if prepared.dropped_rows:
        lines.append(f"{prepared.dropped_rows:,} rows lack a target value and are left out")
    lines += ["", aligned([("column", "role", "note"), *prepared.schema.rows()]), ""]
    held = f", {settings.validation_fraction:.0%} of them held out to stop early" if settings.early_stopping else ""
    lines.append(f"{prepared.m:,} rows to train on{held}; {prepared.m_test:,} to test on")
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
    lines.append(f"model saved: {one_line(path)}")
    return "\n".join(lines)


def summary(trained: Trained, prepared: PreparedTable, path: str) -> dict[str, Any]:
    """Return the result as data, for `--json`."""
    history = trained.model.network.history
    figures = dict(trained.figures)
    return {
        "model": path,
        "target": list(prepared.target.names),
        "task": prepared.target.task,
        "rows": {"train": prepared.m, "test": prepared.m_test, "without_target": prepared.dropped_rows},
        "figures": figures.pop("network", {}),
        "baselines": figures,
        "stop_reason": history.stop_reason,
        "stop_sentence": history.stop_sentence,
        "epochs": len(history["epoch"]) if "epoch" in history else 0,
        "best_epoch": history.best_epoch,
        "final": history.final,
        "seconds": trained.model.training["seconds"],
    }
